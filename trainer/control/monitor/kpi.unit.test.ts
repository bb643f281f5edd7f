import fc from 'fast-check';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectSettings } from '../../../shared/policy/policy.ts';
import { packageRoot } from '../../../shared/root.ts';
import type { TradeRecord } from '../../learning/strategies/pair_reversion/backtest/period.ts';
import { haltsOf, kpiBreaches, kpiFigures, type KpiPolicy, type PublishedPair } from './kpi.ts';

const POLICY: KpiPolicy = {
  kpi_window_trades: 50,
  kpi_min_trades: 20,
  kpi_win_rate_min: 0.35,
  kpi_drawdown_max: 0.1,
  kpi_refusal_rate_min: null,
  kpi_refusal_rate_max: 0.9,
  kpi_false_alarm_rate: null,
};
const MINUTE = 60;

/** Every second ten minutes a trade of ten minutes with this result; the value moves at its last bar. */
function published(netBps: readonly number[], changes: Partial<PublishedPair> = {}): PublishedPair {
  const start = (i: number): number => i * 20 * MINUTE;
  const trades = netBps.map(
    (net, i) =>
      ({
        pairId: 'AAA_BBB',
        entrySignalTime: start(i),
        entryTime: start(i),
        exitSignalTime: start(i) + 10 * MINUTE,
        exitTime: start(i) + 10 * MINUTE,
        scale: 1,
        netBps: net,
      }) as TradeRecord,
  );
  return {
    pairId: 'AAA_BBB',
    trades,
    changes: {
      time: Float64Array.from(trades, ({ exitTime }) => exitTime),
      change: Float64Array.from(netBps, (net) => net / 1e4),
    },
    judged: {
      refused: new Float64Array(),
      admitted: Float64Array.from(trades, ({ entrySignalTime }) => entrySignalTime),
    },
    resumed: -Infinity,
    ...changes,
  };
}

const figuresOf = (pair: PublishedPair, policy = POLICY) => kpiFigures([pair], -Infinity, policy).pairs['AAA_BBB']!;
const minutes = (...at: readonly number[]): Float64Array => Float64Array.from(at, (minute) => minute * MINUTE);
const results = fc.array(fc.integer({ min: -400, max: 400 }), { maxLength: 80 });

describe('kpiFigures', () => {
  it('has the win rate of the last closed trades, and the maximum drawdown of them and the open one', () => {
    fc.assert(
      fc.property(results, fc.integer({ min: 1, max: 60 }), (net, window) => {
        const kpi = figuresOf(published(net), { ...POLICY, kpi_window_trades: window });
        const last = net.slice(-window);
        expect(kpi.trades).toBe(net.length);
        expect(kpi.win_rate).toBe(last.length === 0 ? null : last.filter((x) => x > 0).length / last.length);
        let deepest = 0;
        for (let i = 0; i <= net.length; i++)
          for (let j = i; j <= net.length; j++)
            deepest = Math.max(deepest, -net.slice(i, j).reduce((sum, x) => sum + x, 0));
        expect(kpi.drawdown).toBeCloseTo(deepest / 1e4, 9);
      }),
    );
  });

  it('counts no trade from before a person lifted the halts', () => {
    fc.assert(
      fc.property(results, fc.integer({ min: 0, max: 90 }), (net, lifted) => {
        const after = figuresOf(published(net, { resumed: lifted * 20 * MINUTE }));
        const alone = figuresOf(published(net.slice(lifted + 1)));
        expect(after.trades).toBe(alone.trades);
        expect(after.win_rate).toBe(alone.win_rate);
        expect(after.drawdown).toBeCloseTo(alone.drawdown, 9);
        expect(after.candidates).toBe(alone.candidates);
      }),
    );
  });

  it('counts what AI2 refused of the candidates that reached it; a candidate without an entry may be admitted', () => {
    const judged = { refused: minutes(5, 11, 15), admitted: minutes(0, 19) };
    expect(figuresOf(published([5], { judged }))).toMatchObject({ candidates: 5, refusal_rate: 3 / 5 });
    const later = figuresOf(published([5], { judged, resumed: 11 * MINUTE }));
    expect(later).toMatchObject({ candidates: 2, refusal_rate: 1 / 2 });
    const none = { refused: minutes(), admitted: minutes() };
    expect(figuresOf(published([5], { judged: none }))).toMatchObject({ candidates: 0, refusal_rate: null });
  });

  it('weights all pairs equally in the total, and offsets one with another', () => {
    const down = published([-100, -100]);
    const up = { ...published([100, 100]), pairId: 'CCC_DDD' };
    expect(kpiFigures([down, up], -Infinity, POLICY).total).toMatchObject({ trades: 4, win_rate: 0.5, drawdown: 0 });
    const idle = { ...published([]), pairId: 'CCC_DDD' };
    expect(kpiFigures([down, idle], -Infinity, POLICY).total.drawdown).toBeCloseTo(0.01, 9);
    expect(kpiFigures([], -Infinity, POLICY)).toMatchObject({ total: { trades: 0, drawdown: 0 }, pairs: {} });
  });

  it('uses the last trades of all pairs by their exit times', () => {
    const losers = published(Array<number>(30).fill(-1));
    const later = published(Array<number>(30).fill(1));
    const shifted = later.trades.map((trade) => ({
      ...trade,
      entrySignalTime: trade.entrySignalTime + 1e6,
      exitSignalTime: trade.exitSignalTime! + 1e6,
    }));
    const winners = { ...later, pairId: 'CCC_DDD', trades: shifted };
    const total = (window: number) =>
      kpiFigures([winners, losers], -Infinity, { ...POLICY, kpi_window_trades: window }).total;
    expect(total(30).win_rate).toBe(1);
    expect(total(60).win_rate).toBe(0.5);
  });
});

