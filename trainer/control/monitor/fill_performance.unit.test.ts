import fc from 'fast-check';
import { defaultProfile } from '../../../shared/core/cost/spread_profile.ts';
import { describe, expect, it } from 'vitest';
import type { PairEdge } from '../../../shared/bundle/manifest.ts';
import { closeFill, openFill, refusedFill } from '../../../shared/fill/fill.fixture.ts';
import type { Account } from '../../../shared/fill/fill.ts';
import type { SymbolCosts } from '../../../shared/policy/policy.ts';
import { createRng } from '../../../shared/rng.ts';
import { enterBody, exitBody, idOf } from '../../../shared/signal/signal.fixture.ts';
import { fillCostBps } from '../../../shared/core/cost/fill_cost.ts';
import type { LiveTrade } from '../fills/live_trades.ts';
import { journaled, tradeOf } from '../fills/trade.fixture.ts';
import { fillPerformance, type FillPerformance } from './fill_performance.ts';
import { compareShare } from '../../learning/profile/performance_drift.ts';

const DAY_S = 86_400;
/** A Monday, twelve o'clock: no night is near. */
const T0_S = Date.UTC(2026, 10, 16, 12) / 1000;
const NO_SWAPS = { swap_long_bps_per_night: 0, swap_short_bps_per_night: 0 };
const COSTS: Record<string, SymbolCosts> = {
  XAUUSD: { spread_bps: 1, commission_bps: 0.3, slippage_bps: 0.2, ...NO_SWAPS },
  XAGUSD: { spread_bps: 6, commission_bps: 0.4, slippage_bps: 0.6, ...NO_SWAPS },
};
const EDGE: PairEdge = {
  no_edge: false,
  trades: 400,
  wins: 240,
  mean_gross_bps: 4,
  mean_net_bps: 1,
  lower_5_net_bps: 0.5,
};

interface Trip {
  /** Each its own position; its day is that of its entry. */
  readonly number: number;
  readonly enteredS?: number;
  readonly account?: Account;
  readonly side?: 1 | -1;
  readonly beta?: number;
  /** Moves of the middle prices, as fractions. */
  readonly moveA?: number;
  readonly moveB?: number;
  /** Paid a side beyond the middle, in basis points, without slippage. */
  readonly halfA?: number;
  readonly halfB?: number;
  readonly slippageA?: number;
  readonly slippageB?: number;
  /** Of the account, for both legs. */
  readonly pnl?: number;
  readonly heldMs?: number;
}

/** Four fills of a position that was opened and closed by signals of the daemon. */
function tripOf(trip: Trip): LiveTrade[] {
  const { number, enteredS = T0_S, account = 'real', side = -1, beta = 0.8, moveA = 0, moveB = 0, pnl = 1 } = trip;
  const { halfA = 0.5, halfB = 3, slippageA = 0.2, slippageB = 0.6, heldMs = 600_000 } = trip;
  const id = idOf(2 * number);
  const exitId = idOf(2 * number + 1);
  const middles = { A: 4100, B: 51.25 };
  const bar = new Date(enteredS * 1000).toISOString().replace('.000', '');
  const enter = enterBody(id, { timestamp: bar, z_score: -side * 2.5, beta, price_a: middles.A, price_b: middles.B });
  const after = { A: middles.A * (1 + moveA), B: middles.B * (1 + moveB) };
  const exit = exitBody(id, 'Z_EXIT', { signal_id: exitId, price_a: after.A, price_b: after.B, timestamp: bar });
  const fillsOf = (leg: 'A' | 'B', way: number, half: number, slippage: number): LiveTrade[] => {
    const common = { leg, account, position_id: id, pair_id: 'XAUUSD_XAGUSD' };
    const paid = (middle: number, sign: number) => ({
      side: sign > 0 ? ('BUY' as const) : ('SELL' as const),
      requested_price: middle * (1 + (sign * half) / 1e4),
      filled_price: middle * (1 + (sign * half) / 1e4) * (1 + (sign * slippage) / 1e4),
    });
    const time_ms = enteredS * 1000 + 250;
    const signals = { signal_ms: enteredS * 1000, ticket: 10 * number + (leg === 'A' ? 0 : 1) };
    return [
      tradeOf(openFill({ ...common, ...signals, signal_id: id, time_ms, ...paid(middles[leg], way) }), enter),
      tradeOf(
        closeFill({
          ...common,
          ...signals,
          signal_id: exitId,
          time_ms: time_ms + heldMs,
          signal_ms: time_ms + heldMs - 250,
          pnl: pnl / 2,
          ...paid(after[leg], -way),
        }),
        exit,
      ),
    ];
  };
  return [...fillsOf('A', side, halfA, slippageA), ...fillsOf('B', -side * Math.sign(beta), halfB, slippageB)];
}

