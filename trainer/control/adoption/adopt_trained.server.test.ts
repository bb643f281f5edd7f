import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import {
  directionFolder,
  directionOpener,
  readActiveDirection,
} from '../../../shared/bundle/direction/active_direction.ts';
import { entryVeto } from '../../../shared/bundle/direction/direction_model.ts';
import { readRollout } from '../../../shared/bundle/rollout.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { writeTinyDirection } from '../../../test/tiny_direction.ts';
import { tinySettings } from '../../../test/tiny_models.ts';
import { withRegistry } from '../registry/outcome.ts';
import { adoptTrained } from './adopt_trained.ts';

let folder: string;
let paths: HomePaths;
let notes: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-adopt-'));
  paths = homePaths({ MINUTEHAND_HOME: folder });
  notes = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The verdicts with one that failed. */
function failing(gates: readonly RecordedGate[], failed: string): RecordedGate[] {
  return gates.map((gate) => ('code' in gate && gate.code === failed ? { ...gate, passed: false } : gate));
}

/** @param failed code of a gate that the bundle says it failed */
function write(minute: number, failed = '') {
  const created = new Date(Date.UTC(2026, 0, 2, 3, minute));
  const version = writeTinyDirection(paths.models, 'BTCUSDT', '1h', created);
  const path = join(directionFolder(paths.models), version);
  const file = join(path, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as { readonly gates: RecordedGate[] };
  writeFileSync(file, JSON.stringify({ ...manifest, gates: failing(manifest.gates, failed) }));
  return { version, path, gates: (readDirectionBundle(path).manifest.gates ?? []) as RecordedGate[] };
}

async function adopt(
  { version, gates }: ReturnType<typeof write>,
  { wanted = true, by = 'swap' as 'swap' | 'rollout', trained = gates, veto = 'entries' as 'entries' | 'serving' } = {},
) {
  const settings = tinySettings({ retrain: { adopt_by: by, claims_veto: veto } });
  return adoptTrained(
    { shelf: 'direction', version },
    trained,
    { adopt: wanted, output: { folder: null } },
    {
      settings,
      paths,
      registered: () => Promise.resolve(undefined),
      promotionFence: () => Promise.resolve(1),
      withRegistry: (work, shelf) => withRegistry({}, paths, work, shelf),
      note: (text) => void notes.push(text),
    },
  );
}

const statuses = (): Promise<string[]> =>
  withRegistry({}, paths, async (registry) => (await registry.list()).map(({ status }) => status), 'direction');
const active = (): string | null => readActiveDirection(paths.models, '1h')?.version ?? null;

describe('a trained direction model', () => {
  it('becomes the active one of its timeframe when it passed its gates and adoption was asked for', async () => {
    const bundle = write(4);
    expect(await adopt(bundle, { wanted: false })).toMatchObject({ adopted: false, rollout: null });
    expect(active()).toBeNull();
    expect(await statuses()).toEqual([]);
    expect(await adopt(bundle)).toMatchObject({ adopted: true, rollout: null });
    expect(active()).toBe(bundle.version);
    expect(await statuses()).toEqual(['active']);
  });

  it('stays a candidate when a gate of integrity failed in its training, whatever its bundle records', async () => {
    const bundle = write(4);
    for (const code of ['plausible', 'series_foresight', 'single_column', 'one_bar_later']) {
      expect(await adopt(bundle, { trained: failing(bundle.gates, code) })).toMatchObject({ adopted: false });
      expect(active()).toBeNull();
      expect(await statuses()).toEqual(['rejected']);
    }
  });

  it('becomes the active one although a claim about it failed, unless claims veto serving', async () => {
    for (const [minute, code, claim] of [
      [4, 'bias', 'MODEL_BIASED'],
      [9, 'f1', 'MODEL_WEAK'],
    ] as const) {
      const bundle = write(minute, code);
      expect(await adopt(bundle, { veto: 'serving' })).toMatchObject({ adopted: false });
      expect(active()).not.toBe(bundle.version);
      expect(await adopt(bundle)).toMatchObject({ adopted: true });
      expect(active()).toBe(bundle.version);
      const model = await directionOpener(paths.models, 1)(bundle.version, '1h');
      expect([model.failedClaim, entryVeto(model, 'BTCUSDT')]).toEqual([claim, claim]);
      await model.release();
    }
  });

  it('is refused where its training failed a claim that its bundle does not state', async () => {
    const bundle = write(4);
    await expect(adopt(bundle, { trained: failing(bundle.gates, 'bias') })).rejects.toMatchObject({
      code: 'MODEL_GATES',
    });
    expect(active()).toBeNull();
  });

  it('is the challenger of the one in use where models are adopted by rollout, one at a time', async () => {
    const first = write(4);
    expect(await adopt(first, { by: 'rollout' })).toMatchObject({ adopted: true, rollout: null });
    const second = write(9);
    const { adopted, rollout } = await adopt(second, { by: 'rollout' });
    const state = readRollout(paths.models)!;
    expect([adopted, rollout]).toEqual([false, state.id]);
    expect(state).toMatchObject({ champion: first.version, challenger: second.version, timeframe: '1h', power: null });
    expect([notes, active()]).toEqual([[`Rollout ${state.id} begins; power unknown.`], first.version]);
    expect(await statuses()).toEqual(['active', 'candidate']);
    const third = await adopt(write(14), { by: 'rollout' });
    expect(third).toMatchObject({ adopted: false, rollout: null });
    expect(third.gates.at(-1)).toMatchObject({ code: 'rollout', passed: false, evidence: { active: state.id } });
    expect(await statuses()).toEqual(['active', 'candidate', 'rejected']);
    expect(await adopt(second)).toMatchObject({ adopted: true });
    expect(active()).toBe(second.version);
  });
});
