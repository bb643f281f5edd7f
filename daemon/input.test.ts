import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../shared/bar.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import { DEGRADATION_NAMES } from './degradations.ts';
import { openJournal } from '../shared/store/journal.ts';
import { barInput, emptyInput, inputOf, minuteInputOf, pairInput, stateRow, type Input } from './input.ts';

const NEWEST = 1_700_000_040 as OpenTime;
const SETS = new Map(['v1', 'v2'].map((version) => [version, { version } as ModelSet]));
const loadModels = (version: string): Promise<ModelSet> => Promise.resolve(SETS.get(version)!);

const time = fc.integer({ min: 1, max: 10_000 }).map((minute) => (minute * 60) as OpenTime);
const word = fc.constantFrom('XAUUSD', 'EURUSD', 'models', 'journal');
const bar: fc.Arbitrary<Bar> = fc
  .record({ symbol: word, time, price: fc.double({ min: 0.5, max: 2, noNaN: true }) })
  .map(({ price, ...rest }) => ({ ...rest, open: price, high: price, low: price, close: price, volume: 1 }));
const input: fc.Arbitrary<Input> = fc.oneof(
  fc.tuple(bar, fc.boolean()).map((given) => barInput(...given)),
  fc.tuple(word, time, fc.boolean()).map((given) => emptyInput(...given)),
  fc
    .tuple(fc.constantFrom('timeout', 'silence', 'silence_halt', 'shutdown'), word, time)
    .map((given) => pairInput(...given)),
  fc.constantFrom(...SETS.values(), null).map((set): Input => ({ kind: 'swap', set })),
  fc.subarray(['v1', 'v2']).map((versions): Input => ({
    kind: 'halts',
    standing: { halts: versions.map((version) => ({ pair_id: '*', version })), resumed: [] },
  })),
  fc
    .tuple(fc.constantFrom('degraded', 'recovered'), fc.constantFrom(...DEGRADATION_NAMES))
    .map(([kind, what]): Input => ({ kind, what })),
  word.map((bootId): Input => ({ kind: 'boot', bootId })),
  fc
    .record({ symbol: word, eventTime: fc.nat(1e9), delay: fc.nat(1e5), value: fc.double({ noNaN: true }) })
    .map(({ delay, value, ...given }): Input => ({
      kind: 'series',
      observation: { ...given, name: 'sentiment', arrivalTime: given.eventTime + delay / 1000, value: value + 0 },
    })),
);

describe('an input', () => {
  it('is read from the journal as it was applied, whatever its kind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(input, { maxLength: 30 }), async (inputs) => {
        const store = openJournal(':memory:');
        store.append(
          inputs.map((each) => ('time' in each ? each : stateRow(each, NEWEST)!)),
          [],
        );
        const rows = [...store.inputsFrom(0 as OpenTime)];
        store.close();
        expect(await Promise.all(rows.map((row) => inputOf(row, loadModels)))).toEqual(inputs);
        expect(rows.flatMap((row) => minuteInputOf(row) ?? [])).toEqual(inputs.filter((each) => 'time' in each));
      }),
      { numRuns: 100 },
    );
  });

  it('of a minute or a heartbeat is its own row, in recovery too; every other one is stored elsewhere', () => {
    const row = { subject: 'EURUSD', time: NEWEST, bar: null, backfill: false };
    for (const kind of ['bar', 'empty', 'suspect', 'timeout', 'silence', 'silence_halt', 'shutdown'] as const)
      expect(minuteInputOf({ ...row, kind }), kind).toEqual({ ...row, kind });
    for (const kind of ['swap', 'halts', 'degraded', 'recovered', 'boot', 'series'] as const)
      expect(minuteInputOf({ ...row, kind }), kind).toBeNull();
    expect(pairInput('silence', 'EURUSD', NEWEST)).toEqual({ ...row, kind: 'silence' });
    expect(stateRow({ kind: 'boot', bootId: 'EURUSD' }, NEWEST)).toEqual({ ...row, kind: 'boot' });
  });

  it('that changes a state is journaled at the newest minute, and a shadow set not at all', () => {
    expect(stateRow({ kind: 'degraded', what: 'file' }, NEWEST)).toMatchObject({ subject: 'file', time: NEWEST });
    expect(stateRow({ kind: 'shadow', set: null }, NEWEST)).toBeNull();
  });
});
