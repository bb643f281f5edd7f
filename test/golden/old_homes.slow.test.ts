import { describe, expect, it } from 'vitest';
import { INPUT_KINDS } from '../../shared/store/journal.ts';
import { oldVersions } from './home/old_homes.ts';
import { readRecord } from './record.ts';

interface JournalRecord {
  readonly inputs: Readonly<Record<string, number>>;
  readonly changes: readonly string[];
  readonly signals: Readonly<Record<string, number>>;
  readonly shadows: Readonly<Record<string, number>>;
  readonly replay: {
    readonly signals: number;
    readonly equal: number;
    readonly unanswered: number;
    readonly different: number;
    readonly differences: readonly { readonly pair_id: string; readonly time: string }[];
  };
}

const recordOf = (part: string): JournalRecord => readRecord(part) as unknown as JournalRecord;
const JOURNALS = ['live', ...oldVersions().map((version) => `journal ${version}`)];

/**
 * Opens of the minutes in which models failed. Version 0.1.0 did not write which minute that was: a replay, whose
 * models do not fail, answers it with them.
 */
function failedMinutes({ changes }: JournalRecord): Set<string> {
  const failures = /^(\d+) (degraded models( pairs)?|degraded direction_models \S+|rollout failed .*|direction \S+ )$/;
  const times = changes.flatMap((line) => failures.exec(line)?.[1] ?? []);
  return new Set(times.map((time) => new Date(Number(time) * 1000).toISOString()));
}

describe('the homes of old versions', () => {
  it('exist: at least that of 0.1.0', () => {
    expect(oldVersions()).toContain('0.1.0');
  });
});

describe('the recorded journal of this version', () => {
  it('has every kind of input that code knows', () => {
    expect(Object.keys(recordOf('live').inputs).sort()).toEqual([...INPUT_KINDS].sort());
  });
});

describe.each(JOURNALS)('the recorded journal: %s', (name) => {
  const record = recordOf(name);
  const lines = record.changes.join('\n');

  it('has only kinds of input that code knows', () => {
    expect(Object.keys(record.inputs).filter((kind) => !INPUT_KINDS.includes(kind as never))).toEqual([]);
  });

  it('has several processes, swaps, a fallback, stages and a failed rollout, halts of a pair and of all, leases', () => {
    expect(record.inputs['boot']).toBeGreaterThan(2);
    expect(record.inputs['policy']).toBeGreaterThan(0);
    for (const line of [
      / swap \d{8}_\d{4}\n\d+ degraded models( pairs)?$/m,
      / swap $/m,
      / rollout r1 test .*\n(.*\n)*\d+ rollout r1 pilot .*\n(.*\n)*\d+ rollout failed r1$/m,
      / rollout r2 full /,
      / rollout $/m,
      / halts \*@.* EURUSD_GBPUSD@/,
      / halts $/m,
      / lease seen 2\n\d+ lease 3$/m,
      / direction 1m $/m,
      / direction 5m $/m,
      / suspect XAUUSD$/m,
      / empty GBPUSD$/m,
      / timeout XAUUSD_XAGUSD$/m,
    ])
      expect(lines).toMatch(line);
  });

  it('has signals of pairs and of instruments with every mode, entries and exits, and those of shadow and arms', () => {
    const kinds = Object.keys(record.signals);
    for (const mode of ['OK', 'DEGRADED', 'WARMUP', 'HALT']) expect(kinds.join('\n')).toContain(mode);
    for (const subject of ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD', 'BTCUSDT', 'XAUUSD@5m'])
      for (const action of ['ENTER', 'EXIT', 'HOLD'])
        expect(kinds.some((kind) => kind.startsWith(`${subject} ${action} `))).toBe(true);
    for (const reason of ['LEG_MISSING', 'LEG_EMPTY', 'BAR_SUSPECT', 'SILENCE', 'SHUTDOWN', 'KPI_HALT', 'NO_MODEL'])
      expect(kinds.join('\n')).toContain(` HOLD ${reason} `);
    const ofArms = Object.keys(record.shadows);
    for (const arm of ['r1', 'r2']) expect(ofArms.filter((own) => own.endsWith(`@${arm}`)).length).toBeGreaterThan(3);
    expect(ofArms.some((own) => !own.includes('@'))).toBe(true);
  });

  it('is replayed to the byte; where version 0.1.0 wrote it, except for the minutes in which models failed', () => {
    const { signals, equal, unanswered, different, differences } = record.replay;
    expect(equal).toBeGreaterThan(1500);
    expect([equal + different, unanswered]).toEqual([signals, 0]);
    expect(different).toBe(differences.length);
    const failed = failedMinutes(record);
    expect(failed.size).toBeGreaterThan(2);
    expect(differences.filter(({ time }) => name === 'live' || !failed.has(time))).toEqual([]);
  });
});
