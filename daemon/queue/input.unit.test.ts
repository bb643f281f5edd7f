import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../../shared/bar.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { FAILED_ROLLOUT, rolloutText, type ActiveRollout } from '../../shared/bundle/rollout.ts';
import { decisionRecord } from '../../shared/policy/decision_record.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import { scopeOf } from './degradation_set.ts';
import { DEGRADATION_NAMES } from './degradations.ts';
import {
  barInput,
  emptyInput,
  inputOf,
  minuteInputOf,
  pairInput,
  restoredInputOf,
  stateRow,
  type Input,
  type StateInput,
} from './input.ts';

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
    .map(([kind, what]): Input => ({ kind, what, scope: scopeOf(what) })),
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
    expect(stateRow({ kind: 'shadow', slot: 'pairs', set: null }, NEWEST)).toBeNull();
  });

  it('names models by their version, a rollout, a lease and a policy by their text', async () => {
    const champion = '20260101_0000';
    const challenger = '20260102_0000';
    const rollout: ActiveRollout = {
      id: 'r1',
      stage: 'pilot',
      share: 0.3,
      champion,
      challenger,
      key: '0'.repeat(32),
      block_minutes: 60,
    };
    const direction = { manifest: { version: challenger } } as DirectionModel;
    const record = decisionRecord(tinySettings());
    const inputs: [StateInput, string][] = [
      [{ kind: 'swap', set: null }, ''],
      [{ kind: 'swap', set: { version: champion } as ModelSet }, champion],
      [{ kind: 'direction', timeframe: '1h', set: direction }, `1h ${challenger}`],
      [{ kind: 'direction', timeframe: '5m', set: null }, '5m '],
      [{ kind: 'rollout', rollout, set: { version: challenger } as ModelSet }, rolloutText(rollout)],
      [{ kind: 'rollout', rollout: null, set: null }, ''],
      [{ kind: 'rollout', rollout: null, set: null, failed: 'r1' }, `${FAILED_ROLLOUT}r1`],
      [{ kind: 'lease', fence: 7 }, '7'],
      [{ kind: 'lease', fence: null, seen: 8 }, 'seen 8'],
      [{ kind: 'policy', record }, record.text],
    ];
    for (const [given, subject] of inputs) {
      const row = stateRow(given, NEWEST)!;
      expect(row).toEqual({ kind: given.kind, subject, time: NEWEST, bar: null, backfill: false });
      const read = await inputOf(
        row,
        (version) => Promise.resolve({ version } as ModelSet),
        (version, timeframe) => Promise.resolve({ manifest: { version }, timeframe } as unknown as DirectionModel),
      );
      expect(read).toEqual(subject.startsWith('1h ') ? { ...given, set: { ...direction, timeframe: '1h' } } : given);
      expect(restoredInputOf(row)).toBeNull();
    }
    // Without instruments no direction model is opened.
    const row = stateRow(inputs[2]![0], NEWEST)!;
    expect(await inputOf(row, loadModels)).toEqual({ kind: 'direction', timeframe: '1h', set: null });
  });

  it('of a minute or a series is applied again at a restart', () => {
    const observation = { symbol: 'BTCUSDT', name: 'sentiment', eventTime: 60, arrivalTime: 61, value: 50 } as const;
    const series: StateInput = { kind: 'series', observation };
    expect(restoredInputOf(stateRow(series, NEWEST)!)).toEqual(series);
    const silence = pairInput('silence', 'EURUSD', NEWEST);
    expect(restoredInputOf(silence)).toBe(silence);
  });
});
