import { lookName } from '../backtest/holdout_looks.ts';
import { barChart, escapeHtml, histogram, lineChart } from '../backtest/report/chart.ts';
import { htmlPage, htmlTable } from '../backtest/report/page.ts';
import { isoSecond } from '../strategies/pair_reversion/backtest/ledger.ts';
import { leadLagText } from '../data_quality/lead_lag.ts';
import { windowsName, type ScanResult, type ScanTrial } from './scan.ts';
import type { PeriodFigures } from './scan_pair.ts';

const CURVES = 4;
const BARS = 15;
const NONE = '–';

/** Assumptions behind the figures; the same sentences in the page and in JSON. */
export const SCAN_ASSUMPTIONS: readonly string[] = [
  'A trial is one pair in one timeframe with one set of windows, traded by the daemon’s features and decision, without models: a candidate (|z| ≥ z_entry) is entered where the distance to z_exit exceeds its costs; filled at the next open.',
  'Trials are chosen on the development period alone. A position that is open at its end is closed there.',
  'Cointegration: Engle & Granger (1987) on the closes of the development period, lags by AIC, p-values of MacKinnon (1994), adjusted for all pairs and timeframes by Holm (1979). Half-life: of the residual as AR(1).',
  'Adjusted p: Hansen’s test for superior predictive ability (2005) over the daily net results of all trials, against not trading, by a stationary bootstrap; also as White’s reality check (2000). Trials with fewer than 20 trades count, but cannot be significant.',
  'Deflated Sharpe ratio: Bailey & López de Prado (2014), all trials counted, with the variance of trials without skill.',
  'LAGS: one leg repeats the other at another time (correlation of returns at every lag up to 25 hours): a late copy, or a wrong clock. Such a pair never pays.',
  'PAYS: adjusted p up to the level, deflated Sharpe ratio of at least 1 − level, and a net result per trade above 0 in the holdout by the test of a mean, over all trials that reach it (Holm), at the level that is left of 5 % over all evaluations of the holdout: 4 % at the first one, 1 % / (k · (k − 1)) at the k-th. A scan with other results counts as an evaluation, and so do trainings and backtests.',
];

/** The result in words. */
export function scanVerdict(result: ScanResult, level: number): string {
  const { trials, tests, pairsTested, pairsCointegrated } = result;
  const of = (verdict: ScanTrial['verdict']): number => trials.filter((trial) => trial.verdict === verdict).length;
  const paying = trials.filter(({ verdict }) => verdict === 'PAYS').map(trialName);
  const found =
    paying.length === 0
      ? `Nothing pays: 0 of ${trials.length} trials earn more than their costs beyond chance.`
      : `${paying.length} of ${trials.length} trials ${paying.length === 1 ? 'pays' : 'pay'}: ${paying.slice(0, 5).join(', ')}${paying.length > 5 ? ' …' : ''}.`;
  const rest = `${of('LOSES')} lose, ${of('CHANCE')} gain no more than chance, ${of('UNCONFIRMED')} fail in the holdout, ${of('FEW_TRADES')} have too few trades.`;
  const lags = lagTexts(trials);
  const lagText =
    lags.length === 0
      ? ''
      : ` ${lags.length} repeat another leg at another time, and count for nothing: ${lags.slice(0, 5).join('; ')}${lags.length > 5 ? ' …' : ''}.`;
  const best = bestOf(trials);
  const bestText =
    best === null
      ? ''
      : ` Highest net: ${trialName(best)}, ${bps(best.development.net_bps)} bps per trade, in the holdout ${bps(best.holdout.net_bps)}.`;
  const p = `p of the best among all: ${tests.p.toFixed(3)} (Hansen, bounds ${tests.pLower.toFixed(3)} to ${tests.pUpper.toFixed(3)}), ${tests.pWhite.toFixed(3)} (White).`;
  const looked = `This is ${lookName(result.look)}: PAYS needs an adjusted p below ${Number(result.lookLevel.toPrecision(3))} in it.`;
  return `${found} ${rest}${lagText}${bestText} ${p} ${looked} Cointegrated at ${level * 100} %: ${pairsCointegrated} of ${pairsTested}.`;
}

