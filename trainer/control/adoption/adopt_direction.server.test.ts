import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import { directionFolder, readActiveDirection } from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { writeTinyDirection } from '../../../test/tiny_direction.ts';
import { tinySettings } from '../../../test/tiny_models.ts';
import { withRegistry } from '../registry/outcome.ts';
import { adoptDirection } from './adopt_direction.ts';

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
  { version, path, gates }: ReturnType<typeof write>,
  { wanted = true, by = 'swap' as 'swap' | 'rollout', trained = gates } = {},
) {
  const settings = tinySettings({ retrain: { adopt_by: by } });
  return adoptDirection(
    { version, path },
    trained,
    { adopt: wanted, timeframe: '1h' },
    {
      settings,
      paths,
      registered: () => Promise.resolve(undefined),
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
    expect(await adopt(bundle, { wanted: false })).toMatchObject({ adopted: false, withheld: null });
    expect(active()).toBeNull();
    expect(await statuses()).toEqual([]);
    expect(await adopt(bundle)).toMatchObject({ adopted: true, withheld: null });
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

  it('does not take the place of the one in use where models are adopted by rollout, and says why', async () => {
    const first = write(4);
    expect(await adopt(first, { by: 'rollout' })).toMatchObject({ adopted: true });
    const second = write(9);
    const { adopted, withheld } = await adopt(second, { by: 'rollout' });
    expect(adopted).toBe(false);
    expect(withheld).toContain(`minutehand models promote ${second.version}`);
    expect([notes.length, active()]).toEqual([1, first.version]);
    expect(await statuses()).toEqual(['active', 'candidate']);
    expect(await adopt(second)).toMatchObject({ adopted: true });
    expect(active()).toBe(second.version);
  });
});
