import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../../../shared/bar.ts';
import { shareBars, viewBars, type BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
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

/** The same market with a month without bars behind the bar at 1,700. */
const apart = (columns: BarColumns): BarColumns => ({
  ...columns,
  time: columns.time.map((time, t) => time + (t > 1700 ? 30 * 86_400 : 0)),
});
const HOLED = { a: apart(a), b: apart(b) };

describe('parts of a pair', () => {
  it.each(
    [100_000, 700, 101, 30].flatMap((barsPerPart) => [
      { barsPerPart, market: 'without a hole', legs: { a, b } },
      { barsPerPart, market: 'with a hole', legs: HOLED },
    ]),
  )('of $barsPerPart bars $market, built separately, are bit-identical to the whole', ({ barsPerPart, legs }) => {
    const whole = buildPairHistory(pair, legs.a, legs.b, windows, () => true);
    const parts = partsOf(pair, legs, windows, barsPerPart);
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
    const [first] = partsOf(pair, { a, b }, windows, 200);
    expect(first!.a.time.buffer.byteLength).toBe(8 * first!.a.length);
  });

  it('are views of memory that threads share', () => {
    const shared = shareBars(a);
    const parts = partsOf(pair, { a: shared, b }, windows, 200);
    expect(parts.every((part) => part.a.time.buffer === shared.time.buffer)).toBe(true);
    expect(parts.map((part) => Array.from(part.a.time))).toEqual(
      partsOf(pair, { a, b }, windows, 200).map((part) => Array.from(part.a.time)),
    );
  });

  it('are a single one without warm bars if there are too few bars', () => {
    const none = viewBars(a, 0, 0);
    expect(partsOf(pair, { a: none, b }, windows, 10)).toEqual([{ first: 0, end: 0, a: none, b }]);
  });

  it('join columns in their order', () => {
    expect(joinColumns([Float64Array.of(1, 2), new Float64Array(), Float64Array.of(3)])).toEqual(
      Float64Array.of(1, 2, 3),
    );
  });
});
