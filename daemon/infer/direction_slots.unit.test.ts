import { expect, it } from 'vitest';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { Input } from '../queue/input.ts';
import { DirectionSlots } from './direction_slots.ts';

function modelOf(version: string, infer: () => Float64Array = () => new Float64Array(3)): DirectionModel {
  const manifest = { version } as DirectionModel['manifest'];
  return { manifest, modelsHash: version, check: { rows: 0, largestDifference: 0 }, infer };
}

const rowsOf = (barSeconds: number, rows: number) => ({
  barSeconds,
  featureSchema: '',
  values: new Float32Array(4),
  rows,
});

function openSlots() {
  const [swaps, recorded, failures]: [unknown[], Input[], unknown[]] = [[], [], []];
  const slots = new DirectionSlots({
    inputs: () => ({ record: (input) => void recorded.push(input), apply: () => undefined }),
    observer: {
      onDirectionSwap: ({ manifest }, timeframe) => void swaps.push([manifest.version, timeframe]),
      onDirectionFailure: (error, { manifest }) => void failures.push([error, manifest.version]),
    },
  });
  return { slots, swaps, recorded, failures };
}

it('each timeframe has its own active model until that is taken away', () => {
  const { slots, swaps } = openSlots();
  const minute = modelOf('20260101_0000');
  const hour = modelOf('20260102_0000');
  expect([slots.versions, slots.activeOf(60)]).toEqual([{}, null]);
  slots.swap({ kind: 'direction', timeframe: '1m', set: minute });
  slots.swap({ kind: 'direction', timeframe: '1h', set: hour });
  expect(slots.versions).toEqual({ '1m': '20260101_0000', '1h': '20260102_0000' });
  expect([slots.activeOf(60), slots.activeOf(3600), slots.activeOf(300)]).toEqual([minute, hour, null]);
  slots.swap({ kind: 'direction', timeframe: '1m', set: null });
  expect(slots.versions).toEqual({ '1h': '20260102_0000' });
  slots.clear();
  expect(slots.versions).toEqual({});
  expect(swaps).toEqual([
    ['20260101_0000', '1m'],
    ['20260102_0000', '1h'],
  ]);
});

it('a timeframe without a model or without rows is not scored', () => {
  const { slots } = openSlots();
  const model = modelOf('20260101_0000', () => Float64Array.of(0.2, 0.3, 0.5));
  expect(slots.infer(rowsOf(60, 1))).toEqual({ model: null, probabilities: null });
  slots.swap({ kind: 'direction', timeframe: '1m', set: model });
  expect(slots.infer(rowsOf(60, 0))).toEqual({ model, probabilities: null });
  expect(slots.infer(rowsOf(60, 1))).toEqual({ model, probabilities: Float64Array.of(0.2, 0.3, 0.5) });
});

it('a model that fails is dropped, and the journal has it', () => {
  const { slots, recorded, failures } = openSlots();
  const error = new RangeError('broken');
  const broken = modelOf('20260101_0000', () => {
    throw error;
  });
  slots.swap({ kind: 'direction', timeframe: '1h', set: broken });
  expect(slots.infer(rowsOf(3600, 1))).toEqual({ model: null, probabilities: null });
  expect(slots.activeOf(3600)).toBeNull();
  expect(recorded).toEqual([{ kind: 'direction', timeframe: '1h', set: null }]);
  expect(failures).toEqual([[error, '20260101_0000']]);
});
