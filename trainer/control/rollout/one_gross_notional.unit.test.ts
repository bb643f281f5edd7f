import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { armVersion, type ActiveRollout } from '../../../shared/bundle/rollout.ts';
import type { TradingCosts } from '../../../shared/policy/costs.ts';
import { createRng } from '../../../shared/rng.ts';
import { encodeBody } from '../../../shared/signal/encode.ts';
import { bodyOf } from '../../../shared/signal/signal.fixture.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { cumulate, markToMarket } from '../../learning/backtest/equity.ts';
import type { TradeRecord } from '../../learning/strategies/pair_reversion/backtest/period.ts';
import { CALM_BAR, historyOf, type HistoryBar } from '../../learning/history/pair_history.fixture.ts';
import { scaleLabel } from '../../learning/strategies/pair_reversion/label/scale.ts';
import { backtest } from '../../learning/trades/backtest.ts';
import { kpiFigures } from '../monitor/kpi.ts';
import { readArmMinutes } from '../../jobs/strategies/pair_reversion/arm_answers.ts';
import { Guards } from './guards.ts';

const EQUITY = 100_000;
const SCALE = 0.6;
const BARS = 40;
const ENTRY = 10;
const EXIT = 30;
const FREE: TradingCosts = {
  spread_bps: 0,
  commission_bps: 0,
  slippage_bps: 0,
  swap_long_bps_per_night: 0,
  swap_short_bps_per_night: 0,
};
const BETAS = [0.05, 1, 3, 20].flatMap((beta) => [beta, -beta]);

/** Prices of both legs by random walk; z calls for leg A at bar 10, and the position is closed by its age. */
function marketOf(beta: number) {
  const rng = createRng(`gross ${beta}`);
  const bars: HistoryBar[] = [];
  let lnA = Math.log(40);
  let lnB = Math.log(7);
  for (let i = 0; i < BARS; i++) {
    lnA += 5e-4 * rng.normal();
    lnB += 5e-4 * rng.normal();
    const z = i === ENTRY ? -2.5 : 0;
    bars.push({ ...CALM_BAR, lnA, lnB, beta, alpha: lnA - beta * lnB - z, zStd: 1 });
  }
  return historyOf(bars);
}

/**
 * An account kept by hand: units bought and sold at two prices, so that both legs together are worth `notional`, and
 * what they have earned at later prices.
 * @param side of leg A
 */
function account(notional: number, side: number, beta: number, priceA: number, priceB: number) {
  const valueA = notional / (1 + Math.abs(beta));
  const unitsA = (side * valueA) / priceA;
  const unitsB = (-side * Math.sign(beta) * (notional - valueA)) / priceB;
  return { earned: (nowA: number, nowB: number): number => unitsA * (nowA - priceA) + unitsB * (nowB - priceB) };
}

