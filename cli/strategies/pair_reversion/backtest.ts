import { lookName } from '../../../trainer/learning/backtest/holdout_looks.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { counted } from '../../../shared/counted.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { homePaths } from '../../../shared/home.ts';
import { daysBetween } from '../../../shared/plain_verdict/of_manifest.ts';
import { plainVerdict, type PlainVerdict } from '../../../shared/plain_verdict/plain_verdict.ts';
import { loadSettings, type Settings } from '../../../shared/policy/policy.ts';
import type { BacktestJob } from '../../../trainer/jobs/kinds/backtest_job.ts';
import { runBacktestJob, type NewsInPeriod } from '../../../trainer/jobs/kinds/run_backtest.ts';
import {
  busiestHours,
  EXECUTABILITY_COLUMNS,
  executabilityCells,
} from '../../../trainer/learning/backtest/executability.ts';
import { isoSecond, ROLES } from '../../../trainer/learning/strategies/pair_reversion/backtest/ledger.ts';
import {
  isTrainedOn,
  VIEWS,
  type BundleResult,
  type PeriodResult,
  type ViewResult,
} from '../../../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import type { Performance } from '../../../trainer/learning/backtest/performance.ts';
import {
  ASSUMPTIONS,
  sharpeText,
  verdict,
} from '../../../trainer/learning/strategies/pair_reversion/backtest/report/report.ts';
import type { PeriodClaim } from '../../../trainer/learning/backtest/period_edge.ts';
import {
  bundleDocument,
  compareBundles,
} from '../../../trainer/learning/strategies/pair_reversion/backtest/report/result_document.ts';
import { costTable } from '../../cost_table.ts';
import { tellWhenInterrupted } from '../../interrupted.ts';
import { endWithMissing, missingSubjects } from '../../missing_subjects.ts';
import type { Output } from '../../output.ts';
import { recordJob } from '../../recorded_job.ts';
import { configuredPairs } from '../../pairs_option.ts';
import { instantOf, parsePeriod, parseWorkers } from '../../period.ts';
import type { BacktestFlags } from '../strategy_commands.ts';

/** @throws MinutehandError USAGE, and as a backtest */
export async function backtestPairs(flags: BacktestFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const job = jobOf(flags, settings);
  if (flags.printJob === true) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  else await recordJob(job, settings, output, (own) => runAndPrintBacktest(job, settings, own));
}

/**
 * The flags as a job.
 * @throws MinutehandError USAGE, PAIR_UNKNOWN
 */
function jobOf(flags: BacktestFlags, settings: Settings): BacktestJob {
  const { from, to } = parsePeriod(flags);
  const models = flags.models ?? [homePaths().models];
  if (models.length > ROLES.length)
    throw new MinutehandError('USAGE', { seen: `--models ${models.length} times`, expected: 'once or twice' });
  return {
    kind: 'backtest',
    // Bars of files count as live ones.
    market: flags.data === undefined ? settings.minutehand.market : 'live',
    models,
    period: { from: from === undefined ? null : instantOf(from), to: to === undefined ? null : instantOf(to) },
    pairs: flags.pairs === undefined ? null : [...configuredPairs(flags, settings)],
    source: { folder: flags.data ?? null },
    parameters: {
      theta1: parseThreshold(flags.theta1, '--theta1'),
      theta2: parseThreshold(flags.theta2, '--theta2'),
      costs: flags.costs,
      cost_table: flags.costTable === true,
    },
    output: { folder: flags.out ?? null },
    resources: { workers: parseWorkers(flags.workers) },
    trigger: { code: 'command', values: { command: 'backtest' } },
  };
}

