import { lookName } from '../../../../backtest/holdout_looks.ts';
import { ownGroups, type Manifest } from '../../../../../../shared/bundle/manifest.ts';
import { MODEL_NAMES } from '../../../../../../shared/core/features/feature.ts';
import type { SymbolCosts } from '../../../../../../shared/policy/policy.ts';
import { reliability } from '../../../../measures/metrics.ts';
import { busiestHours, EXECUTABILITY_COLUMNS, executabilityCells } from '../../../../backtest/executability.ts';
import { counted } from '../../../../../../shared/counted.ts';
import { isoSecond, ROLES } from '../ledger.ts';
import {
  isTrainedOn,
  pool,
  VIEWS,
  type BundleResult,
  type PeriodResult,
  type TradeRecord,
  type View,
} from '../period.ts';
import { TRADING_DAYS_PER_YEAR } from '../../../../../../shared/bundle/holdout_sharpe.ts';
import type { Performance } from '../../../../backtest/performance.ts';
import {
  barChart,
  columnChart,
  escapeHtml,
  histogram,
  lineChart,
  type Axes,
  type Line,
} from '../../../../backtest/report/chart.ts';
import { shareInterval } from '../../../../../../shared/bundle/share_interval.ts';
import { MIN_TRADES, meanMargin, sharpeMargin } from '../../../../backtest/report/interval.ts';
import { htmlPage, htmlTable } from '../../../../backtest/report/page.ts';

export interface ReportOptions {
  readonly result: PeriodResult;
  /** One per bundle of the result. */
  readonly manifests: readonly Pick<
    Manifest,
    'version' | 'market' | 'period' | 'seed' | 'theta1' | 'theta2' | 'groups'
  >[];
  /** Costs of the pairs' symbols. */
  readonly symbols: Readonly<Record<string, SymbolCosts>>;
  readonly requireEdge: boolean;
}

const VIEW_NAMES: Readonly<Record<View, string>> = {
  all_pairs: 'all pairs',
  edge_pairs: 'pairs with an edge',
};

/** Assumptions behind the figures, the same sentences for people and programs. */
export const ASSUMPTIONS: readonly string[] = [
  'Decided by the daemon’s own code at the close of a bar, filled at the open of the next one; what is still open at the end is closed at the last open.',
  'The capital of each pair is the full-size gross notional of a position (both legs); pairs have equal capital, and nothing is reinvested. Results are multiplied by AI3’s position_scale of the entry.',
  'Half of the spread, and commission and slippage, are paid at each side and leg; the spread is that of the minute of the fill (--costs profile) or one per symbol (--costs flat). No market impact, no rejected orders, no gaps within a bar.',
  'Positions that are held over 17:00 in New York (21:00 or 22:00 UTC) pay or get one overnight swap per leg, three on Wednesdays, for all symbols alike.',
  `Sharpe and Sortino: net results of trading days (17:00 to 17:00 in New York; days without a trade count as 0), mean over deviation, annualized by × √${TRADING_DAYS_PER_YEAR}; no riskless rate. They are not shown for fewer than ${MIN_TRADES} trades.`,
  'Figures behind ± are half the width of a 95 % confidence interval: of a mean by its standard error, of a Sharpe ratio by Lo (2002); win rates carry the interval of Wilson (1927). Trades and days count as independent, which makes the intervals too narrow rather than too wide.',
  'Drawdown: of the net value at every minute, positions marked at the closes, as a fraction of the capital.',
  'Refusal rate: share of the entry candidates (flat and |z| ≥ z_entry) that were not entered.',
  'An edge: the mean net result per trade at full size is above 0 by a test of trading days, adjusted for all pairs and both totals (Holm), at the level that is left of 5 % over all evaluations of the holdout: 4 % at the first one, 1 % / (k · (k − 1)) at the k-th. Trainings, searches of θ2, scans and backtests with other trades count as evaluations.',
  'AI1 is evaluated on its fixed label at all candidates of all pairs together (z_entry 2.0, z_exit 0.5, stop 1.5, horizon 60); AI2 and AI3 on every seventh minute.',
];

