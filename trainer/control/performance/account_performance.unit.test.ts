import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactSumOracle } from '../../../shared/exact_sum.oracle.ts';
import { closeFill, openFill, refusedFill } from '../../../shared/fill/fill.fixture.ts';
import { enterBody, exitBody, idOf } from '../../../shared/signal/signal.fixture.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import type { LiveTrade } from '../fills/live_trades.ts';
import { tradeOf } from '../fills/trade.fixture.ts';
import { NEEDED_SHARPE_DAYS } from '../../../shared/bundle/holdout_sharpe.ts';
import { accountPerformance, type AccountInput } from './account_performance.ts';
import { moneyBooksOf } from '../fills/positions.ts';

const COSTS = tinySettings().minutehand.symbols;
const MINUTE_MS = 60_000;
/** A Monday, 00:00 UTC; New York is 5 hours behind. */
const MONDAY_MS = Date.UTC(2026, 0, 5);
const NOW_MS = MONDAY_MS + 40 * 86_400_000;
const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD'];

interface Plan {
  readonly pair: number;
  readonly atMinute: number;
  readonly heldMinutes: number;
  readonly reason: string;
  /** By leg: units, open, close, commission. */
  readonly legs: readonly (readonly [units: number, open: number, close: number, commission: number])[];
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
const barOf = (ms: number): string => isoOf(ms - (ms % MINUTE_MS)).replace('.000Z', 'Z');

/** Fills of a position: leg A is sold, leg B bought. */
function fillsOf(plan: Plan, number: number): LiveTrade[] {
  const pair_id = PAIRS[plan.pair]!;
  const symbols = pair_id.split('_') as [string, string];
  const id = idOf(2 * number + 1);
  const exitId = idOf(2 * number + 2);
  const openMs = MONDAY_MS + plan.atMinute * MINUTE_MS + 250;
  const closeMs = openMs + plan.heldMinutes * MINUTE_MS;
  const enter = enterBody(id, {
    pair_id,
    timestamp: barOf(openMs),
    price_a: plan.legs[0]![1],
    price_b: plan.legs[1]![1],
  });
  const exit = exitBody(id, 'Z_EXIT', {
    pair_id,
    signal_id: exitId,
    timestamp: barOf(closeMs),
    price_a: plan.legs[0]![2],
    price_b: plan.legs[1]![2],
  });
  return plan.legs.flatMap(([units, open, close, commission], i) => {
    const side = i === 0 ? 'SELL' : 'BUY';
    const common = {
      pair_id,
      position_id: id,
      leg: i === 0 ? 'A' : 'B',
      symbol: symbols[i]!,
      broker_symbol: symbols[i]!,
      lots: units,
      requested_price: open,
    } as const;
    const gross = (i === 0 ? -1 : 1) * (close - open) * units;
    return [
      tradeOf(
        openFill({
          ...common,
          signal_id: id,
          side,
          ticket: 4 * number + i,
          filled_price: open,
          time_ms: openMs,
          signal_ms: openMs - 250,
        }),
        enter,
      ),
      tradeOf(
        closeFill({
          ...common,
          signal_id: exitId,
          reason: plan.reason,
          side: side === 'SELL' ? 'BUY' : 'SELL',
          ticket: 4 * number + 2 + i,
          filled_price: close,
          time_ms: closeMs,
          signal_ms: closeMs - 250,
          pnl: gross - commission,
        }),
        exit,
      ),
    ];
  });
}

function inputOf(trades: readonly LiveTrade[], change: Partial<AccountInput> = {}): AccountInput {
  return {
    trades: [...trades].sort((a, b) => a.time_ms - b.time_ms),
    id: 'paper/x',
    account: trades[0]!.account,
    mixed: 0,
    place: 'x',
    begun: 10_000,
    costs: COSTS,
    exposureLimits: { symbol: null, currency: 2 },
    barMs: MINUTE_MS,
    edgeOf: () => null,
    pricesOf: () => null,
    marketNowS: NOW_MS / 1000,
    nowMs: NOW_MS,
    period: { fromMs: -Infinity, toMs: Infinity },
    ...change,
  };
}

const price = fc.double({ min: 0.5, max: 5000, noNaN: true });
const leg = fc.tuple(
  fc.double({ min: 0.01, max: 500, noNaN: true }),
  price,
  price,
  fc.double({ min: 0, max: 3, noNaN: true }),
);
const plan: fc.Arbitrary<Plan> = fc.record({
  pair: fc.nat(2),
  atMinute: fc.nat(30 * 1440),
  heldMinutes: fc.integer({ min: 1, max: 2000 }),
  reason: fc.constantFrom('Z_EXIT', 'STOP', 'MAX_AGE', 'OWN_MAX_AGE'),
  legs: fc.tuple(leg, leg),
});

/** The account by its statement: one booking per closed position, in the order in which they were closed. */
function statementOf(plans: readonly Plan[]) {
  const bookings = plans
    .map((own) => {
      const pnls = own.legs.map(
        ([units, open, close, commission], i) => (i === 0 ? -1 : 1) * (close - open) * units - commission,
      );
      const closeMs = MONDAY_MS + (own.atMinute + own.heldMinutes) * MINUTE_MS + 250;
      return { ...own, pnls, net: exactSumOracle(pnls), openMs: closeMs - own.heldMinutes * MINUTE_MS, closeMs };
    })
    .sort((a, b) => a.closeMs - b.closeMs);
  let peak = 0;
  let deepest = 0;
  const booked: number[] = [];
  for (const { pnls } of bookings) {
    booked.push(...pnls);
    const balance = exactSumOracle(booked);
    peak = Math.max(peak, balance);
    deepest = Math.max(deepest, peak - balance);
  }
  const sumBy = (keyOf: (one: (typeof bookings)[number]) => string): Record<string, number> => {
    const keys = [...new Set(bookings.map(keyOf))].sort();
    return Object.fromEntries(
      keys.map((key) => [
        key,
        exactSumOracle(bookings.filter((one) => keyOf(one) === key).flatMap(({ pnls }) => pnls)),
      ]),
    );
  };
  /** A trading day ends at 22:00 UTC in winter; a Saturday's and a Sunday's bookings are Monday's. */
  const dayOf = ({ closeMs }: { closeMs: number }): string => {
    let ends = Math.ceil((closeMs - (closeMs % MINUTE_MS) - 22 * 3_600_000) / 86_400_000);
    while ([0, 6].includes(new Date(ends * 86_400_000).getUTCDay())) ends++;
    return isoOf(ends * 86_400_000).slice(0, 10);
  };
  return { bookings, deepest, sumBy, dayOf };
}

describe('the performance of an account', () => {
  it('never adds two currencies: each has its own figures, and a position in several is in none', () => {
    const planOf = (pair: number, atMinute: number): Plan => ({
      pair,
      atMinute,
      heldMinutes: 10,
      reason: 'Z_EXIT',
      legs: [
        [1, 100, 90, 0],
        [1, 100, 100, 0],
      ],
    });
    const [dollars, yen, both] = [0, 1, 2].map((pair) => fillsOf(planOf(pair, 100 * pair), pair)) as [
      LiveTrade[],
      LiveTrade[],
      LiveTrade[],
    ];
    const fills = [
      ...dollars,
      ...yen.map((fill) => ({ ...fill, currency: 'JPY', pnl: fill.pnl === null ? null : 10_000 * fill.pnl })),
      ...both.map((fill, index) => ({ ...fill, currency: index < 3 ? 'USD' : 'JPY' })),
    ];
    expect(() => accountPerformance(inputOf(fills))).toThrow('money of JPY and USD cannot be added');
    const books = moneyBooksOf(fills);
    const made = books.map(({ trades, mixed }) => accountPerformance(inputOf(trades, { mixed })));
    expect(
      made.map(({ currency, realised, closed, mixed_currencies }) => [currency, realised, closed, mixed_currencies]),
    ).toEqual([
      ['USD', 10, 1, 1],
      ['JPY', 100_000, 1, 0],
    ]);
    expect(moneyBooksOf(dollars)).toEqual([{ currency: 'USD', trades: dollars, mixed: 0 }]);
  });

  it('is that of its statement, to the last digit, in any order of its fills', () => {
    fc.assert(
      fc.property(fc.array(plan, { minLength: 1, maxLength: 25 }), (plans) => {
        // Two closes in one minute have no order of their own.
        const minutes = plans.map(({ atMinute, heldMinutes }) => atMinute + heldMinutes);
        fc.pre(new Set(minutes).size === minutes.length);
        const fills = plans.flatMap(fillsOf);
        const made = accountPerformance(inputOf(fills));
        const { bookings, deepest, sumBy, dayOf } = statementOf(plans);
        const all = exactSumOracle(bookings.flatMap(({ pnls }) => pnls));
        expect(made.realised).toBe(all);
        expect(made.equity).toBe(exactSumOracle([10_000, all]));
        expect(made.curve.at(-1)!.net).toBe(all);
        expect(made.max_drawdown).toBe(deepest);
        expect([made.closed, made.wins]).toEqual([plans.length, bookings.filter(({ net }) => net > 0).length]);
        const netsOf = (rows: readonly { key: string; net: number }[]) =>
          Object.fromEntries(rows.map(({ key, net }) => [key, net]));
        expect(netsOf(made.by_subject)).toEqual(sumBy(({ pair }) => PAIRS[pair]!));
        expect(netsOf(made.by_reason)).toEqual(sumBy(({ reason }) => reason));
        expect(netsOf(made.by_hour)).toEqual(sumBy(({ openMs }) => isoOf(openMs).slice(11, 13)));
        const days = made.days.filter(({ closed }) => closed > 0).map(({ day, net }) => [day, net]);
        expect(Object.fromEntries(days)).toEqual(sumBy(dayOf));
        const commission = plans.reduce((sum, own) => sum + own.legs[0]![3] + own.legs[1]![3], 0);
        expect(made.costs.commission).toBeCloseTo(commission, 4);
        const reversed = accountPerformance({ ...inputOf(fills), trades: inputOf(fills).trades.toReversed() });
        expect([reversed.realised, reversed.max_drawdown]).toEqual([all, deepest]);
      }),
      { numRuns: 60 },
    );
  });

  const simple = (number: number, atMinute: number, earned: number, change: Partial<Plan> = {}): LiveTrade[] =>
    fillsOf(
      {
        pair: 0,
        atMinute,
        heldMinutes: 30,
        reason: 'Z_EXIT',
        legs: [
          [1, 100, 100 - earned, 0],
          [2, 50, 50, 0],
        ],
        ...change,
      },
      number,
    );

  it('states the costs of closed positions on one base: both parts of one that a period cuts, and the mean of its fills', () => {
    const trades = simple(0, 600, 10, {
      legs: [
        [1, 100, 90, 3],
        [2, 50, 50, 1],
      ],
    });
    const opens = trades.filter(({ kind }) => kind === 'open');
    const closes = trades.filter(({ kind }) => kind === 'close');
    const whole = accountPerformance(inputOf(trades));
    // From between its opens and its closes on.
    const fromMs = Math.max(...opens.map(({ time_ms }) => time_ms)) + 1;
    const cut = accountPerformance({ ...inputOf(trades), period: { ...inputOf(trades).period, fromMs } });
    expect(cut.closed).toBe(1);
    expect(closes.every(({ time_ms }) => time_ms >= fromMs)).toBe(true);
    expect(cut.costs).toEqual(whole.costs);
    expect(whole.costs.commission).toBeCloseTo(4, 6);
  });

  it('counts wins and losses, and the largest fall between two closes', () => {
    const trades = [10, -4, -8, 5].flatMap((earned, i) => simple(i, 600 + 60 * i, earned));
    expect(accountPerformance(inputOf([...trades, tradeOf(refusedFill({ time_ms: MONDAY_MS }), null)]))).toMatchObject({
      opened: 4,
      closed: 4,
      wins: 2,
      refused: 1,
      win_rate: 0.5,
      mean_win: 7.5,
      mean_loss: -6,
      realised: 3,
      equity: 10_003,
      max_drawdown: 12,
      max_drawdown_share: 12 / 10_010,
      profit_factor: 15 / 12,
      turnover: 4 * 2 * 200 + -(10 - 4 - 8 + 5),
    });
  });

  it('has no Sharpe ratio below 20 trading days, then one with its error, and counts days without a trade', () => {
    const few = accountPerformance(inputOf(simple(0, 600, 10), { marketNowS: MONDAY_MS / 1000 + 4.9 * 86_400 }));
    expect(few.sharpe).toEqual({ value: null, standard_error: null, days: 5, needed_days: NEEDED_SHARPE_DAYS });
    expect(few.days.map(({ net }) => net)).toEqual([10, 0, 0, 0, 0]);
    const trades = Array.from({ length: 26 }, (_, day) => simple(day, 600 + 1440 * day, day % 2 === 0 ? 3 : -1)).flat();
    const { sharpe, days } = accountPerformance(inputOf(trades, { period: { fromMs: -Infinity, toMs: NOW_MS - 1 } }));
    const nets = days.map(({ net }) => net);
    const mean = nets.reduce((sum, net) => sum + net, 0) / nets.length;
    const deviation = Math.sqrt(nets.reduce((sum, net) => sum + (net - mean) ** 2, 0) / (nets.length - 1));
    expect(sharpe.days).toBe(20);
    expect(sharpe.value).toBeCloseTo((mean / deviation) * Math.sqrt(252), 8);
    const moment = (power: number): number =>
      nets.reduce((sum, net) => sum + ((net - mean) / (deviation * Math.sqrt(19 / 20))) ** power, 0) / 20;
    const daily = mean / deviation;
    const variance = (1 - moment(3) * daily + ((moment(4) - 1) / 4) * daily ** 2) / 19;
    expect(sharpe.standard_error).toBeCloseTo(Math.sqrt(variance * 252), 8);
  });

  it('values open positions at the last closes, half the spread worse, and their exposure by symbol and currency', () => {
    const open = simple(0, 600, 0).filter(({ kind }) => kind === 'open');
    const made = accountPerformance(inputOf(open, { pricesOf: () => [98, 52] }));
    const half = (symbol: string): number => COSTS[symbol]!.spread_bps / 20_000;
    const floating = 100 - 98 * (1 + half('XAUUSD')) + 2 * (52 * (1 - half('XAGUSD')) - 50);
    expect(made.floating).toBeCloseTo(floating, 10);
    expect(made.equity).toBeCloseTo(10_000 + floating, 8);
    expect(made.open).toMatchObject([
      {
        subject: 'XAUUSD_XAGUSD',
        realised: 0,
        legs: [
          { side: 'SELL', size: 1, price: 100, now: 98 },
          { side: 'BUY', size: 2, now: 52 },
        ],
      },
    ]);
    expect(made.exposure).toEqual({
      gross: 202,
      by_symbol: [
        { key: 'XAGUSD', net: 104, positions: 0.5 },
        { key: 'XAUUSD', net: -98, positions: -0.5 },
      ],
      by_currency: [
        { key: 'XAG', net: 104, positions: 0.5 },
        { key: 'XAU', net: -98, positions: -0.5 },
        { key: 'USD', net: -6, positions: 0 },
      ],
      limits: { symbol: null, currency: 2 },
    });
    expect(accountPerformance(inputOf(open)).floating).toBeNull();
  });

  it('takes of a period what was open, earned and owned in it, and never what came after its end', () => {
    const early = simple(0, 600, 10);
    const middle = simple(1, 2 * 1440 + 600, -4);
    const late = simple(2, 20 * 1440, 7).filter(({ kind }) => kind === 'open');
    const trades = [...early, ...middle, ...late];
    const dayMs = (day: number): number => MONDAY_MS + day * 1440 * MINUTE_MS;
    const pricesOf = (): [number, number] => [98, 52];
    const of = (fromMs: number, toMs: number) =>
      accountPerformance(inputOf(trades, { pricesOf, period: { fromMs, toMs } }));
    const all = of(-Infinity, Infinity);
    expect(all).toMatchObject({ open_at_end: 1, opened: 3, closed: 2, realised: 6 });

    // It ended before the open position began: nothing stood open.
    const past = of(dayMs(2), dayMs(4));
    expect(past).toMatchObject({
      open: [],
      open_at_end: 0,
      opened: 1,
      closed: 1,
      realised: -4,
      floating: 0,
      equity: 10_006,
    });
    expect(past.max_drawdown_share).toBeCloseTo(4 / 10_010, 12);
    expect(past.first).toBe(isoOf(dayMs(2) + 600 * MINUTE_MS));

    // Within the time of a position that was closed later: it stood open, its value then is not known.
    const within = of(dayMs(0), early[0]!.time_ms + 1);
    expect(within).toMatchObject({ open: [], open_at_end: 1, closed: 0, floating: null, equity: null });

    // Up to now: what is open now, and all that was earned before counts in the equity.
    const recent = of(dayMs(10), NOW_MS);
    expect(recent).toMatchObject({ open_at_end: 1, opened: 1, closed: 0, realised: 0, floating: all.floating });
    expect(recent.equity).toBe(all.equity);
  });

  it('compares with the backtest of the models, within a band once there are enough positions', () => {
    const edge = { no_edge: false, trades: 100, mean_gross_bps: 20, mean_net_bps: 12, lower_5_net_bps: 1 };
    const trades = Array.from({ length: 12 }, (_, i) => simple(i, 600 + 60 * i, i % 3)).flat();
    const made = accountPerformance(inputOf(trades, { edgeOf: (_version, pair) => (pair === PAIRS[0] ? edge : null) }));
    expect(made).toMatchObject({ expected_bps: 12, expected_positions: 12 });
    const { net_bps, expected_bps, low_bps, high_bps } = made.curve.at(-1)!;
    expect(expected_bps).toBe(144);
    expect(net_bps! / 12).toBeCloseTo(made.mean_net_bps!, 10);
    expect((low_bps! + high_bps!) / 2).toBeCloseTo(144, 8);
    const each = made.curve.map((point, i) => point.net_bps! - (made.curve[i - 1]?.net_bps ?? 0));
    const mean = each.reduce((sum, one) => sum + one, 0) / 12;
    const deviation = Math.sqrt(each.reduce((sum, one) => sum + (one - mean) ** 2, 0) / 11);
    // 12 results of the account, and the mean of 100 trades of the backtest counted 12 times.
    expect((high_bps! - low_bps!) / 2).toBeCloseTo(1.96 * deviation * Math.sqrt(12 + 12 ** 2 / 100), 8);
    const early = accountPerformance(inputOf(trades.slice(0, 16), { edgeOf: () => edge }));
    expect(early.curve.at(-1)).toMatchObject({ low_bps: null, high_bps: null });
    expect(accountPerformance(inputOf(trades)).curve.at(-1)).toMatchObject({ expected_bps: null, low_bps: null });
  });

  it('says nothing in money about lots of a broker, whose size is not known', () => {
    const trades = simple(0, 600, 10).map((trade) => ({ ...trade, account: 'demo' }));
    const made = accountPerformance(inputOf(trades, { begun: null }));
    expect(made).toMatchObject({ equity: null, realised: 10, turnover: null, costs: { total: null } });
    expect(made.max_drawdown_share).toBeNull();
  });
});