function performance(
  trades: readonly LiveTrade[],
  edge: Record<string, PairEdge> = { XAUUSD_XAGUSD: EDGE },
  fill_min_trades = 30,
): Readonly<Record<string, FillPerformance>> {
  const fills = { trades, entries: [], nowMs: (T0_S + 900 * DAY_S) * 1000, barMs: 60_000, settleMs: 60_000 };
  return fillPerformance(fills, { edge }, COSTS, { fill_min_trades });
}

describe('fills beside the backtest', () => {
  it('are empty without fills', () => {
    expect(performance([])).toEqual({});
  });

  it('count an entry once that several programs of a kind have followed', () => {
    const trips = Array.from({ length: 20 }, (_, number) =>
      tripOf({
        number,
        account: 'paper',
        enteredS: T0_S + number * DAY_S,
        moveA: 0.001 * (number % 3),
        pnl: (number % 3) - 1,
      }),
    ).flat();
    const alone = performance(trips)['paper']!;
    const copies = ['other', 'third'].flatMap((place) => trips.map((trade) => ({ ...trade, place })));
    const together = performance([...trips, ...copies])['paper']!;
    expect(alone.win_rate.live_count).toBe(20);
    expect(together.win_rate).toEqual(alone.win_rate);
    expect(together.net).toEqual(alone.net);
    // Below 30 entries nothing is found, however many programs there are.
    expect(together.net.noise_bps).toBe(Infinity);
  });

  it('earn the backtest’s result for the same prices: gross less costs', () => {
    const small = fc.double({ min: -0.01, max: 0.01, noNaN: true });
    const bps = fc.double({ min: 0, max: 5, noNaN: true });
    const beta = fc.double({ min: -3, max: 3, noNaN: true }).filter((value) => Math.abs(value) > 0.05);
    fc.assert(
      fc.property(
        fc.constantFrom(1 as const, -1 as const),
        beta,
        small,
        small,
        bps,
        bps,
        (side, own, a, b, half, slip) => {
          const trip = {
            number: 1,
            side,
            beta: own,
            moveA: a,
            moveB: b,
            halfA: half,
            halfB: 2 * half,
            slippageA: slip,
            slippageB: slip / 2,
          };
          const { net } = performance(tripOf(trip))['real']!;
          const hedge = Math.abs(own);
          const gross = (1e4 * side * (a - own * b)) / (1 + hedge);
          const costA = 2 * fillCostBps({ spread_bps: 2 * half, commission_bps: 0.3, slippage_bps: slip }, 0);
          const costB = 2 * fillCostBps({ spread_bps: 4 * half, commission_bps: 0.4, slippage_bps: slip / 2 }, 0);
          const costs = (costA + hedge * costB) / (1 + hedge);
          // Costs are of the filled prices, which move by 1 % at most, and by the costs themselves.
          expect(Math.abs(net.live_bps! - (gross - costs))).toBeLessThan(0.01 * costs + 0.05);
          expect(net.gap_bps).toBeCloseTo(net.live_bps! - 1, 9);
        },
      ),
    );
  });

  it('pay overnight swaps', () => {
    const night = 11 * 3_600_000;
    const swaps = { swap_long_bps_per_night: 2, swap_short_bps_per_night: 1 };
    const costs = { XAUUSD: { ...COSTS['XAUUSD']!, ...swaps }, XAGUSD: { ...COSTS['XAGUSD']!, ...swaps } };
    const netOf = (heldMs: number): number => {
      const trades = tripOf({ number: 1, heldMs, beta: 1 });
      const fills = { trades, entries: [], nowMs: Infinity, barMs: 60_000, settleMs: 0 };
      return fillPerformance(fills, { edge: { XAUUSD_XAGUSD: EDGE } }, costs, { fill_min_trades: 1 })['real']!.net
        .live_bps!;
    };
    // One leg long, one short, half of the capital each.
    expect(netOf(600_000) - netOf(night)).toBeCloseTo(1.5, 9);
  });

  it('show each symbol’s slippage and shortfall a side beside the configured ones', () => {
    const trades = Array.from({ length: 40 }, (_, number) =>
      tripOf({ number, enteredS: T0_S + number * 7200, halfA: 0.9, slippageA: 0.4 }),
    ).flat();
    const { symbols } = performance(trades)['real']!;
    const gold = symbols['XAUUSD']!;
    expect(gold.slippage).toMatchObject({ configured_bps: 0.2, fills: 80 });
    expect(gold.slippage.bps).toBeCloseTo(0.4, 9);
    expect(gold.shortfall.configured_bps).toBeCloseTo(0.7, 12);
    expect(gold.shortfall.bps).toBeCloseTo(1.3, 3);
    expect(gold.shortfall.noise_bps).toBeLessThan(0.01);
    expect(symbols['XAGUSD']!.shortfall.bps).toBeCloseTo(3.6, 2);
    // A handful is no measure.
    expect(performance(trades.slice(0, 20))['real']!.symbols['XAUUSD']!.slippage.noise_bps).toBe(Infinity);
  });

  it('compare fills at the rollover with the spread of the rollover', () => {
    const rollover = T0_S + 10 * 3600 + 120;
    const profile = defaultProfile('currency');
    const costs = Object.fromEntries(Object.entries(COSTS).map(([symbol, own]) => [symbol, { ...own, profile }]));
    const shortfallAt = (enteredS: number): number => {
      const trades = tripOf({ number: 1, enteredS, heldMs: 120_000 });
      const fills = { trades, entries: [], nowMs: Infinity, barMs: 60_000, settleMs: 0 };
      const [own] = Object.values(fillPerformance(fills, { edge: {} }, costs, { fill_min_trades: 1 }));
      return own!.symbols['XAUUSD']!.shortfall.configured_bps;
    };
    expect(shortfallAt(T0_S)).toBeCloseTo(0.5 + 0.2, 9);
    expect(shortfallAt(rollover)).toBeCloseTo(5.3 * 0.5 + 0.2, 9);
  });

  it('keep paper, demo and real money apart', () => {
    const trades = (['paper', 'demo', 'real'] as const).flatMap((account, index) =>
      Array.from({ length: 10 + index }, (_, number) =>
        tripOf({ number: 100 * index + number, account, pnl: index - 1 }),
      ).flat(),
    );
    const found = performance(trades);
    expect(
      Object.entries(found).map(([account, { win_rate }]) => [account, win_rate.live, win_rate.live_count]),
    ).toEqual([
      ['demo', 0, 11],
      ['paper', 0, 10],
      ['real', 1, 12],
    ]);
  });

  it('are compared with the bundle’s pairs in proportion, and omitted where it has measured none', () => {
    const euro = tripOf({ number: 9 }).map((trade) => ({
      ...trade,
      pair_id: 'XAGUSD_XAUUSD',
      symbol: trade.leg === 'A' ? 'XAGUSD' : 'XAUUSD',
    }));
    const trades = [...[1, 2, 3].flatMap((number) => tripOf({ number })), ...euro];
    const other = { ...EDGE, trades: 100, wins: 20, mean_net_bps: -3 };
    const mixed = performance(trades, { XAUUSD_XAGUSD: EDGE, XAGUSD_XAUUSD: other })['real']!;
    expect(mixed.win_rate).toMatchObject({ live_count: 4, bundle_count: 500 });
    expect(mixed.win_rate.bundle).toBeCloseTo(0.75 * 0.6 + 0.25 * 0.2, 12);
    expect(mixed.net.bundle_bps).toBeCloseTo(0.75 * 1 - 0.25 * 3, 12);
    const { wins: _wins, ...uncounted } = other;
    for (const unknown of [{ ...other, trades: 0, wins: 0, mean_net_bps: null }, uncounted]) {
      const alone = performance(trades, { XAUUSD_XAGUSD: EDGE, XAGUSD_XAUUSD: unknown })['real']!;
      expect(alone.win_rate).toMatchObject({ live_count: 3, bundle: 0.6 });
    }
    expect(performance(trades, {})['real']!.net).toMatchObject({ live_bps: null, gap_bps: null, noise_bps: Infinity });
  });

  it('count refusals, open positions and fills of no known signal, and check none of them', () => {
    const [openA, , openB] = tripOf({ number: 1 }) as [LiveTrade, LiveTrade, LiveTrade];
    const stray = tradeOf(openFill({ account: 'real', position_id: idOf(77), signal_id: idOf(77) }), null);
    const refused = tradeOf(refusedFill({ account: 'real', signal_id: idOf(5), position_id: idOf(5) }), null);
    const { figures, win_rate, symbols } = performance([openA, openB, stray, refused])['real']!;
    expect(figures.total).toMatchObject({ opened: 2, closed: 0, fills: 3 });
    expect(win_rate).toMatchObject({ live: null, live_count: 0, bundle: null });
    expect(symbols['XAUUSD']!.slippage.fills).toBe(1);
  });

  it('have the refusals of the signaled entries', () => {
    const trades = tripOf({ number: 1 });
    const entries = [1, 40].map((number) => journaled(enterBody(idOf(2 * number)), T0_S * 1000 + number));
    const fills = { trades, entries, nowMs: T0_S * 2000, barMs: 60_000, settleMs: 60_000 };
    const { figures } = fillPerformance(fills, { edge: {} }, COSTS, { fill_min_trades: 1 })['real']!;
    expect(figures.total).toMatchObject({ enters: 2, refused: 1, refusal_rate: 0.5, latency_ms_p50: 250 });
  });
});