describe('kpiBreaches', () => {
  const breachesOf = (net: readonly number[], policy = POLICY, changes: Partial<PublishedPair> = {}) =>
    kpiBreaches(kpiFigures([published(net, changes)], -Infinity, policy), policy);

  it('halts a pair, and all when all together breach, for losing too often, but not before enough trades', () => {
    const seldom = (count: number): number[] => Array.from({ length: count }, (_, i) => (i % 5 === 0 ? 3 : -1));
    expect(breachesOf(seldom(19))).toEqual([]);
    expect(breachesOf(seldom(20))).toEqual(
      ['*', 'AAA_BBB'].map((pair_id) => ({
        pair_id,
        reason: 'win_rate',
        seen: '0.20 of 20 trades',
        limit: 'at least 0.35',
      })),
    );
    expect(breachesOf(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 3 : -3)))).toEqual([]);
  });

  it('halts at once for a drawdown that is too large', () => {
    expect(breachesOf([200, -600, -500]).map(({ reason, seen }) => [reason, seen])).toEqual([
      ['drawdown', '0.1100 of the capital in 3 trades'],
      ['drawdown', '0.1100 of the capital in 3 trades'],
    ]);
    expect(breachesOf([200, -600, -300])).toEqual([]);
  });

  it('halts for a refusal rate near 1', () => {
    const refused = Float64Array.from({ length: 40 }, (_, i) => (i * 20 + 1) * MINUTE);
    const judged = (count: number) => ({ refused: refused.slice(0, count), admitted: minutes(0) });
    expect(breachesOf([1], POLICY, { judged: judged(40) }).map(({ reason }) => reason)).toEqual([
      'refusal_rate',
      'refusal_rate',
    ]);
    expect(breachesOf([1], POLICY, { judged: judged(14) })).toEqual([]);
  });

  it('does not halt for a KPI that the policy has switched off', () => {
    const off = { ...POLICY, kpi_win_rate_min: null, kpi_drawdown_max: null, kpi_refusal_rate_max: null };
    expect(
      breachesOf(Array<number>(60).fill(-300), off, { judged: { refused: minutes(), admitted: minutes() } }),
    ).toEqual([]);
  });

  it('results in halts of the evaluated version', () => {
    const [breach] = breachesOf([-2000]);
    expect(haltsOf([breach!], '20261101_0300', new Date('2026-11-20T12:00:00Z'))).toEqual([
      { ...breach, version: '20261101_0300', since: '2026-11-20T12:00:00.000Z' },
    ]);
  });
});

describe('the policy of live KPIs', () => {
  it('is refused when no window of trades can ever be evaluated', () => {
    const configDir = mkdtempSync(join(tmpdir(), 'minutehand-kpi-'));
    try {
      cpSync(join(packageRoot(), 'config'), configDir, { recursive: true });
      const file = join(configDir, 'retrain_policy.yaml');
      const text = readFileSync(file, 'utf8');
      writeFileSync(
        file,
        text.replace(/(kpi_min_trades:\s+value: )\d+/, (_, key: string) => `${key}51`),
      );
      const { problems } = inspectSettings({ configDir, env: {} });
      expect(problems.map((problem) => problem.text)).toEqual(['is 51, expected at most kpi_window_trades (50)']);
    } finally {
      rmSync(configDir, { recursive: true, force: true });
    }
  });
});
