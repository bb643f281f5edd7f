import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MACHINE_FILES } from '../shared/files.ts';
import { parsePair } from '../shared/pair.ts';
import { approvedPath } from '../shared/policy/approved.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { tinySettings, type SettingsOverrides } from '../test/tiny_settings.ts';
import type { PolicyInput } from './input.ts';
import { watchPolicy, type PolicyWatch } from './policy_watch.ts';

let folder: string;
let watch: PolicyWatch;
let loaded: Settings | Error;
let printed: string[];
let applied: PolicyInput[];
const first = tinySettings();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-watch-'));
  [loaded, printed, applied] = [first, [], []];
  watch = watchPolicy({
    paths: { policy: folder },
    pairs: first.minutehand.pairs.map(parsePair),
    policyHash: () => applied.at(-1)?.record.policyHash ?? first.policyHash,
    files: MACHINE_FILES,
    scheduler: { every: () => () => undefined } as never,
    pollMs: 1,
    log: pino({ level: 'silent' }),
    print: (line) => printed.push(line),
    load() {
      if (loaded instanceof Error) throw loaded;
      return loaded;
    },
    apply: (input) => applied.push(input),
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function approve(overrides: SettingsOverrides): Settings {
  const settings = tinySettings(overrides);
  const approved = { change_id: 1, author: 'ann', approver: 'bob', commit: 'c' } as never;
  loaded = { ...settings, sources: { ...settings.sources, approved } };
  MACHINE_FILES.write(approvedPath(folder), JSON.stringify(overrides));
  return loaded;
}

describe('the watch of the approved configuration', () => {
  it('applies a policy of another hash once, and names who approved it', () => {
    watch.check();
    const { policyHash } = approve({ minutehand: { decision: { z_entry: 1.1 } } });
    watch.check();
    watch.check();
    expect(applied.map(({ record }) => record.policyHash)).toEqual([policyHash]);
    expect(applied[0]!.record.policy.z_entry).toBe(1.1);
    expect(printed.join()).toContain('change 1 by ann, approved by bob');
  });

  it('leaves to the next start what policy_hash does not cover', () => {
    approve({ minutehand: { windows: { z_window: 25 } }, retrain: { monitor_days: 3 } });
    watch.check();
    expect(applied).toEqual([]);
  });

  it('keeps the policy before when a pair would have no costs, or the files are damaged', () => {
    const leg = parsePair(first.minutehand.pairs[0]!).a;
    const others = Object.fromEntries(Object.entries(first.minutehand.symbols).filter(([symbol]) => symbol !== leg));
    const settings = approve({ core: { require_edge: false } });
    loaded = { ...settings, minutehand: { ...settings.minutehand, symbols: others } };
    watch.check();
    loaded = new Error('damaged');
    MACHINE_FILES.write(approvedPath(folder), 'other');
    watch.check();
    expect(applied).toEqual([]);
    expect(printed).toHaveLength(2);
  });
});
