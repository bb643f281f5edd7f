import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import { directionFolder, readActiveDirection } from '../../../shared/bundle/direction/active_direction.ts';
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

function write(minute: number) {
  const created = new Date(Date.UTC(2026, 0, 2, 3, minute));
  const version = writeTinyDirection(paths.models, 'BTCUSDT', '1h', created);
  const path = join(directionFolder(paths.models), version);
  return { version, path, gates: (readDirectionBundle(path).manifest.gates ?? []) as RecordedGate[] };
}

async function adopt(
  { version, gates }: ReturnType<typeof write>,
  { wanted = true, by = 'swap' as 'swap' | 'rollout', trained = gates } = {},
) {
  const settings = tinySettings({ retrain: { adopt_by: by } });
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

  it('stays a candidate when a gate of its training failed, whatever its bundle records', async () => {
    const bundle = write(4);
    const failed = bundle.gates.map((gate, index) => (index === 0 ? { ...gate, passed: false } : gate));
    expect(await adopt(bundle, { trained: failed })).toMatchObject({ adopted: false });
    expect(active()).toBeNull();
    expect(await statuses()).toEqual(['rejected']);
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