/** Summary sentence: result, and what the daemon would have published. */
export function verdict(bundle: BundleResult, pairs: number, requireEdge: boolean): string {
  const { all_pairs, edge_pairs, noEdge } = bundle;
  const gated = `${noEdge.length} of ${pairs} pairs are NO_EDGE`;
  if (all_pairs.total.trades === 0) return `Nothing was entered: ${whyNothing(all_pairs.total)}. ${gated}.`;
  const { net_return, trades, mean_net_bps, mean_gross_bps } = all_pairs.total;
  const ratio = sharpeText(all_pairs.total);
  const sharpe = ratio === NONE ? '' : `, Sharpe ${ratio}`;
  const outcome =
    net_return === 0
      ? 'neither gain nor loss'
      : `${net_return < 0 ? 'a loss' : 'a gain'} of ${percent(Math.abs(net_return))} of the capital`;
  const net = withMargin(mean_net_bps, meanMargin(netBpsOf(all_pairs.trades)), 3);
  const each = `${mean_gross_bps!.toFixed(3)} bps each before costs, ${net} after`;
  const few = trades < MIN_TRADES ? ' Too few trades to evaluate the models by.' : '';
  const open = `If every pair had an edge: ${outcome} in ${counted(trades, 'trade')} (${each}${sharpe}).${few}`;
  if (!requireEdge) return `${open} ${gated}, which this configuration does not ask for (require_edge).`;
  const published = edge_pairs.total;
  const rest =
    published.trades === 0
      ? 'the daemon would not have traded'
      : `the daemon would have made ${counted(published.trades, 'trade')}, ${percent(published.net_return)} of the capital`;
  return `${open} ${gated}: ${rest}.`;
}

/** What kept all candidates out, by the most frequent first reason. */
function whyNothing({ candidates, refusals }: Pick<Performance, 'candidates' | 'refusals'>): string {
  if (candidates === 0) return 'no pair was at its entry level';
  const [reason, count] = Object.entries(refusals).reduce((most, each) => (each[1] > most[1] ? each : most));
  if (candidates === 1) return `the only candidate was refused by ${reason}`;
  if (count === candidates) return `all ${candidates} candidates were refused by ${reason}`;
  return `all ${candidates} candidates were refused, ${count} of them by ${reason}`;
}

/** The result as one self-contained HTML file. */
export function renderReport({ result, manifests, symbols, requireEdge }: ReportOptions): string {
  const { bundles, first, last, bars, pairs } = result;
  const names = bundles.map(({ version }, i) => (bundles.length === 1 ? version : `${ROLES[i]} ${version}`));
  const title = `Backtest of ${names.join(' against ')}`;
  const verdicts = bundles.map((bundle, i) => {
    const printed = escapeHtml(verdict(bundle, pairs.length, requireEdge));
    const seen = isTrainedOn(result, manifests[i]!)
      ? `<p class="warning">The bundle was made from bars up to ${escapeHtml(manifests[i]!.period.holdout_from)}, and this period begins before that: the figures flatter it.</p>`
      : '';
    return `<p class="verdict">${bundles.length === 1 ? '' : `<b>${escapeHtml(names[i]!)}</b>: `}${printed}</p>${seen}`;
  });
  const sections = [
    `<h1>${escapeHtml(title)}</h1>`,
    `<p>${isoSecond(first)} to ${isoSecond(last)}, ${counted(pairs.length, 'pair')}, ${bars.toLocaleString('en-US')} bars, ${counted(result.days.length, 'trading day')}. ${escapeHtml(origins(manifests))} ${escapeHtml(thresholdsText(bundles, manifests))}</p>`,
    ...verdicts,
    '<h2>Result</h2>',
    totalsTable(bundles, names),
    ...valueCharts(result, names),
    '<h2>Pairs</h2>',
    meansChart(result, names),
    ...bundles.map(
      (bundle, i) => `${bundles.length === 1 ? '' : `<h3>${escapeHtml(names[i]!)}</h3>`}${pairsTable(bundle, result)}`,
    ),
    '<h2>Edge in this period</h2>',
    ...bundles.map(({ edge }, i) => edgeSection(edge, nameOf(names, i))),
    '<h2>Trades</h2>',
    ...bundles.map(({ all_pairs }, i) =>
      histogram(
        `${nameOf(names, i)}Net result per trade, bps, position_scale applied, ${VIEW_NAMES.all_pairs}`,
        all_pairs.trades.map(({ scale, netBps }) => scale * netBps),
        (value) => value.toFixed(1),
      ),
    ),
    reasonsTable(bundles, names),
    '<h2>Executability</h2>',
    ...executabilityTables(bundles, names),
    '<h2>Models in this period</h2>',
    modelsTable(bundles, names),
    lineChart('AI1: how often it came true what it gave this probability', calibrationLines(bundles, names), {
      xText: (x) => x.toFixed(2),
      yText: (y) => y.toFixed(2),
      xRange: [0, 1],
      yRange: [0, 1],
    }),
    '<h2>Costs</h2>',
    costsTable(symbols),
    '<h2>How it was counted</h2>',
    `<ul>${ASSUMPTIONS.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`,
  ];
  return htmlPage(title, sections);
}