/**
 * The trial that earned most per trade, of those that can be judged; null: none can. Trials are in the order of the
 * evidence.
 */
function bestOf(trials: readonly ScanTrial[]): ScanTrial | null {
  const net = ({ development }: ScanTrial): number => development.net_bps ?? -Infinity;
  let best: ScanTrial | null = null;
  for (const one of trials) {
    if (one.verdict === 'FEW_TRADES' || one.verdict === 'LAGS') continue;
    if (best === null || net(one) > net(best)) best = one;
  }
  return best;
}

/** One per pair, whatever its timeframes and windows. */
function lagTexts(trials: readonly ScanTrial[]): string[] {
  const lagging = trials.flatMap(({ pair, lag }) => (lag === null ? [] : [[pair.split('@')[0]!, lag] as const]));
  return [...new Map(lagging)].map(([pair, lag]) => `${pair}: ${leadLagText(lag)}`);
}

export function trialName({ pair, beta_window, z_window }: ScanTrial): string {
  return `${pair} ${windowsName({ beta_window, z_window })}`;
}

type Column = readonly [name: string, of: (trial: ScanTrial) => string | number | null];

const periodColumns = (prefix: string, of: (trial: ScanTrial) => PeriodFigures): Column[] =>
  (
    [
      'trades',
      'win_rate',
      'gross_bps',
      'cost_bps',
      'swap_bps',
      'net_bps',
      'break_even_cost_bps',
      'lower_5_net_bps',
      'mean_bars_held',
    ] as const
  ).map((name) => [`${prefix}${name}`, (trial) => of(trial)[name]]);

/** Columns of the CSV file. */
export const TRIAL_COLUMNS: readonly Column[] = [
  ['pair', ({ pair }) => pair],
  ['timeframe', ({ timeframe }) => timeframe],
  ['beta_window', (trial) => trial.beta_window],
  ['z_window', (trial) => trial.z_window],
  ['verdict', ({ verdict }) => verdict],
  ['lag_minutes', ({ lag }) => (lag === null ? null : lag.lagSeconds / 60)],
  ['bars', ({ bars }) => bars],
  ['adf_tau', ({ cointegration }) => cointegration?.tau ?? null],
  ['adf_lags', ({ cointegration }) => cointegration?.lags ?? null],
  ['cointegration_p', ({ cointegration }) => cointegration?.p ?? null],
  ['cointegration_adjusted_p', ({ cointegration }) => cointegration?.adjusted_p ?? null],
  ['half_life_bars', ({ cointegration }) => finite(cointegration?.halfLifeBars)],
  ['adjusted_p', (trial) => trial.adjusted_p],
  ['deflated_sharpe', (trial) => trial.deflated_sharpe],
  ['sharpe', (trial) => trial.sharpe],
  ...periodColumns('', ({ development }) => development),
  ['holdout_sharpe', (trial) => trial.holdout_sharpe],
  ...periodColumns('holdout_', ({ holdout }) => holdout),
];

function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}

export function* trialsCsv({ trials }: ScanResult): Generator<string> {
  yield `${TRIAL_COLUMNS.map(([name]) => name).join(',')}\n`;
  for (const trial of trials) yield `${TRIAL_COLUMNS.map(([, of]) => of(trial) ?? '').join(',')}\n`;
}

