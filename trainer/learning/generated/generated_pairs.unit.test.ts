import { describe, expect, it } from 'vitest';
import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { ln } from '../../../shared/elementary.ts';
import { parsePair } from '../../../shared/pair.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_settings.ts';
import { datasetPolicy } from '../strategies/pair_reversion/dataset/dataset_policy.ts';
import { historyOf, CALM_BAR } from '../history/pair_history.fixture.ts';
import { SCENARIOS, scenariosOfPrices, type Scenario } from '../splits/scenarios.ts';
import { generatedLegs, generatedMarkets, marketsOf } from './generated_pairs.ts';

const settings = tinySettings();
const policy = datasetPolicy(settings);
const bars = tinyBars(settings);
const pair = parsePair('XAUUSD_XAGUSD');
const legsOf = (scenario: Scenario, seed = 'seed') => generatedLegs(pair, bars, policy, { scenario, seed });

/** Standard deviation of the moves between closes. */
function sigmaOf({ close }: BarColumns): number {
  const moves = close.slice(1).map((own, t) => ln(own / close[t]!));
  return Math.sqrt(moves.reduce((sum, own) => sum + own * own, 0) / moves.length);
}

describe('the legs of a generated pair', () => {
  it('both have the market of the scenario', () => {
    const shareOf = ({ close }: BarColumns, value: number): number => {
      const { trend } = scenariosOfPrices(
        close.map((own) => ln(own)),
        SECONDS_PER_BAR,
      );
      const known = trend.filter((own) => own !== 2);
      return known.filter((own) => own === value).length / known.length;
    };
    for (const [scenario, value] of [
      ['bull', 1],
      ['bear', -1],
      ['range', 0],
    ] as const) {
      const { a, b } = legsOf(scenario);
      for (const leg of [a, b]) expect(shareOf(leg, value), `${scenario} ${leg.symbol}`).toBeGreaterThan(0.6);
    }
    expect(sigmaOf(legsOf('high_volatility').a) / sigmaOf(legsOf('low_volatility').a)).toBeGreaterThan(3);
  });

  it('have possible bars at the same minutes, of the same recorded ones, and are the same for the same seed', () => {
    for (const scenario of SCENARIOS) {
      const { a, b } = legsOf(scenario);
      expect(a.time).toEqual(b.time);
      for (const { time, open, high, low, close } of [a, b]) {
        expect(high.every((own, t) => own >= Math.max(open[t]!, close[t]!))).toBe(true);
        expect(low.every((own, t) => own <= Math.min(open[t]!, close[t]!))).toBe(true);
        expect(open.subarray(1)).toEqual(close.subarray(0, -1));
        expect(time.every((own, t) => own === time[0]! + t * SECONDS_PER_BAR)).toBe(true);
      }
      expect(legsOf(scenario)).toEqual({ a, b });
      expect(legsOf(scenario, 'other').a.close).not.toEqual(a.close);
    }
  });
});

describe('generatedMarkets', () => {
  it('have rows of every model for each pair of the dataset, and none beside columns from outside', async () => {
    const histories = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'].map((id) => {
      const history = historyOf([CALM_BAR]);
      return { ...history, pair: parsePair(id) };
    });
    const told: number[] = [];
    const options = { bars, policy, seed: 'seed', onProgress: (done: number) => void told.push(done) };
    // Whatever else waits has a turn after each pair: Ctrl-C among it.
    let turns = 0;
    let isMade = false;
    const count = (): void => {
      turns++;
      if (!isMade) setImmediate(count);
    };
    setImmediate(count);
    const made = (await generatedMarkets({ ...options, dataset: { histories, outsideColumns: [] } }))!;
    isMade = true;
    expect(turns).toBeGreaterThanOrEqual(2 * SCENARIOS.length);
    expect(told.at(-1)).toBe(2 * SCENARIOS.length);
    for (const scenario of SCENARIOS)
      for (const name of ['ai1', 'ai2', 'ai3'] as const) {
        const parts = made[scenario][name];
        expect(parts.map(({ pairId }) => pairId)).toEqual(['XAUUSD_XAGUSD', 'EURUSD_GBPUSD']);
        for (const { x, y } of parts) {
          expect(y.length, `${scenario} ${name}`).toBeGreaterThan(20);
          expect([x.rows, x.values.length]).toEqual([y.length, y.length * x.columns]);
          expect(x.values.some(Number.isNaN)).toBe(false);
        }
      }
    const one = marketsOf(made, 'ai2', { histories: histories.slice(1) });
    expect(one.bear!.map(({ pairId }) => pairId)).toEqual(['EURUSD_GBPUSD']);
    expect(await generatedMarkets({ ...options, dataset: { histories, outsideColumns: ['mine'] } })).toBeNull();
    expect(marketsOf(null, 'ai1', { histories })).toEqual({});
  });
});
