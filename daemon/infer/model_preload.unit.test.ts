import { cpSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate } from '../../test/activate.ts';
import { anySchema } from '../../shared/bundle/any_schema.fixture.ts';
import { activePath } from '../../shared/bundle/bundle.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { writeRandomBundle } from '../../shared/bundle/random_bundle.fixture.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { Scheduler } from '../../shared/ports.ts';
import { preloadModels, type ModelPreloadOptions } from './model_preload.ts';

const CREATED = new Date('2026-11-20T07:30:00Z');
const [FIRST, SECOND] = ['20261120_0730', '20261120_073000'] as const;

let root: string;
let models: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-preload-'));
  for (const seed of ['a', 'b'])
    writeRandomBundle(join(root, 'originals'), { schema: anySchema(3), trees: 1, leaves: 2, seed, created: CREATED });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  models = mkdtempSync(join(root, 'models-'));
  cpSync(join(root, 'originals'), models, { recursive: true });
});

/** A preload whose timer and loads are ours. */
function open(marks: Pick<ModelPreloadOptions, 'marks'> = {}) {
  const loads: string[] = [];
  const released: string[] = [];
  let tick: (() => void) | null = null;
  const scheduler: Scheduler = {
    afterTurn: () => undefined,
    after: () => () => undefined,
    every(ms, work) {
      expect(ms).toBe(500);
      tick = work;
      return () => (tick = null);
    },
  };
  /** Loads wait here while it is set. */
  const gate: { held: Promise<void> | null; isBroken: boolean } = { held: null, isBroken: false };
  const preload = preloadModels({
    ...marks,
    modelsFolder: models,
    pollMs: 500,
    files: MACHINE_FILES,
    scheduler,
    async load(folder) {
      const version = folder.slice(models.length + 1);
      loads.push(version);
      await gate.held;
      if (gate.isBroken) throw new Error('broken');
      // A set that cannot be released affects nothing else.
      const release = (): Promise<void> => (released.push(version), Promise.reject(new Error('not released')));
      return { version, release } as unknown as ModelSet;
    },
  });
  const take = (version: string): string | null => preload.take(join(models, version))?.version ?? null;
  return { preload, loads, released, gate, take, tick: () => tick?.(), hasTimer: () => tick !== null };
}

describe('a preload', () => {
  it('loads nothing while no version is active', async () => {
    const { preload, loads, take } = open();
    await preload.check();
    expect([loads, take(FIRST)]).toEqual([[], null]);
  });

  it('loads the version that was accepted last while the pointer is refused', async () => {
    activate(models, FIRST);
    const check = (): never => {
      throw new Error('refused');
    };
    for (const versions of [[SECOND, FIRST], []]) {
      const accepted = () => versions.map((version) => ({ version, previous: null }));
      const { preload, loads } = open({ marks: { check, accepted } });
      await preload.check();
      expect(loads).toEqual(versions.slice(0, 1));
    }
    const { preload, loads } = open();
    writeFileSync(activePath(models), 'torn');
    await preload.check();
    expect(loads).toEqual([]);
  });

  it('returns the active set once, and only for its folder', async () => {
    const { preload, loads, released, take } = open();
    activate(models, FIRST);
    await preload.check();
    await preload.check();
    expect(loads).toEqual([FIRST]);
    expect([take(SECOND), take(FIRST), take(FIRST)]).toEqual([null, FIRST, null]);
    preload.stop();
    expect(released).toEqual([]);
  });

  it('returns no set when its files have changed since', async () => {
    const { preload, take } = open();
    activate(models, FIRST);
    await preload.check();
    utimesSync(join(models, FIRST, 'manifest.json'), 1, 1);
    expect(take(FIRST)).toBeNull();
  });

  it('follows the pointer by its timer and releases what was not taken', async () => {
    const { preload, loads, released, take, tick } = open();
    activate(models, FIRST);
    tick();
    await preload.check();
    activate(models, SECOND);
    tick();
    await preload.check();
    expect([loads, released]).toEqual([[FIRST, SECOND], [FIRST]]);
    expect([take(FIRST), take(SECOND)]).toEqual([null, SECOND]);
  });

  it('tries the same bytes once, and changed ones again', async () => {
    const { preload, loads, gate, take } = open();
    activate(models, FIRST);
    gate.isBroken = true;
    await preload.check();
    gate.isBroken = false;
    await preload.check();
    expect([loads, take(FIRST)]).toEqual([[FIRST], null]);
    utimesSync(join(models, FIRST, 'manifest.json'), 1, 1);
    await preload.check();
    expect([loads, take(FIRST)]).toEqual([[FIRST, FIRST], FIRST]);
  });

  it('polls once at a time', async () => {
    const { preload, loads, gate } = open();
    activate(models, FIRST);
    let go: () => void = () => undefined;
    gate.held = new Promise((resolve) => (go = resolve));
    const first = preload.check();
    expect(preload.check()).toBe(first);
    go();
    await first;
    activate(models, SECOND);
    await preload.check();
    expect(loads).toEqual([FIRST, SECOND]);
  });

  it('that was stopped follows nothing and releases its sets, also one that is still loading', async () => {
    const { preload, released, take, hasTimer } = open();
    activate(models, FIRST);
    await preload.check();
    preload.stop();
    expect([released, take(FIRST), hasTimer()]).toEqual([[FIRST], null, false]);
    const other = open();
    let go: () => void = () => undefined;
    other.gate.held = new Promise((resolve) => (go = resolve));
    const look = other.preload.check();
    other.preload.stop();
    go();
    await look;
    expect([other.released, other.take(FIRST)]).toEqual([[FIRST], null]);
  });
});
