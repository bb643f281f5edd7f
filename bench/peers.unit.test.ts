import { describe, expect, it } from 'vitest';
import type { Bar, OpenTime } from '../shared/bar.ts';
import { FeatureEngine } from '../shared/core/features/features.ts';
import type { Windows } from '../shared/core/features/windows.ts';
import { parsePair } from '../shared/pair.ts';
import { benchMarket } from './market.ts';
import { naivePeer, technicalIndicatorsPeer, tradingSignalsPeer, type PairPoint, type PeerValues } from './peers.ts';

const WINDOWS: Windows = {
  beta_window: 40,
  z_window: 25,
  vol_short: 6,
  vol_window: 15,
  vol_long: 35,
  atr_short: 7,
  atr_long: 30,
  stability_window: 15,
  half_life_window: 20,
  pnl_window: 15,
  activity_window: 15,
  volume_window: 30,
};
const START = (Date.parse('2024-01-02T00:00:00Z') / 1000) as OpenTime;
const MINUTES = 400;

/** The corresponding features of the daemon, with population standard deviations. */
function runOurs(): { points: PairPoint[]; ours: Omit<PeerValues, 'atr_a_short'>[] } {
  const pair = parsePair('XAUUSD_XAGUSD');
  const market = benchMarket([pair.id], 'peers', START);
  const engine = new FeatureEngine([pair], WINDOWS);
  const columnOf = new Map(engine.definitions.map(({ name }, column) => [name, column]));
  const points: PairPoint[] = [];
  const ours: Omit<PeerValues, 'atr_a_short'>[] = [];
  for (let i = 0; i < MINUTES; i++) {
    const [a, b] = market.next().bars as [Bar, Bar];
    engine.step([{ pairIndex: 0, a, b }]);
    if (!engine.ready(0)) continue;
    const { lnA, lnB, returnA, returnB, spread, hedgedReturn, zMean, zStd, corr } = engine.frame(0);
    points.push({ a, b, lnA, lnB, returnA, returnB, spread, hedgedReturn });
    const population = (column: string, window: number): number =>
      engine.values(0)[columnOf.get(column)!]! * Math.sqrt((window - 1) / window);
    ours.push({
      vol_a: population('vol_a', WINDOWS.vol_window),
      vol_b: population('vol_b', WINDOWS.vol_window),
      spread_vol: population('spread_vol', WINDOWS.vol_window),
      z_mean: zMean,
      z_std: zStd * Math.sqrt((WINDOWS.z_window - 1) / WINDOWS.z_window),
      corr,
    });
  }
  return { points, ours };
}

describe('the peers of the features bench', () => {
  it('compute the same values as ours, so that the times are comparable', async () => {
    const { points, ours } = runOurs();
    for (const peer of [await tradingSignalsPeer(), await technicalIndicatorsPeer(), naivePeer()]) {
      const step = peer.create(WINDOWS);
      points.forEach((point, i) => {
        const values = step(point);
        // From here on, their windows are full.
        if (i < 60) return;
        for (const name of ['vol_a', 'vol_b', 'spread_vol', 'z_mean', 'z_std', 'corr'] as const) {
          // Its standard deviation is wrong after a value of exactly 0, which occurs in returns but not in spreads.
          if (peer.name === 'technicalindicators' && !name.startsWith('z_')) continue;
          const expected = ours[i]![name];
          expect(Math.abs(values[name] - expected), `${peer.name} ${name}`).toBeLessThan(1e-7 * Math.abs(expected));
        }
      });
    }
  });

  it('agree on the mean true range if it is a mean over a window', async () => {
    const { points } = runOurs();
    const signals = (await tradingSignalsPeer()).create(WINDOWS);
    const naive = naivePeer().create(WINDOWS);
    points.forEach((point, i) => {
      const one = signals(point).atr_a_short;
      const other = naive(point).atr_a_short;
      if (i >= 60) expect(Math.abs(one - other)).toBeLessThan(1e-9 * other);
    });
  });
});