/** What the trades of a bundle claim, at the level of the evaluation of these bars. */
function edgeSection(edge: BundleResult['edge'], name: string): string {
  if (edge === null)
    return `<p>${escapeHtml(name)}No edge is claimed: the bundle has learned from bars of this period.</p>`;
  const { look, level, pairs, all_pairs, edge_pairs } = edge;
  const claims = [
    ...Object.entries(pairs),
    [VIEW_NAMES.all_pairs, all_pairs] as const,
    [VIEW_NAMES.edge_pairs, edge_pairs] as const,
  ];
  const rows = claims.map(([of, { no_edge, trades, net_bps, lower_net_bps, p_value }]) => [
    of,
    no_edge ? 'NO_EDGE' : 'edge',
    String(trades),
    figure(net_bps, 3),
    figure(lower_net_bps, 3),
    figure(p_value, 4),
  ]);
  const needed = `This is ${lookName(look)}: an edge needs p, adjusted for all these claims, below ${Number(level.toPrecision(3))}.`;
  return `<p>${escapeHtml(`${name}${needed}`)}</p>${htmlTable(['', 'Claim', 'Trades', 'Net per trade at full size, bps', 'Lower bound, bps', 'p'], rows)}`;
}

/** Sensitivity of the net result to execution: net bps per trade at full size. */
function executabilityTables(bundles: readonly BundleResult[], names: readonly string[]): string[] {
  const rows = bundles.flatMap((bundle, i) =>
    VIEWS.map((view) => [`${nameOf(names, i)}${VIEW_NAMES[view]}`, ...executabilityCells(bundle[view].executability)]),
  );
  const hours = bundles.map(({ all_pairs: { executability } }, i) =>
    executability.trades === 0
      ? ''
      : `<p>${escapeHtml(nameOf(names, i))}Busiest hours of ${VIEW_NAMES.all_pairs}, New York: ${escapeHtml(busiestHours(executability))}.</p>`,
  );
  return [htmlTable(['', ...EXECUTABILITY_COLUMNS], rows), ...hours];
}

/** Net value, drawdown and daily results of every bundle. */
function valueCharts(result: PeriodResult, names: readonly string[]): string[] {
  return [
    lineChart('Net value, percent of the capital', equityLines(result, names), timeAxes(result, percentPoints)),
    lineChart(
      'Below the highest value so far, percent of the capital',
      drawdownLines(result, names),
      timeAxes(result, percentPoints),
    ),
    columnChart(
      `Net result of each trading day, percent of the capital, ${VIEW_NAMES.all_pairs}`,
      dayLines(result, names),
      timeAxes(result, percentPoints),
    ),
  ];
}

