/** A trade of a backtest, with columns of `trades.csv` of `minutehand backtest --out`. */
export interface BacktestTrade {
  readonly model_version: string;
  readonly pair_id: string;
  readonly side: string;
  readonly entry_time: string;
  readonly exit_time: string;
  readonly reason: string;
  readonly position_scale: number;
  readonly gross_bps: number;
  readonly cost_bps: number;
  readonly swap_bps: number;
  readonly net_bps: number;
  /** Net result with position_scale applied, basis points of gross notional. */
  readonly scaled_net_bps: number;
}

const TEXTS = ['model_version', 'pair_id', 'side', 'entry_time', 'exit_time', 'reason'] as const;
const NUMBERS = ['position_scale', 'gross_bps', 'cost_bps', 'swap_bps', 'net_bps', 'scaled_net_bps'] as const;

/** @returns null if the text is not such a file */
export function parseTrades(csv: string): BacktestTrade[] | null {
  const [head = '', ...lines] = csv.trim().split(/\r?\n/);
  const names = head.split(',');
  if ([...TEXTS, ...NUMBERS].some((name) => !names.includes(name))) return null;
  const trades = lines.map((line) => {
    const cells = line.split(',');
    const cell = (name: string): string => cells[names.indexOf(name)] ?? '';
    return Object.fromEntries([
      ...TEXTS.map((name) => [name, cell(name)]),
      ...NUMBERS.map((name) => [name, Number(cell(name))]),
    ]) as unknown as BacktestTrade;
  });
  const isSound = trades.every((trade) => NUMBERS.every((name) => Number.isFinite(trade[name])));
  return isSound ? trades.sort((a, b) => (a.exit_time < b.exit_time ? -1 : a.exit_time > b.exit_time ? 1 : 0)) : null;
}

export interface EquityCurve {
  /** Exits, epoch seconds. */
  readonly times: number[];
  /** Cumulative net result, and drawdown from its peak (≤ 0); basis points. */
  readonly equity: number[];
  readonly drawdown: number[];
}

/** Equity curve of closed trades only. @param trades in order of exit */
export function equityOf(trades: readonly BacktestTrade[]): EquityCurve {
  const curve: EquityCurve = { times: [], equity: [], drawdown: [] };
  let sum = 0;
  let peak = 0;
  for (const { exit_time, scaled_net_bps } of trades) {
    sum += scaled_net_bps;
    peak = Math.max(peak, sum);
    curve.times.push(Date.parse(exit_time) / 1000);
    curve.equity.push(sum);
    curve.drawdown.push(sum - peak);
  }
  return curve;
}

/** Values of several curves at the exits of all, each with its last value. */
export function together(curves: readonly EquityCurve[], of: 'equity' | 'drawdown') {
  const times = [...new Set(curves.flatMap((curve) => curve.times))].sort((a, b) => a - b);
  const values = curves.map((curve) => {
    let next = 0;
    let last: number | null = null;
    return times.map((time) => {
      while (next < curve.times.length && curve.times[next]! <= time) last = curve[of][next++]!;
      return last;
    });
  });
  return { times, values };
}

/** Net results by pair and month of exit, basis points. */
export function monthsOf(trades: readonly BacktestTrade[]) {
  const months = [...new Set(trades.map(({ exit_time }) => exit_time.slice(0, 7)))].sort();
  const pairs = [...new Set(trades.map(({ pair_id }) => pair_id))].sort();
  const cells = new Map<string, { net: number; trades: number }>();
  for (const { pair_id, exit_time, scaled_net_bps } of trades)
    for (const pair of [pair_id, '']) {
      const key = `${pair} ${exit_time.slice(0, 7)}`;
      const { net, trades: count } = cells.get(key) ?? { net: 0, trades: 0 };
      cells.set(key, { net: net + scaled_net_bps, trades: count + 1 });
    }
  /** @param pair '' = all pairs */
  const at = (pair: string, month: string) => cells.get(`${pair} ${month}`) ?? null;
  return { months, pairs, at };
}

export function summaryOf(trades: readonly BacktestTrade[]) {
  const { equity, drawdown } = equityOf(trades);
  const share = (of: (trade: BacktestTrade) => number): number | null =>
    trades.length === 0 ? null : trades.reduce((sum, trade) => sum + of(trade), 0) / trades.length;
  return {
    trades: trades.length,
    net_bps: equity.at(-1) ?? 0,
    win_rate: share(({ scaled_net_bps }) => (scaled_net_bps > 0 ? 1 : 0)),
    mean_net_bps: share(({ net_bps }) => net_bps),
    mean_gross_bps: share(({ gross_bps }) => gross_bps),
    mean_cost_bps: share(({ cost_bps }) => cost_bps),
    max_drawdown_bps: -drawdown.reduce((least, one) => Math.min(least, one), 0),
  };
}
