import { expect, it } from 'vitest';
import type { EpochMs, OpenTime } from '../../shared/bar.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { OWN_SERVICE } from '../../shared/bundle/direction/own_service.fixture.ts';
import { timeframeOf, type Timeframe } from '../../shared/pair.ts';
import { DegradationSet } from '../queue/degradation_set.ts';
import { stateRow, type Input, type StateInput } from '../queue/input.ts';
import { DirectionSlots } from './direction_slots.ts';

function modelOf(version: string, infer: () => Float64Array = () => new Float64Array(3)): DirectionModel {
  const manifest = { version } as DirectionModel['manifest'];
  return { manifest, modelsHash: version, check: { rows: 0, largestDifference: 0 }, ...OWN_SERVICE, infer };
}

const rowsOf = (barSeconds: number, rows: number) => ({
  barSeconds,
  timeframe: timeframeOf(barSeconds),
  featureSchema: '',
  values: new Float32Array(4),
  valuesOf: () => new Float32Array(4),
  rows,
});

const textOf = (input: Input): string => stateRow(input as StateInput, 0 as OpenTime)!.subject;

/** Slots whose journal is applied as the queue does. */
function openSlots() {
  const swaps: unknown[] = [];
  const recorded: string[] = [];
  const degradations = new DegradationSet();
  const take = (input: Input): void => {
    if (input.kind === 'direction') {
      slots.announce(input);
      slots.swap(input);
    }
    if (input.kind === 'degraded') degradations.add(input.what, input.scope);
    if (input.kind === 'recovered') degradations.delete(input.what, input.scope);
  };
  const slots: DirectionSlots = new DirectionSlots({
    clock: { nowMs: () => 0 as EpochMs, monotonicUs: () => 0 },
    slowInferenceMs: 50,
    degradations,
    inputs: () => ({
      recordEarlier: (changes) => void recorded.push(...changes.map(textOf)),
      apply: (input) => {
        recorded.push(textOf(input));
        take(input);
      },
    }),
    observer: {
      onDirectionSwap: ({ manifest }, timeframe) => void swaps.push([manifest.version, timeframe]),
    },
  });
  const swap = (timeframe: Timeframe, set: DirectionModel | null): void => take({ kind: 'direction', timeframe, set });
  return { slots, swap, swaps, recorded, degradations };
}

it('each timeframe has its own active model until that is taken away', () => {
  const { slots, swap, swaps } = openSlots();
  const minute = modelOf('20260101_0000');
  const hour = modelOf('20260102_0000');
  expect([slots.versions, slots.activeOf(60)]).toEqual([{}, null]);
  swap('1m', minute);
  swap('1h', hour);
  expect(slots.versions).toEqual({ '1m': '20260101_0000', '1h': '20260102_0000' });
  expect([slots.activeOf(60), slots.activeOf(3600), slots.activeOf(300)]).toEqual([minute, hour, null]);
  swap('1m', null);
  expect(slots.versions).toEqual({ '1h': '20260102_0000' });
  slots.clear();
  expect(slots.versions).toEqual({});
  expect(swaps).toEqual([
    ['20260101_0000', '1m'],
    ['20260102_0000', '1h'],
  ]);
});

it('a timeframe without a model or without rows is not scored', () => {
  const { slots, swap } = openSlots();
  const model = modelOf('20260101_0000', () => Float64Array.of(0.2, 0.3, 0.5));
  expect(slots.infer(rowsOf(60, 1))).toEqual({ model: null, probabilities: null });
  swap('1m', model);
  expect(slots.infer(rowsOf(60, 0))).toEqual({ model, probabilities: null });
  const rows = rowsOf(60, 1);
  expect(slots.infer(rows)).toEqual({
    model,
    probabilities: Float64Array.of(0.2, 0.3, 0.5),
    features: rows.values,
  });
});

const broken = (version: string): DirectionModel =>
  modelOf(version, () => {
    throw new RangeError(`${version} is broken`);
  });

it('the model before answers for one that fails, within the same bar; only its timeframe is degraded', () => {
  const { slots, swap, recorded, degradations } = openSlots();
  const first = modelOf('20260101_0000', () => Float64Array.of(0.2, 0.3, 0.5));
  const other = modelOf('20260101_0001');
  swap('1m', other);
  swap('1h', first);
  swap('1h', broken('20260102_0000'));
  const rows = rowsOf(3600, 1);
  expect(slots.infer(rows)).toEqual({
    model: first,
    probabilities: Float64Array.of(0.2, 0.3, 0.5),
    features: rows.values,
  });
  expect(recorded).toEqual(['1h 20260101_0000', 'direction_models 1h']);
  expect([degradations.isInstrumentDegraded('1h'), degradations.isInstrumentDegraded('1m')]).toEqual([true, false]);
  expect(degradations.isPairDegraded).toBe(false);
  expect(slots.infer(rowsOf(60, 1))).toMatchObject({ model: other });
  // A new model ends it.
  swap('1h', modelOf('20260103_0000'));
  expect([...degradations.names]).toEqual([]);
});
