import { describe, expect, it } from 'vitest';
import { columnsOf } from '../../shared/bar_file/bar_file.ts';
import { PairFeatures } from '../../shared/core/features/features.ts';
import { DEFAULT, randomPair } from '../../shared/core/features/features.fixture.ts';
import { ln } from '../../shared/elementary.ts';
import { plantEdge, type PlantedEdge } from './planted_edge.ts';

const PAIR = { id: 'A_B', a: 'A', b: 'B' };
const EDGE: PlantedEdge = { grossBps: 8, bars: 30, hours: [8, 16], zEntry: 2 };

function market(seed: string) {
  const { a, b } = randomPair(seed, 6000);
  return { a: columnsOf('A', a), b: columnsOf('B', b), bars: { a, b } };
}

describe('a planted edge', () => {
  it('is what the legs gain from the bar after the entry until the drift has ended, and in no other bar', () => {
    const { bars, ...legs } = market('planted');
    const { a, b, events } = plantEdge(legs, { pair: PAIR, windows: DEFAULT, edge: EDGE });
    expect(events.length).toBeGreaterThan(5);
    expect(b).toBe(legs.b);
    const features = new PairFeatures(DEFAULT, PAIR);
    const z = features.definitions.findIndex(({ name }) => name === 'z_score');
    const beta = features.definitions.findIndex(({ name }) => name === 'beta');
    const level = [...a.close].map((close, i) => ln(close / legs.a.close[i]!));
    let until = -1;
    let own = 0;
    for (const [i, time] of [...a.time].entries()) {
      features.step({ ...bars.a[i]!, ...priceOf(a, i) }, bars.b[i]!);
      const hour = Math.floor(time / 3600) % 24;
      const isCandidate = features.ready && Math.abs(features.values[z]!) >= 2 && hour >= 8 && hour < 16;
      const isEvent = i >= until && isCandidate;
      expect(events.includes(a.time[i]! as never)).toBe(isEvent);
      if (!isEvent) continue;
      expect(level[i]!).toBeCloseTo(own, 10);
      const end = i + 1 + EDGE.bars;
      // A decision at this bar's close is filled at the open of the next bar, which does not drift.
      if (end >= a.length) break;
      expect(level[i + 1]!).toBeCloseTo(own, 10);
      own += ((-Math.sign(features.values[z]!) * EDGE.grossBps) / 1e4) * (1 + Math.abs(features.values[beta]!));
      expect(level[end]!).toBeCloseTo(own, 10);
      until = end;
    }
  });

  it('knows nothing of later bars', () => {
    const { bars: _, ...legs } = market('later');
    const whole = plantEdge(legs, { pair: PAIR, windows: DEFAULT, edge: EDGE });
    const first = (of: typeof legs.a, length: number) => ({
      ...of,
      length,
      ...Object.fromEntries(
        (['time', 'open', 'high', 'low', 'close', 'volume'] as const).map((name) => [name, of[name].slice(0, length)]),
      ),
    });
    const cut = plantEdge(
      { a: first(legs.a, 4000), b: first(legs.b, 4000) },
      { pair: PAIR, windows: DEFAULT, edge: EDGE },
    );
    expect([...cut.a.close]).toEqual([...whole.a.close].slice(0, 4000));
  });
});

function priceOf({ open, high, low, close }: ReturnType<typeof columnsOf>, i: number) {
  return { open: open[i]!, high: high[i]!, low: low[i]!, close: close[i]! };
}