function meansChart({ bundles, pairs }: PeriodResult, names: readonly string[]): string {
  return barChart(
    `Mean per trade, bps, position_scale applied, ${VIEW_NAMES.all_pairs}`,
    bundles.flatMap((_, i) => [`${nameOf(names, i)}before costs`, `${nameOf(names, i)}after costs`]),
    pairs.map((pair) => ({
      label: pair,
      values: bundles.flatMap(({ all_pairs }) => {
        const { mean_gross_bps, mean_net_bps } = all_pairs.pairs[pair]!;
        return [mean_gross_bps, mean_net_bps];
      }),
    })),
    (value) => value.toFixed(2),
  );
}

function origins(manifests: ReportOptions['manifests']): string {
  return manifests
    .map(
      ({ version, market, period, seed }) =>
        `${version}: learned from ${market === 'simulated' ? 'simulated' : 'recorded'} bars from ${period.from} to ${period.to}, seed ${seed}, holdout from ${period.holdout_from}.`,
    )
    .join(' ');
}

/** Thresholds of the entries; with overridden thresholds the figures are not what the bundle publishes. */
function thresholdsText(bundles: readonly BundleResult[], manifests: ReportOptions['manifests']): string {
  return bundles
    .map(({ version, thresholds: { theta1, theta2 } }, i) => {
      const own = manifests[i]!;
      const isOwn = theta1 === own.theta1 && theta2 === own.theta2;
      const instead = isOwn ? '' : `, asked for instead of its own ${own.theta1} and ${own.theta2}`;
      const groups = isOwn ? ownGroups(own) : [];
      const others = groups.map(({ name, own: of }) => `; group ${name} θ1 ${of.theta1}, θ2 ${of.theta2}`);
      return `${version}: θ1 ${theta1}, θ2 ${theta2}${instead}${others.join('')}.`;
    })
    .join(' ');
}

function nameOf(names: readonly string[], i: number): string {
  return names.length === 1 ? '' : `${names[i]}: `;
}

const minuteTimes = new WeakMap<PeriodResult, Float64Array>();

function timesOf(result: PeriodResult): Float64Array {
  let times = minuteTimes.get(result);
  if (times === undefined) {
    const { length } = result.bundles[0]!.all_pairs.curve;
    times = Float64Array.from({ length }, (_, minute) => result.first + minute * 60);
    minuteTimes.set(result, times);
  }
  return times;
}

function equityLines(result: PeriodResult, names: readonly string[]): Line[] {
  const x = timesOf(result);
  return result.bundles.flatMap((bundle, i) =>
    VIEWS.map((view) => ({ name: nameOf(names, i) + VIEW_NAMES[view], x, y: bundle[view].curve.map(toPercent) })),
  );
}

function drawdownLines(result: PeriodResult, names: readonly string[]): Line[] {
  const x = timesOf(result);
  return result.bundles.map(({ all_pairs }, i) => {
    let peak = 0;
    const y = all_pairs.curve.map((value) => toPercent(value - (peak = Math.max(peak, value))));
    return { name: nameOf(names, i) + VIEW_NAMES.all_pairs, x, y };
  });
}

function dayLines({ bundles, days }: PeriodResult, names: readonly string[]): Line[] {
  return bundles.map(({ all_pairs }, i) => ({
    name: names[i]!,
    x: days,
    y: all_pairs.days.map(toPercent),
  }));
}

function calibrationLines(bundles: readonly BundleResult[], names: readonly string[]): Line[] {
  const lines = bundles.map(({ ai1 }, i): Line => {
    const { scores, labels } = pool(Object.values(ai1));
    const cells = reliability(scores, labels).filter(({ rows }) => rows > 0);
    return {
      name: `${nameOf(names, i)}AI1`,
      x: cells.map(({ confidence }) => confidence),
      y: cells.map(({ frequency }) => frequency),
    };
  });
  return [...lines, { name: 'as it should be', x: [0, 1], y: [0, 1] }];
}

