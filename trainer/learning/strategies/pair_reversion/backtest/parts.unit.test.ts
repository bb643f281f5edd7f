import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../../../shared/bar.ts';
import { shareBars, viewBars } from '../../../../../shared/bar_file/bar_file.ts';
import { createSimulatedMarket, recordMarket } from '../../../../../shared/market/simulated_market.ts';
import { parsePair } from '../../../../../shared/pair.ts';
import { tinySettings } from '../../../../../test/tiny_settings.ts';
import { buildPairHistory, HISTORY_COLUMNS } from '../../../history/pair_history.ts';
import { datasetPolicy } from '../dataset/dataset_policy.ts';
import { joinColumns, partsOf } from './parts.ts';

const start = (Date.parse('2024-01-04T22:00:00Z') / 1000) as OpenTime;
const bars = recordMarket(createSimulatedMarket({ seed: 3, symbols: ['USDCAD', 'BCOUSD'], start }), 3000);
const { windows } = datasetPolicy(tinySettings());
const pair = parsePair('USDCAD_BCOUSD');
const a = bars.get(pair.a)!;
const b = bars.get(pair.b)!;

describe('parts of a pair', () => {
  it.each([100_000, 700, 101, 30])('of %i bars, built separately, are bit-identical to the whole', (barsPerPart) => {
    const whole = buildPairHistory(pair, a, b, windows, () => true);
    const parts = partsOf(a, b, windows, barsPerPart);
    expect(parts.length).toBe(Math.max(1, Math.round(whole.length / barsPerPart)));
    const features: number[] = [];
    let next = 0;
    for (const part of parts) {
      const built = buildPairHistory(pair, part.a, part.b, windows, () => true);
      expect(part.first).toBe(next);
      expect(part.end).toBe(next + built.length);
      for (const name of HISTORY_COLUMNS) expect(built[name]).toEqual(whole[name].subarray(part.first, part.end));
      features.push(...built.features);
      next = part.end;
    }
    expect(next).toBe(whole.length);
    expect(Float32Array.from(features)).toEqual(whole.features);
  });

  it('that are sent to a thread contain only their own bars', () => {
    const [first] = partsOf(a, b, windows, 200);
    expect(first!.a.time.buffer.byteLength).toBe(8 * first!.a.length);
  });

  it('are views of memory that threads share', () => {
    const shared = shareBars(a);
    const parts = partsOf(shared, b, windows, 200);
    expect(parts.every((part) => part.a.time.buffer === shared.time.buffer)).toBe(true);
    expect(parts.map((part) => Array.from(part.a.time))).toEqual(
      partsOf(a, b, windows, 200).map((part) => Array.from(part.a.time)),
    );
  });

  it('are a single one without warm bars if there are too few bars', () => {
    const none = viewBars(a, 0, 0);
    expect(partsOf(none, b, windows, 10)).toEqual([{ first: 0, end: 0, a: none, b }]);
  });

  it('join columns in their order', () => {
    expect(joinColumns([Float64Array.of(1, 2), new Float64Array(), Float64Array.of(3)])).toEqual(
      Float64Array.of(1, 2, 3),
    );
  });
});