/** Runs a backtest in this process, and prints its tables. */
export async function runAndPrintBacktest(job: BacktestJob, settings: Settings, output: Output): Promise<void> {
  const startedMs = performance.now();
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was written.'] });
  const onProgress = (stage: string, done: number, total: number): void => progress.update(stage, done, total);
  const onNote = (text: string): void => output.note(text);
  const context = { settings, modelsFolder: homePaths().models, onProgress, onNote };
  const outcome = await runBacktestJob(job, context).finally(() => progress.stop());
  const { result, bundles, costTable: table, requireEdge, symbols, news, files } = outcome;
  const seconds = (performance.now() - startedMs) / 1000;
  const manifests = bundles.map(({ manifest }) => manifest);
  show(job, result, manifests, requireEdge, seconds, output);
  const verdicts = result.bundles.map((bundle) => verdictOf(bundle, result));
  for (const verdict of verdicts) if (verdict !== null) output.line(verdict.text);
  if (news !== null) output.line(newsText(news));
  for (const line of table.length === 0 ? [] : ['', ...costTable(table)]) output.line(line);
  if (files !== null) output.line(`Written: ${Object.values(files).join(', ')}`);

  const asked = { asked: job.pairs ?? undefined, possible: settings.minutehand.pairs, done: result.pairs };
  const documents = result.bundles.map((bundle, i) => ({
    ...bundleDocument(bundle, manifests[i]!, result),
    path: bundles[i]!.path,
    verdict: verdicts[i]!,
  }));
  output.result({
    ...documents[0]!,
    ...(documents.length === 1
      ? {}
      : { challenger: documents[1]!, comparison: compareBundles(documents[0]!, documents[1]!) }),
    data: job.source.folder,
    period: { from: isoSecond(result.first), to: isoSecond(result.last) },
    pairs: result.pairs,
    missing_pairs: missingSubjects(asked),
    bars: result.bars,
    trading_days: result.days.length,
    require_edge: requireEdge,
    cost_model: job.parameters.costs,
    news,
    ...(table.length > 0 && { cost_table: table }),
    costs: symbols,
    assumptions: ASSUMPTIONS,
    seconds,
    files,
  });
  endWithMissing({ ...asked, reason: 'no common bars of both symbols in this period' }, output);
}

/** What these bars say of the trades of all pairs; null where the bundle has learned from them. */
function verdictOf({ edge, all_pairs }: BundleResult, { first, last }: PeriodResult): PlainVerdict | null {
  if (edge === null) return null;
  const proven = Object.entries(edge.pairs).map(([subject, { no_edge, trades }]) => {
    const { mean_gross_bps = null, mean_net_bps = null } = all_pairs.pairs[subject] ?? {};
    return {
      subject,
      has_edge: !no_edge,
      trades,
      gross_bps: mean_gross_bps,
      net_bps: mean_net_bps,
      break_even_cost_bps: null,
    };
  });
  return plainVerdict(proven, daysBetween(isoSecond(first), isoSecond(last)));
}

/** @returns null when it was not given @throws MinutehandError USAGE */
function parseThreshold(text: string | undefined, option: string): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!(text.trim() !== '' && value >= 0 && value <= 1))
    throw new MinutehandError('USAGE', { seen: `${option} ${text}`, expected: 'a number from 0 to 1' });
  return value;
}

function newsText({ importance, currencies, events, known_events }: NewsInPeriod): string {
  const what = `news_stop: ${counted(events, 'event')} of importance ${importance} or more of ${currencies.join(', ')} in this period`;
  return events > 0
    ? `${what}.`
    : `${what}: nothing was stopped. The calendar has ${known_events} at other times; \`minutehand news import <file>\` adds some.`;
}

function show(
  { market, source }: Pick<BacktestJob, 'market' | 'source'>,
  result: PeriodResult,
  manifests: readonly Manifest[],
  requireEdge: boolean,
  seconds: number,
  output: Output,
): void {
  const { bundles, pairs, bars, first, last } = result;
  output.line(
    `${source.folder ?? `${market} market`}: ${counted(pairs.length, 'pair')}, ${counted(bars, 'bar')}, ${isoSecond(first)} to ${isoSecond(last)}, ${counted(result.days.length, 'trading day')}, ${seconds.toFixed(1)} s`,
  );
  bundles.forEach((bundle, i) => {
    output.line('');
    output.line(
      `${bundles.length === 1 ? 'Bundle' : ROLES[i]!} ${bundle.version}, θ1 ${bundle.thresholds.theta1}, θ2 ${bundle.thresholds.theta2}`,
    );
    const manifest = manifests[i]!;
    if (isTrainedOn(result, manifest))
      output.line(
        `Learned from bars up to ${manifest.period.holdout_from}: its results are partly in-sample, and no edge is claimed.`,
      );
    output.line(verdict(bundle, pairs.length, requireEdge));
    for (const [name, { rows, auc, brier, brier_baseline, ece }] of Object.entries(bundle.models))
      output.line(
        `${name}  rows ${rows}, AUC ${figure(auc, 4)}, Brier ${figure(brier, 4)} (baseline ${figure(brier_baseline, 4)}), calibration error ${figure(ece, 4)}`,
      );
    for (const view of VIEWS) {
      output.line(`${view}, bps per trade with position_scale applied, and net at full size:`);
      output.line(HEAD);
      for (const pair of pairs)
        output.line(row(pair, bundle[view].pairs[pair]!, pairs.length, bundle.noEdge.includes(pair)));
      output.line(row('total', bundle[view].total, 1, false));
      const { fullLeverage } = bundle[view];
      if (fullLeverage !== null) output.line(fullLeverageRow(fullLeverage));
      showOpenAtEnd(bundle[view], output);
      showExecutability(bundle[view], output);
      showInterval(bundle[view], output);
    }
    for (const line of edgeLines(bundle.edge)) output.line(line);
  });
}

