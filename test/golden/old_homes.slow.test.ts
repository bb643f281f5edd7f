import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INPUT_KINDS } from '../../shared/store/journal.ts';
import { oldVersions } from './home/old_homes.ts';
import { HOME_PARTS } from './home_parts.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

/** What a part with a journal measures. */
interface JournalValues {
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

let workshop: Workshop;
beforeAll(() => void (workshop = openWorkshop()));
afterAll(() => workshop.close());

async function measure(part: string): Promise<JournalValues> {
  return (await HOME_PARTS.find(({ name }) => name === part)!.measure(workshop)) as unknown as JournalValues;
}

const JOURNALS = ['live', ...oldVersions().map((version) => `journal ${version}`)];

/**
 * Opens of the minutes in which models failed. Version 0.1.0 did not write which minute that was: a replay, whose
 * models do not fail, answers it with them.
 */
function failedMinutes({ changes }: JournalValues): Set<string> {
  const failures = /^(\d+) (degraded models( pairs)?|degraded direction_models \S+|rollout failed .*|direction \S+ )$/;
  const times = changes.flatMap((line) => failures.exec(line)?.[1] ?? []);
  return new Set(times.map((time) => new Date(Number(time) * 1000).toISOString()));
}

describe('the homes of old versions', () => {
  it('exist: at least that of 0.1.0', () => {
    expect(oldVersions()).toContain('0.1.0');
  });
});

describe.each(JOURNALS)('the journal: %s', (name) => {
  let values: JournalValues;
  beforeAll(async () => void (values = await measure(name)), 600_000);

  it('has only kinds of input that code knows, and of this version every one', () => {
    const kinds = Object.keys(values.inputs);
    expect(kinds.filter((kind) => !INPUT_KINDS.includes(kind as never))).toEqual([]);
    expect(name !== 'live' || kinds.length === INPUT_KINDS.length).toBe(true);
  });

  it('has several processes, swaps, a fallback, stages and a failed rollout, halts of a pair and of all, leases', () => {
    expect(values.inputs['boot']).toBeGreaterThan(2);
    expect(values.inputs['policy']).toBeGreaterThan(0);
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
      expect(values.changes.join('\n')).toMatch(line);
  });

  it('has signals of pairs and of instruments with every mode, entries and exits, and those of shadow and arms', () => {
    const kinds = Object.keys(values.signals);
    for (const mode of ['OK', 'DEGRADED', 'WARMUP', 'HALT']) expect(kinds.join('\n')).toContain(mode);
    for (const subject of ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD', 'BTCUSDT', 'XAUUSD@5m'])
      for (const action of ['ENTER', 'EXIT', 'HOLD'])
        expect(kinds.some((kind) => kind.startsWith(`${subject} ${action} `))).toBe(true);
    for (const reason of ['LEG_MISSING', 'LEG_EMPTY', 'BAR_SUSPECT', 'SILENCE', 'SHUTDOWN', 'KPI_HALT', 'NO_MODEL'])
      expect(kinds.join('\n')).toContain(` HOLD ${reason} `);
    const ofArms = Object.keys(values.shadows);
    for (const arm of ['r1', 'r2']) expect(ofArms.filter((own) => own.endsWith(`@${arm}`)).length).toBeGreaterThan(3);
    expect(ofArms.some((own) => !own.includes('@'))).toBe(true);
  });

  it('is replayed to the byte; where version 0.1.0 wrote it, except for the minutes in which models failed', () => {
    const { signals, equal, unanswered, different, differences } = values.replay;
    expect(equal).toBeGreaterThan(1500);
    expect([equal + different, unanswered]).toEqual([signals, 0]);
    expect(different).toBe(differences.length);
    const failed = failedMinutes(values);
    expect(failed.size).toBeGreaterThan(2);
    expect(differences.filter(({ time }) => name === 'live' || !failed.has(time))).toEqual([]);
  });
});