/** Columns of the page: both periods side by side. */
export const SHOWN_COLUMNS: readonly (readonly [name: string, of: (trial: ScanTrial) => string])[] = [
  ['pair and windows', trialName],
  ['coint. p', ({ cointegration }) => probability(cointegration?.adjusted_p)],
  ['half-life', ({ cointegration }) => number(finite(cointegration?.halfLifeBars), 0)],
  ['trades', ({ development }) => String(development.trades)],
  ['gross', ({ development }) => bps(development.gross_bps)],
  ['cost', ({ development }) => bps(development.cost_bps)],
  ['swap', ({ development }) => bps(development.swap_bps)],
  ['break-even', ({ development }) => bps(development.break_even_cost_bps)],
  ['net', ({ development }) => bps(development.net_bps)],
  ['Sharpe', ({ sharpe }) => number(sharpe, 2)],
  ['adj. p', ({ adjusted_p }) => probability(adjusted_p)],
  ['DSR', ({ deflated_sharpe }) => number(deflated_sharpe, 2)],
  ['holdout trades', ({ holdout }) => String(holdout.trades)],
  ['holdout net', ({ holdout }) => bps(holdout.net_bps)],
  ['', ({ verdict }) => verdict],
];

function bps(value: number | null): string {
  return number(value, 2);
}

function number(value: number | null, digits: number): string {
  return value === null ? NONE : value.toFixed(digits);
}

function probability(value: number | undefined): string {
  return value === undefined ? NONE : value.toFixed(3);
}

/** The whole result as one self-contained HTML file. */
export function renderScan(
  result: ScanResult,
  { level, top }: { readonly level: number; readonly top: number },
): string {
  const { trials, from, holdoutFrom, to, developmentDays, dayStart, leftOut, expectedMaxSharpe } = result;
  const shown = trials.slice(0, top);
  const sections = [
    '<h1>Scan of pairs</h1>',
    `<p>Development ${isoSecond(from)} to ${isoSecond(holdoutFrom)}, ${developmentDays} trading days; holdout to ${isoSecond(to)}, ${dayStart.length - developmentDays}. ${trials.length} trials; expected Sharpe ratio of the best without skill: ${expectedMaxSharpe.toFixed(2)}.</p>`,
    `<p class="verdict">${escapeHtml(scanVerdict(result, level))}</p>`,
    ...(leftOut.length === 0
      ? []
      : [
          `<p class="warning">${leftOut.length} trials left out: their features need too long a warm-up: ${escapeHtml(leftOut.slice(0, 20).join(', '))}</p>`,
        ]),
    `<h2>First ${shown.length} trials</h2>`,
    htmlTable(
      SHOWN_COLUMNS.map(([name]) => name),
      shown.map((trial) => SHOWN_COLUMNS.map(([, of]) => of(trial))),
    ),
    '<h2>Plots</h2>',
    barChart(
      'Basis points per trade in the development period',
      ['gross', 'cost', 'swap', 'net'],
      shown.slice(0, BARS).map((trial) => {
        const { gross_bps, cost_bps, swap_bps, net_bps } = trial.development;
        return { label: trialName(trial), values: [gross_bps, cost_bps, swap_bps, net_bps] };
      }),
      (value) => value.toFixed(1),
    ),
    lineChart(
      'Net value of the first trials, both periods',
      shown.slice(0, CURVES).map((trial) => ({ name: trialName(trial), x: dayStart, y: cumulate(trial.days) })),
      { xText: (x) => isoSecond(x).slice(0, 10), yText: (y) => `${(y * 100).toFixed(1)} %` },
    ),
    histogram('Net result per trade of all trials with trades, bps', netsOf(trials), (value) => value.toFixed(1)),
    histogram('Cointegration: unadjusted p', cointegrationPs(trials), (value) => value.toFixed(2)),
    '<h2>Method</h2>',
    `<ul>${SCAN_ASSUMPTIONS.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`,
  ];
  return htmlPage('Scan of pairs', sections);
}

function netsOf(trials: readonly ScanTrial[]): number[] {
  return trials.flatMap(({ development }) => development.net_bps ?? []);
}

/** One per pair and timeframe. */
function cointegrationPs(trials: readonly ScanTrial[]): number[] {
  return [...new Map(trials.map(({ pair, cointegration }) => [pair, cointegration?.p ?? 1])).values()];
}

function cumulate(days: Float64Array): Float64Array {
  let sum = 0;
  return days.map((value) => (sum += value));
}
