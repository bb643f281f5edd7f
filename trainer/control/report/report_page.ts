import { barChart, escapeHtml } from '../../learning/backtest/report/chart.ts';
import { htmlPage, htmlTable } from '../../learning/backtest/report/page.ts';
import { performanceLines } from '../performance/performance_lines.ts';
import type { Report } from '../schema/reports.ts';
import { periodLine } from './period_line.ts';

/** The report as one HTML file for people, without script. */
export function reportPage(report: Report): string {
  const { market, refusal } = report;
  // Days of a simulated market where it was asked for them, as its pages show them.
  const { from, to } = report.market_period ?? report;
  const missed = report.targets.filter(({ met }) => met === false);
  return htmlPage(`Report ${from.slice(0, 10)} to ${to === null ? 'the newest bar' : to.slice(0, 10)}`, [
    `<h1>Report of the ${escapeHtml(market)} market</h1>`,
    `<p>${escapeHtml(periodLine(report))} The end is exclusive.</p>`,
    missed.length === 0
      ? ''
      : `<p class="warning">Targets missed: ${missed.map(({ name, subject }) => escapeHtml(`${name} ${subject}`.trim())).join(', ')}.</p>`,
    section(
      'Targets and measured values',
      ['target', 'of', 'measured', 'least', 'most', 'met'],
      report.targets.map((one) => [one.name, one.subject, one.measured, one.least, one.most, one.met]),
    ),
    section(
      'Model evaluation (holdout)',
      [
        'bundle',
        'status',
        'AUC AI1',
        'placebo AUC',
        'skill',
        '± error',
        'AUC AI2',
        'Brier AI1',
        'trades',
        'net bps',
        'Sharpe',
        'θ1',
        'θ2',
        'failed gates',
      ],
      report.evaluations.map(({ version, status, models, skill, backtest, theta1, theta2, reasons }) => [
        ...[version, status, models['ai1']?.auc, skill?.placebo_auc, skill?.skill, skill?.standard_error],
        ...[models['ai2']?.auc, models['ai1']?.brier],
        ...[backtest?.trades, backtest?.mean_net_bps, backtest?.net_sharpe, theta1, theta2, reasons.join('; ')],
      ]),
    ),
    section('Training runs', ['kind', 'status', 'runs'], report.runs.map(Object.values)),
    section(
      'θ1 and θ2 adopted',
      ['run', 'ended, UTC by the wall clock', 'bundle', 'θ1', 'θ2'],
      report.thresholds.map(({ run_id, finished_at, model_version, theta1, theta2 }) => [
        run_id,
        finished_at,
        model_version,
        theta1,
        theta2,
      ]),
    ),
    section('Signals', ['of', 'action', 'reason', 'signals'], report.signals.map(Object.values)),
    `<h2>Refusal rate of AI2 (やらない勇気発動率)</h2><p class="verdict">${rateText(refusal)}</p>`,
    refusal.reasons.length === 0
      ? ''
      : htmlTable(
          ['reason', 'refused'],
          refusal.reasons.map(({ reason, count }) => [reason, String(count)]),
        ),
    barChart(
      'risk_score of all signals',
      ['signals'],
      report.risk_score_histogram.map((count, bin) => ({ label: `from ${bin / 10}`, values: [count] })),
      String,
    ),
    '<h2>Performance</h2>',
    `<pre>${escapeHtml(performanceLines(report.performance).join('\n'))}</pre>`,
    section(
      'Results by account',
      ['account', 'currency', 'closed positions', 'wins', 'win rate', 'P&L'],
      report.positions.map(({ account_id, currency, closed, wins, win_rate, pnl }) => [
        account_id,
        currency,
        closed,
        wins,
        win_rate,
        pnl,
      ]),
    ),
    section(
      'Closed legs by account',
      ['account', 'currency', 'closes', 'P&L', 'mean slippage, bps'],
      report.pnl.map(({ account_id, currency, closes, pnl, mean_slippage_bps }) => [
        account_id,
        currency,
        closes,
        pnl,
        mean_slippage_bps,
      ]),
    ),
    section(
      'Costs a side, basis points: configured and paid',
      ['account', 'symbol', 'fills', 'slippage configured', 'paid', 'spread and slippage configured', 'paid'],
      report.costs.map((one) => [
        one.account,
        one.symbol,
        one.fills,
        one.configured_slippage_bps,
        one.slippage_bps,
        one.configured_bps,
        one.shortfall_bps,
      ]),
    ),
    ...recordSections(report),
  ]);
}

function recordSections(report: Report): string[] {
  return [
    section('PSI', ['day', 'bundle', 'feature', 'PSI', 'noise'], largestPsi(report.drift)),
    section(
      'Parity',
      ['day', 'shard', 'verdict', 'signals', 'equal', 'mismatches'],
      report.parity.map((one) => [one.day, one.shard, one.verdict, one.signals, one.equal_signals, one.mismatches]),
    ),
  ];
}

function section(title: string, head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = rows.map((row) => row.map(textOf));
  return `<h2>${escapeHtml(title)}</h2>${rows.length === 0 ? '<p>None.</p>' : htmlTable(head, cells)}`;
}

const SHOWN_FEATURES = 20;

function largestPsi(drift: Report['drift']): unknown[][] {
  const sorted = [...drift].sort((a, b) => b.psi - a.psi).slice(0, SHOWN_FEATURES);
  return sorted.map(({ day, model_version, feature, psi, psi_noise }) => [day, model_version, feature, psi, psi_noise]);
}

/** One line, for pages and notifications. */
export function rateText({ candidates, judged, risk_refused, rate }: Report['refusal']): string {
  return rate === null
    ? `None of ${candidates} candidates reached AI2.`
    : `${(rate * 100).toFixed(1)} %: AI2 refused ${risk_refused} of ${judged} candidates that reached it, of ${candidates}.`;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'number') return String(value);
  return Number.isInteger(value) ? String(value) : value.toFixed(4);
}