function showOpenAtEnd({ trades }: ViewResult, output: Output): void {
  const count = trades.filter(({ reason }) => reason === 'END_OF_DATA').length;
  if (count > 0)
    output.line(
      `${counted(count, 'position')} still open at the end of the bars, closed there at the last open and counted: not an exit of the rule`,
    );
}

function showExecutability({ executability }: ViewResult, output: Output): void {
  if (executability.trades === 0) return;
  const cells = executabilityCells(executability).map((cell, i) => `${EXECUTABILITY_COLUMNS[i]!} ${cell}`);
  output.line(`executability, net bps per trade at full size: ${cells.join(', ')}`);
  output.line(`busiest hours in New York: ${busiestHours(executability)}`);
}

function showInterval({ interval }: ViewResult, output: Output): void {
  const { net_bps, lower_5_net_bps, upper_95_net_bps } = interval;
  if (lower_5_net_bps === null) return;
  const range = `${figure(net_bps, 2)} (90 % interval ${figure(lower_5_net_bps, 2)} to ${figure(upper_95_net_bps, 2)})`;
  output.line(`net bps per trade at full size in this period: ${range}`);
}

/** What the trades claim, and how often these bars were looked at. */
function edgeLines(edge: BundleResult['edge']): string[] {
  if (edge === null) return [];
  const { look, level, pairs, all_pairs, edge_pairs } = edge;
  const line = (name: string, { no_edge, trades, net_bps, lower_net_bps, p_value }: PeriodClaim): string =>
    `  ${name.padEnd(17)}${no_edge ? 'NO_EDGE' : 'edge   '} ${counted(trades, 'trade')}, net ${figure(net_bps, 2)} bps at full size, lower bound ${figure(lower_net_bps, 2)}, p ${figure(p_value, 4)}`;
  return [
    `edge in this period, ${lookName(look)}: p, adjusted for all these claims, below ${Number(level.toPrecision(3))}`,
    ...Object.entries(pairs).map(([pair, claim]) => line(pair, claim)),
    line('all_pairs', all_pairs),
    line('edge_pairs', edge_pairs),
  ];
}

/** Return and drawdown of a pair refer to its own capital; `of all` is its contribution to the return of all pairs. */
const HEAD =
  '                   trades      won   gross     net    full          Sharpe  drawdown   return   of all  refused';

/** @param capitals of how many pairs the capital of all is */
function row(name: string, performance: Performance, capitals: number, isGated: boolean): string {
  const {
    trades,
    win_rate,
    mean_gross_bps,
    mean_net_bps,
    mean_net_bps_full_size,
    max_drawdown,
    net_return,
    refusal_rate,
  } = performance;
  const share = (value: number | null, width: number): string =>
    (value === null ? '–' : `${(value * 100).toFixed(1)} %`).padStart(width);
  return (
    `${name.padEnd(17)}${String(trades).padStart(8)}${share(win_rate, 9)}${figure(mean_gross_bps, 2).padStart(8)}${figure(mean_net_bps, 2).padStart(8)}${figure(mean_net_bps_full_size, 2).padStart(8)}` +
    `${sharpeText(performance).padStart(16)}${share(max_drawdown, 10)}${share(net_return, 9)}${share(net_return / capitals, 9)}${share(refusal_rate, 9)}${isGated ? '  NO_EDGE' : ''}`
  );
}

/** Below `drawdown` and `return` of the row above. */
function fullLeverageRow({ max_drawdown, net_return }: NonNullable<ViewResult['fullLeverage']>): string {
  const share = (value: number, width: number): string => `${(value * 100).toFixed(1)} %`.padStart(width);
  return `${'without leverage_reduction_rate'.padEnd(74)}${share(max_drawdown, 10)}${share(net_return, 9)}`;
}

function figure(value: number | null, digits: number): string {
  return value === null ? '–' : value.toFixed(digits);
}