describe.each(BETAS)('a position with a hedge ratio of %s', (beta) => {
  const history = marketOf(beta);
  const priceA = Array.from(history.lnA, Math.exp);
  const priceB = Array.from(history.lnB, Math.exp);
  const trades = backtest(history, 0, BARS, {
    thresholds: { theta1: 0.3, theta2: 0.8 },
    policy: {
      z_entry: 2,
      z_exit: 0.5,
      stop: 5,
      max_age_bars: EXIT - ENTRY,
      beta_min: 0.01,
      beta_max: 30,
      risk_exit: 0.95,
      require_edge: false,
      no_entry_windows: [],
      min_expected_net_bps: -Infinity,
    },
    edge: true,
    costs: { a: FREE, b: FREE },
    scores: () => ({ return_prob: 0.9, risk_score: 0.1 }),
    scale: () => SCALE,
  });
  const [trade] = trades;
  const { side, entryBar, exitBar } = trade!;
  const own = account(EQUITY * SCALE, side, beta, history.openA[entryBar]!, history.openB[entryBar]!);
  const marks = Array.from({ length: exitBar - entryBar + 1 }, (_, i) => {
    const bar = entryBar + i;
    // It is closed at the open of its last bar.
    const [a, b] = bar === exitBar ? [history.openA[bar]!, history.openB[bar]!] : [priceA[bar]!, priceB[bar]!];
    return own.earned(a, b) / EQUITY;
  });

  it('earns in the backtest, bar by bar, what an account of that gross notional does', () => {
    expect([trades.length, side, entryBar, exitBar]).toEqual([1, 1, ENTRY + 1, EXIT + 1]);
    expect((trade!.netBps * SCALE) / 1e4).toBeCloseTo(marks.at(-1)!, 12);
    const curve = cumulate(markToMarket(history, trades, null));
    expect(curve).toHaveLength(marks.length);
    marks.forEach((mark, i) => expect(curve[i]!).toBeCloseTo(mark, 12));
  });

  it('falls as deep in the KPIs as the account', () => {
    const time = (bar: number): number => history.time[bar]!;
    const record = {
      pairId: 'AAA_BBB',
      entrySignalTime: time(ENTRY),
      entryTime: time(entryBar),
      exitSignalTime: time(EXIT),
      exitTime: time(exitBar),
      scale: SCALE,
      netBps: trade!.netBps,
    } as TradeRecord;
    const pair = {
      pairId: 'AAA_BBB',
      trades: [record],
      changes: markToMarket(history, trades, null),
      judged: { refused: new Float64Array(), admitted: new Float64Array() },
      resumed: -Infinity,
    };
    const policy = {
      kpi_window_trades: 30,
      kpi_min_trades: 1,
      kpi_win_rate_min: null,
      kpi_drawdown_max: null,
      kpi_refusal_rate_min: null,
      kpi_refusal_rate_max: null,
      kpi_false_alarm_rate: 0.01,
    };
    const all = [0, ...marks];
    const deepest = Math.max(...all.map((before, i) => before - Math.min(...all.slice(i))));
    expect(deepest).toBeGreaterThan(0);
    expect(kpiFigures([pair], -Infinity, policy).total.drawdown).toBeCloseTo(deepest, 12);
  });

  it('uses as much of the loss budget of a rollout as the account loses', () => {
    const folder = mkdtempSync(join(tmpdir(), 'minutehand-gross-'));
    const journal = openJournal(join(folder, 'journal.db'));
    try {
      const rollout: ActiveRollout = {
        id: 'r1',
        stage: 'test',
        share: 0.1,
        key: '00'.repeat(16),
        block_minutes: 60,
        champion: '20261101_0000',
        challenger: '20261108_0000',
      };
      const [a, b] = bodyOf().pair_id.split('_') as [string, string];
      const add = (bar: number, change: Partial<SignalBody>): void => {
        const prices = { price_a: priceA[bar]!, price_b: priceB[bar]! };
        const timestamp = new Date((60 * bar + 60) * 1000).toISOString().replace('.000', '');
        journal.append(
          [],
          [],
          [
            {
              signalId: 's',
              pairId: bodyOf().pair_id,
              time: (60 * bar) as OpenTime,
              body: encodeBody(bodyOf({ timestamp, beta, position_scale: SCALE, ...prices, ...change })),
              riskProb: null,
              position: '{}',
              modelVersion: armVersion(rollout.challenger, rollout.id),
            },
          ],
        );
      };
      add(ENTRY, { action: 'ENTER', target: 1 });
      add(EXIT, { action: 'EXIT', target: 0 });
      const minutes = readArmMinutes([journal], rollout, 0 as OpenTime, { [a]: FREE, [b]: FREE });
      const limits = {
        loss_budget_bps: 25,
        entry_ratio_max: 2,
        pass_rate_range: [0, 1] as const,
        missing_share_max: 0.5,
        missing_min_due: 100,
      };
      const guards = new Guards(limits, 60);
      const quiet = { minute: 0, share: 1, championBps: 0, entries: [], candidates: 0, passed: 0, due: 0, missing: 0 };
      for (const { pairs } of minutes)
        for (const { challenger } of pairs.values()) guards.add({ ...quiet, challengerBps: challenger!.resultBps });
      // Both arms are filled at the closes that their answers name.
      const filled = account(EQUITY * SCALE, 1, beta, priceA[ENTRY]!, priceB[ENTRY]!);
      const lost = (-1e4 * filled.earned(priceA[EXIT]!, priceB[EXIT]!)) / EQUITY;
      expect(guards.lossBps).toBeCloseTo(lost, 9);
    } finally {
      journal.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('is sized by AI3 so that the account moves by the target over the horizon', () => {
    const horizon = 15;
    const leverage = 10;
    const target_sigma = 0.005;
    const { label } = scaleLabel(history, ENTRY, { horizon, leverage, target_sigma })!;
    const whole = account(EQUITY * leverage, 1, beta, priceA[ENTRY]!, priceB[ENTRY]!);
    const values = Array.from({ length: horizon + 1 }, (_, i) => whole.earned(priceA[ENTRY + i]!, priceB[ENTRY + i]!));
    const changes = values.slice(1).map((value, i) => (value - values[i]!) / EQUITY);
    expect(label).toBeLessThan(1);
    // Labels add up logarithms, which differ from what an account earns by the square of a move.
    expect(label * Math.hypot(...changes)).toBeCloseTo(target_sigma, 4);
  });
});
