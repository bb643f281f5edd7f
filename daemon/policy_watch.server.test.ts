import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MACHINE_FILES } from '../shared/files.ts';
import { parsePair } from '../shared/pair.ts';
import { approvedPath } from '../shared/policy/approved.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { tinySettings, type SettingsOverrides } from '../test/tiny_settings.ts';
import type { PolicyInput } from './queue/input.ts';
import { watchPolicy, type PolicyWatch } from './policy_watch.ts';

let folder: string;
let watch: PolicyWatch;
let loaded: Settings | Error;
let printed: string[];
let applied: PolicyInput[];
let logged: [level: string, what: object, message: string][];
/** Calls of the timer, and of what stops it. */
let timers: [number | string, (() => void)?][];
const first = tinySettings();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-watch-'));
  loaded = first;
  printed = [];
  applied = [];
  logged = [];
  timers = [];
  watch = watchPolicy({
    paths: { policy: folder },
    pairs: first.minutehand.pairs.map(parsePair),
    policyHash: () => applied.at(-1)?.record.policyHash ?? first.policyHash,
    files: MACHINE_FILES,
    scheduler: {
      every: (ms: number, work: () => void) => (timers.push([ms, work]), () => timers.push(['stop'])),
    } as never,
    pollMs: 7,
    log: {
      info: (what: object, message: string) => logged.push(['info', what, message]),
      error: (what: object, message: string) => logged.push(['error', what, message]),
    } as never,
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
    expect(printed).toEqual([`Policy ${policyHash} from the next bar on: change 1 by ann, approved by bob.`]);
    const who = { policy_hash: policyHash, change_id: 1, author: 'ann', approver: 'bob', commit: 'c' };
    expect(logged).toEqual([['info', who, 'policy changed']]);
    expect(applied[0]!.kind).toBe('policy');
  });

  it('leaves to the next start what policy_hash does not cover', () => {
    approve({ minutehand: { windows: { z_window: 25 } }, retrain: { monitor_days: 3 } });
    watch.check();
    expect([applied, printed, logged]).toEqual([[], [], []]);
  });

  it('looks on a timer until it is stopped, and reads the configuration only where its file is another one', () => {
    expect(timers.map(([ms]) => ms)).toEqual([7]);
    const look = timers[0]![1]!;
    approve({});
    loaded = new Error('read');
    look();
    look();
    expect(printed).toHaveLength(1);
    rmSync(approvedPath(folder));
    look();
    expect(printed).toHaveLength(1);
    MACHINE_FILES.write(approvedPath(folder), 'a longer file than before');
    look();
    expect(printed).toHaveLength(2);
    watch.stop();
    expect(timers.at(-1)).toEqual(['stop']);
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
    for (const line of printed)
      expect(line).toMatch(/^[A-Z_]+: the approved configuration was not applied, the previous policy stays\. ./);
    expect(logged.map(([level, what, message]) => [level, 'code' in what, message])).toEqual([
      ['error', true, 'the approved configuration was not applied'],
      ['error', true, 'the approved configuration was not applied'],
    ]);
  });
});