/** Of a pair it is of the pair's own capital, of all pairs of the sum of these. */
const NET_RETURN = 'Net return';

/** Content of a cell of a table of trades; `trades` are those counted by the performance. */
type Cell = (performance: Performance, trades: readonly TradeRecord[]) => string;

const TOTALS: readonly (readonly [name: string, of: Cell])[] = [
  ['Trades', ({ trades }) => String(trades)],
  [NET_RETURN, ({ net_return }) => percent(net_return)],
  ['Return before costs', ({ gross_return }) => percent(gross_return)],
  ['Net Sharpe, annualized', sharpeText],
  ['Sortino, annualized', ({ sortino, trades }) => (trades < MIN_TRADES ? NONE : figure(sortino, 2))],
  ['Maximum drawdown', ({ max_drawdown }) => percent(max_drawdown)],
  ['Win rate', winRateText],
  [
    'Net per trade, bps, position_scale applied',
    ({ mean_net_bps }, trades) => withMargin(mean_net_bps, meanMargin(netBpsOf(trades)), 3),
  ],
  ['Net per trade at full size, bps', ({ mean_net_bps_full_size }) => figure(mean_net_bps_full_size, 3)],
  ['Before costs, bps', ({ mean_gross_bps }) => figure(mean_gross_bps, 3)],
  ['Costs, bps', ({ mean_cost_bps }) => figure(mean_cost_bps, 3)],
  ['Swap, bps', ({ mean_swap_bps }) => figure(mean_swap_bps, 3)],
  ['position_scale', ({ mean_scale }) => figure(mean_scale, 2)],
  ['In a position', ({ exposure }) => percent(exposure)],
  ['Turnover, × capital', ({ turnover }) => turnover.toFixed(1)],
  ['Refused by AI2', ({ refusal_rate }) => (refusal_rate === null ? NONE : percent(refusal_rate))],
];
/** Columns that are meaningful for a pair without trades. */
const WITHOUT_TRADES = new Set(['Trades', 'Refused by AI2']);

function cellsOf(performance: Performance, trades: readonly TradeRecord[], rows: typeof TOTALS): string[] {
  return rows.map(([name, of]) => {
    if (performance.trades > 0 || WITHOUT_TRADES.has(name)) return of(performance, trades);
    return name === NET_RETURN ? 'no trades' : NONE;
  });
}

function totalsTable(bundles: readonly BundleResult[], names: readonly string[]): string {
  const columns = bundles.flatMap((bundle, i) =>
    VIEWS.map((view) => ({
      name: nameOf(names, i) + VIEW_NAMES[view],
      cells: cellsOf(bundle[view].total, bundle[view].trades, TOTALS),
    })),
  );
  return htmlTable(
    ['', ...columns.map(({ name }) => name)],
    TOTALS.map(([name], row) => [
      name === NET_RETURN ? 'Net return of the capital of all pairs' : name,
      ...columns.map(({ cells }) => cells[row]!),
    ]),
  );
}

function pairsTable({ all_pairs, noEdge }: BundleResult, { pairs, barsOf }: PeriodResult): string {
  const wanted = TOTALS.filter(
    ([name]) => !['Return before costs', 'Sortino, annualized', 'Turnover, × capital'].includes(name),
  );
  return htmlTable(
    [
      'Pair',
      'Edge by the bundle',
      'Bars',
      'Part of the net return of all',
      ...wanted.map(([name]) => (name === NET_RETURN ? 'Net return of its own capital' : name)),
    ],
    pairs.map((pair) => [
      pair,
      noEdge.includes(pair) ? 'NO_EDGE' : 'yes',
      String(barsOf[pair]),
      percent(all_pairs.pairs[pair]!.net_return / pairs.length),
      ...cellsOf(
        all_pairs.pairs[pair]!,
        all_pairs.trades.filter(({ pairId }) => pairId === pair),
        wanted,
      ),
    ]),
  );
}