describe('chance', () => {
  /** Positions over twelve days; those of a day share some of their chance. */
  function world(seed: string, winRate: number, extraBps: number, together: number): LiveTrade[] {
    const rng = createRng(seed);
    const trades: LiveTrade[] = [];
    for (let day = 0; day < 12; day++) {
      const mood = rng.uniform();
      const wide = together * rng.normal();
      for (let i = 0; i < 6; i++) {
        const drawn = rng.uniform() < together ? mood : rng.uniform();
        const noise = wide + rng.normal();
        trades.push(
          ...tripOf({
            number: 100 * day + i,
            enteredS: T0_S + day * DAY_S + i * 1800,
            pnl: drawn < winRate ? 1 : -1,
            halfA: 0.5 + extraBps + noise,
            moveA: -(2.1 + 5 * rng.normal()) / 1e4,
          }),
        );
      }
    }
    return trades;
  }

  it('produces no finding in worlds equal to the backtest, and correlated days are no proof', () => {
    let alarms = 0;
    const worlds = 25;
    for (let seed = 0; seed < worlds; seed++) {
      const { win_rate, symbols } = performance(world(`as it was ${seed}`, 0.6, 0, 0.4))['real']!;
      const { shortfall } = symbols['XAUUSD']!;
      if (-win_rate.gap! > win_rate.gap_noise) alarms++;
      if (shortfall.bps! - shortfall.configured_bps > shortfall.noise_bps) alarms++;
    }
    expect(alarms).toBe(0);
  });

  it('is distinguished from a world that wins half as often and costs two points more', () => {
    for (let seed = 0; seed < 3; seed++) {
      const { win_rate, net, symbols } = performance(world(`another ${seed}`, 0.2, 2, 0.2))['real']!;
      const { shortfall, slippage } = symbols['XAUUSD']!;
      expect(-win_rate.gap!).toBeGreaterThan(win_rate.gap_noise);
      expect(shortfall.bps! - shortfall.configured_bps).toBeGreaterThan(shortfall.noise_bps);
      expect(shortfall.bps! - 0.7).toBeGreaterThan(1);
      expect(slippage.bps! - slippage.configured_bps).toBeLessThan(0.01);
      expect(net.noise_bps).toBeLessThan(10);
    }
  });

  it('equals Wilson’s interval of three standard deviations, for independent trades against a known share', () => {
    const share = fc.double({ min: 0.02, max: 0.98, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 30, max: 400 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        share,
        (n, won, before) => {
          const wins = Array.from({ length: n }, (_, i) => (i < Math.round(won * n) ? 1 : 0));
          const known = { share: before, standardError: 0, trades: 1e9 };
          const { live, gap, gap_noise } = compareShare(wins, [...wins.keys()], n, known, 30);
          const center = (live! + 9 / (2 * n)) / (1 + 9 / n);
          const half = (3 / (1 + 9 / n)) * Math.sqrt((live! * (1 - live!)) / n + 9 / (4 * n * n));
          const isOutside = Math.abs(before - center) > half + 1e-7;
          const isInside = Math.abs(before - center) < half - 1e-7;
          // A larger spread between days is accepted.
          const isCalm = (live! * (1 - live!)) / (n - 1) <= (before * (1 - before)) / n;
          const isFound = Math.abs(gap!) > gap_noise;
          if (isInside) expect(isFound).toBe(false);
          if (isOutside && isCalm) expect(isFound).toBe(true);
        },
      ),
    );
  });
});
