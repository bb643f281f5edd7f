import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import { createSimulatedMarket, recordMarket } from '../../shared/market/simulated_market.ts';
import { parsePair } from '../../shared/pair.ts';
import { tinySettings } from '../../test/tiny_settings.ts';
import { buildPair, type PairTask } from '../dataset/pair_build.ts';
import { HISTORY_COLUMNS } from '../dataset/pair_history.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';
import { datasetPolicy } from '../dataset/dataset_policy.ts';
import { joinColumns, joinParts, partsOf } from './parts.ts';

const start = (Date.parse('2024-01-04T22:00:00Z') / 1000) as OpenTime;
const bars = recordMarket(createSimulatedMarket({ seed: 3, symbols: ['USDCAD', 'BCOUSD'], start }), 3000);
const { windows, risk, scale } = datasetPolicy(tinySettings());
const task: PairTask = {
  pair: parsePair('USDCAD_BCOUSD'),
  a: bars.get('USDCAD')!,
  b: bars.get('BCOUSD')!,
  policy: {
    windows,
    risk,
    scale,
    barriers: EVALUATION_BARRIERS,
    share: 0,
    holdoutFrom: (start + 9000 * 60) as OpenTime,
  },
};

describe('parts of a pair', () => {
  it.each([100_000, 700, 101, 30])('of %i bars, built apart, are to the bit what the whole is', (barsPerPart) => {
    const whole = buildPair({ ...task, policy: { ...task.policy, holdoutFrom: start } }).history;
    const parts = partsOf({ ...task, policy: { ...task.policy, holdoutFrom: start } }, barsPerPart);
    expect(parts.length).toBe(Math.max(1, Math.round(whole.length / barsPerPart)));
    const built = parts.map((part) => buildPair(part).history);
    const joined = joinParts(built);
    expect(joined.length).toBe(whole.length);
    for (const name of HISTORY_COLUMNS) expect(joined[name]).toEqual(whole[name]);
    const features = built.flatMap((history) => Array.from(history.features));
    expect(Float32Array.from(features)).toEqual(whole.features);
  });

  it('that are sent to a thread take only their own bars along', () => {
    const [first] = partsOf(task, 200);
    expect(first!.a.time.buffer.byteLength).toBe(8 * first!.a.length);
    expect(structuredClone(first!).b.time).toEqual(first!.b.time);
  });

  it('are one where the bars are too few to be warm', () => {
    const none = { ...task, a: { ...task.a, length: 0, time: new Float64Array() } };
    expect(partsOf(none, 10)).toEqual([none]);
  });

  it('join columns in their order', () => {
    expect(joinColumns([Float64Array.of(1, 2), new Float64Array(), Float64Array.of(3)])).toEqual(
      Float64Array.of(1, 2, 3),
    );
  });
});