function reasonsTable(bundles: readonly BundleResult[], names: readonly string[]): string {
  const counted = (
    pick: (performance: Performance) => Readonly<Partial<Record<string, number>>>,
    title: string,
  ): string[][] => {
    const reasons = [...new Set(bundles.flatMap(({ all_pairs }) => Object.keys(pick(all_pairs.total))))].sort();
    return reasons.map((reason) => [
      `${title} ${reason}`,
      ...bundles.map(({ all_pairs }) => String(pick(all_pairs.total)[reason] ?? 0)),
    ]);
  };
  return htmlTable(
    ['', ...names],
    [...counted(({ exits }) => exits, 'Closed:'), ...counted(({ refusals }) => refusals, 'Refused:')],
  );
}

function modelsTable(bundles: readonly BundleResult[], names: readonly string[]): string {
  return htmlTable(
    ['Model', 'Rows', 'AUC', 'Brier', 'Baseline Brier', 'Calibration error'],
    bundles.flatMap(({ models }, i) =>
      MODEL_NAMES.map((name) => {
        const { rows, auc, brier, brier_baseline, ece } = models[name];
        return [
          nameOf(names, i) + name.toUpperCase(),
          String(rows),
          figure(auc, 4),
          figure(brier, 4),
          figure(brier_baseline, 4),
          figure(ece, 4),
        ];
      }),
    ),
  );
}

function costsTable(symbols: ReportOptions['symbols']): string {
  return htmlTable(
    ['Symbol', 'Spread, bps', 'Commission a side', 'Slippage a side', 'Swap long', 'Swap short'],
    Object.entries(symbols).map(([symbol, costs]) => [
      symbol,
      String(costs.spread_bps),
      String(costs.commission_bps),
      String(costs.slippage_bps),
      String(costs.swap_long_bps_per_night),
      String(costs.swap_short_bps_per_night),
    ]),
  );
}

const DAY_S = 86_400;
/** Marks of a shorter chart would be the same day. */
const FEW_DAYS_S = 4 * DAY_S;

function timeAxes({ first, last }: PeriodResult, yText: (y: number) => string): Axes {
  const digits = last - first < FEW_DAYS_S ? 'YYYY-MM-DD HH:MM'.length : 'YYYY-MM-DD'.length;
  return { xText: (x) => isoSecond(x).slice(0, digits).replace('T', ' '), yText, xStep: DAY_S };
}

function toPercent(fraction: number): number {
  return fraction * 100;
}

function percentPoints(value: number): string {
  return `${Number(value.toPrecision(3))} %`;
}

const NONE = '–';

/** Two decimals, or two significant digits of a smaller value: never "-0.00 %". */
function percent(fraction: number): string {
  const value = fraction * 100;
  if (value === 0 || Math.abs(value) >= 0.1) return `${(value + 0).toFixed(2)} %`;
  const decimals = Math.min(8, 1 - Math.floor(Math.log10(Math.abs(value))));
  return `${value.toFixed(Math.max(2, decimals))} %`;
}

function figure(value: number | null, digits: number): string {
  return value === null ? NONE : value.toFixed(digits);
}

function withMargin(value: number | null, margin: number | null, digits: number): string {
  return margin === null ? figure(value, digits) : `${figure(value, digits)} ± ${margin.toFixed(digits)}`;
}

function netBpsOf(trades: readonly TradeRecord[]): number[] {
  return trades.map(({ scale, netBps }) => scale * netBps);
}

/** Never a bare ratio: with half its interval, and none of few trades. */
export function sharpeText(performance: Performance): string {
  const { net_sharpe, trades } = performance;
  return trades < MIN_TRADES ? NONE : withMargin(net_sharpe, sharpeMargin(performance), 2);
}

function winRateText({ win_rate, trades }: Performance): string {
  if (win_rate === null) return NONE;
  const [low, high] = shareInterval(win_rate, trades).map((share) => (share * 100).toFixed(0));
  return `${(win_rate * 100).toFixed(0)} % (${low}–${high} %)`;
}
