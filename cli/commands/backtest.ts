import { join } from 'node:path';
import type { Command } from 'commander';
import type { OpenTime } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { resolveBundle } from '../../shared/bundle/bundle.ts';
import { isDirectionBundle } from '../../shared/bundle/direction/active_direction.ts';
import { windowsOfBundle } from '../../shared/bundle/bundle_windows.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { openModelSet, type ModelSet } from '../../shared/bundle/model_set.ts';
import { prepareModels, type PreparedModels } from '../../shared/bundle/prepared_models.ts';
import type { Thresholds } from '../../shared/strategies/pair_reversion/pair_input.ts';
import { warmUpSeconds } from '../../shared/core/features/features.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { makeFolder } from '../../shared/folder.ts';
import { parsePair, symbolsOf } from '../../shared/pair.ts';
import { COST_MODELS, tradingCosts, type CostModel } from '../../shared/policy/costs.ts';
import { homePaths } from '../../shared/home.ts';
import { newsCurrencies } from '../../shared/core/news/news_currencies.ts';
import { isAtLeast } from '../../shared/core/news/news_event.ts';
import { counted } from '../../shared/counted.ts';
import { decisionPolicy, loadSettings, screenPolicy, type Settings } from '../../shared/policy/policy.ts';
import {
  busiestHours,
  EXECUTABILITY_COLUMNS,
  executabilityCells,
} from '../../trainer/learning/backtest/executability.ts';
import { equityCsv, isoSecond, ROLES, tradesCsv } from '../../trainer/learning/backtest/ledger.ts';
import {
  backtestPeriod,
  isTrainedOn,
  ROWS_PER_SCORE,
  VIEWS,
  type BundleResult,
  type PeriodOptions,
  type PeriodResult,
  type ViewResult,
} from '../../trainer/learning/backtest/period.ts';
import type { Performance } from '../../trainer/learning/backtest/performance.ts';
import { ASSUMPTIONS, renderReport, verdict } from '../../trainer/learning/backtest/report/report.ts';
import { datasetPolicy } from '../../trainer/learning/dataset/dataset_policy.ts';
import { readFolderBars } from '../../trainer/learning/dataset/folder_bars.ts';
import { costRow, costTable, type BacktestCostRow } from '../cost_table.ts';
import { readInstallationBars, withOwnPrices } from '../../trainer/jobs/bars/installation_bars.ts';
import { costsOption } from '../costs_option.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { runEvaluate } from './direction_evaluate.ts';
import { endWithMissing, missingSubjects } from '../missing_subjects.ts';
import type { Output } from '../output.ts';
import { openOutputFile } from '../output_file.ts';
import { addPairsOption, configuredPairs, type PairsFlags } from '../pairs_option.ts';
import { parsePeriod, parseWorkers, type Period } from '../period.ts';

interface BacktestFlags extends PairsFlags {
  readonly data?: string;
  readonly models?: string[];
  readonly from?: string;
  readonly to?: string;
  readonly theta1?: string;
  readonly theta2?: string;
  readonly costs: CostModel;
  readonly costTable?: boolean;
  readonly workers?: string;
  readonly out?: string;
}

export function addBacktest(program: Command, output: () => Output): void {
  const backtest = program
    .command('backtest')
    .description(
      'Runs bars through the daemon’s features, models, decision and position, fills at the opens of the next bars, and takes spread, commission, slippage and ' +
        'overnight swaps from every trade. all_pairs: as if every pair had an edge; edge_pairs: with NO_EDGE as the bundle has it. With --models twice, the ' +
        'first bundle (champion) and the second (challenger) decide on the same bars.',
    )
    .option('--data <folder>', 'folder of SYMBOL.csv[.gz] (default: the bars of this installation)')
    .option(
      '--models <folder>',
      'a bundle, or a folder of bundles (then the active one, else the newest); default: the models folder of this installation',
      (folder: string, before: string[] | undefined) => [...(before ?? []), folder],
    )
    .option('--from <day>', 'first UTC day or minute to decide on; up to 14 days before it are the warm-up')
    .option('--to <day>', 'UTC day or minute of the end');
  addPairsOption(backtest, 'only these pairs, comma-separated (default: all configured pairs with bars)')
    .option('--theta1 <x>', 'return_prob must be above it (default: the bundle’s)')
    .option('--theta2 <x>', 'risk_score must be below it (default: the bundle’s)')
    .addOption(costsOption())
    .option('--cost-table', 'also compare both cost models, with and without no_entry_windows')
    .option('--workers <n>', 'worker threads (default: one for each core); affects speed only, not results')
    .option('--out <folder>', 'folder for trades.csv, equity.csv and report.html')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand backtest --data ./m1 --from 2019-07-15 --out ./report\n  minutehand backtest --data ./m1 --models ./models/20261101_0300 --models ./models/20261201_0300 --json',
    )
    .action((flags: BacktestFlags) => runBacktestCommand(flags, output()));
}

async function runBacktestCommand(flags: BacktestFlags, output: Output): Promise<void> {
  const direction = flags.models?.find((folder) => isDirectionBundle(folder));
  if (direction !== undefined) return backtestDirection(direction, flags, output);
  const startedMs = performance.now();
  const settings = await withOwnPrices(loadSettings(), flags.data);
  const { minutehand } = settings;
  const pairs = configuredPairs(flags, settings).map(parsePair);
  const { from = 0 as OpenTime, to } = parsePeriod(flags);
  const thresholds = parseThresholds(flags);
  const folders = flags.models ?? [homePaths().models];
  if (folders.length > ROLES.length)
    throw new MinutehandError('USAGE', { seen: `--models ${folders.length} times`, expected: 'once or twice' });
  const workers = parseWorkers(flags.workers);

  const paths = folders.map((folder) => resolveBundle(folder));
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was written.'] });
  const warmUp = Math.max(...paths.map((path) => warmUpSeconds(windowsOfBundle(path, minutehand.windows))));
  const period = { from: (from - warmUp) as OpenTime, ...(to === undefined ? {} : { to }) };
  const reading = readBars(flags.data, settings, symbolsOf(pairs), period, workers, (done, total) =>
    progress.update('reading bars', done, total),
  );
  // An error of the models comes first.
  reading.catch(() => undefined);
  const { prepared, sets } = await loadModels(paths, settings);
  const bars = await reading;
  const policy = decisionPolicy(settings);
  const options: PeriodOptions = {
    pairs,
    bars,
    from,
    sets,
    prepared,
    thresholds,
    policy,
    labels: datasetPolicy(settings),
    costs: tradingCosts(settings, flags.costs),
    workers,
    onProgress: (done, total) => progress.update('backtest', done, total),
  };
  const result = await backtestPeriod(options);
  const table = flags.costTable === true ? await compareCosts(options, settings) : [];
  for (const set of sets) await set.release();
  progress.stop();
  const files = flags.out === undefined ? null : writeFiles(flags.out, result, sets, settings);
  const seconds = (performance.now() - startedMs) / 1000;
  show(result, sets, policy.require_edge, seconds, output);
  const news = newsOf(settings, result);
  if (news !== null) output.line(newsText(news));
  for (const line of table.length === 0 ? [] : ['', ...costTable(table)]) output.line(line);
  if (files !== null) output.line(`Written: ${Object.values(files).join(', ')}`);

  const asked = { asked: flags.pairs, possible: minutehand.pairs, done: result.pairs };
  const missing = missingSubjects(asked);
  const documents = result.bundles.map((bundle, i) => ({
    ...documentOf(bundle, sets[i]!, result),
    path: paths[i]!,
  }));
  output.result({
    ...documents[0]!,
    ...(documents.length === 1 ? {} : { challenger: documents[1]!, comparison: compare(documents[0]!, documents[1]!) }),
    data: flags.data ?? null,
    period: { from: isoSecond(result.first), to: isoSecond(result.last) },
    pairs: result.pairs,
    missing_pairs: missing,
    bars: result.bars,
    trading_days: result.days.length,
    require_edge: policy.require_edge,
    cost_model: flags.costs,
    news,
    ...(table.length > 0 && { cost_table: table }),
    costs: costsOf(result.pairs, settings),
    assumptions: ASSUMPTIONS,
    seconds,
    files,
  });
  endWithMissing({ ...asked, reason: 'no common bars of both symbols in this period' }, output);
}

/** A bundle of the direction model trades by its own threshold and costs. */
function backtestDirection(folder: string, flags: BacktestFlags, output: Output): Promise<void> {
  const { models = [], data, from, to, pairs, theta1, theta2, costTable, out } = flags;
  const others = { '--pairs': pairs, '--theta1': theta1, '--theta2': theta2, '--cost-table': costTable, '--out': out };
  const unusable = Object.entries(others).find(([, value]) => value !== undefined);
  if (unusable !== undefined || models.length > 1)
    throw new MinutehandError('USAGE', {
      seen: `${unusable?.[0] ?? 'two bundles'} with the direction model ${folder}`,
      expected: 'one bundle, --data, --from and --to; `minutehand direction evaluate --help` shows more',
    });
  const period = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  return runEvaluate(folder, { ...period, ...(data !== undefined && { data }), seed: '0' }, output);
}

async function loadModels(
  paths: readonly string[],
  { minutehand }: Settings,
): Promise<{ readonly prepared: readonly PreparedModels[]; readonly sets: readonly ModelSet[] }> {
  const schema = featureSchema(minutehand.windows);
  const prepared: PreparedModels[] = [];
  const sets: ModelSet[] = [];
  for (const path of paths) {
    const models = await prepareModels(path, schema, { engine: minutehand.inference.engine });
    prepared.push(models);
    sets.push(await openModelSet(models, ROWS_PER_SCORE));
  }
  return { prepared, sets };
}

/** Without suspect bars: of a folder, or of this installation. */
async function readBars(
  data: string | undefined,
  settings: Settings,
  symbols: readonly string[],
  period: Period,
  workers: number,
  onProgress: (done: number, total: number) => void,
): Promise<Map<string, BarColumns>> {
  if (data === undefined) return readInstallationBars(settings, symbols, period, onProgress);
  return readFolderBars(data, symbols, { ...period, screening: screenPolicy(settings), workers, onProgress });
}

/** The first bundle, as if every pair had an edge, by both cost models and with and without `no_entry_windows`. */
async function compareCosts(options: PeriodOptions, settings: Settings): Promise<BacktestCostRow[]> {
  const rows: BacktestCostRow[] = [];
  for (const costs of COST_MODELS) {
    for (const windows of [false, true]) {
      const policy = windows ? options.policy : { ...options.policy, no_entry_windows: [] };
      const sets = options.sets.slice(0, 1);
      const { bundles } = await backtestPeriod({
        ...options,
        sets,
        prepared: options.prepared!.slice(0, 1),
        policy,
        costs: tradingCosts(settings, costs),
      });
      rows.push(costRow({ costs, windows }, bundles[0]!.all_pairs));
    }
  }
  return rows;
}

/** @throws MinutehandError USAGE */
function parseThresholds(flags: BacktestFlags): Partial<Thresholds> {
  return Object.fromEntries(
    (['theta1', 'theta2'] as const).flatMap((name) => {
      const text = flags[name];
      if (text === undefined) return [];
      const value = Number(text);
      if (!(text.trim() !== '' && value >= 0 && value <= 1))
        throw new MinutehandError('USAGE', { seen: `--${name} ${text}`, expected: 'a number from 0 to 1' });
      return [[name, value]];
    }),
  );
}

function costsOf(pairs: readonly string[], { minutehand }: Settings): Parameters<typeof renderReport>[0]['symbols'] {
  const symbols = symbolsOf(pairs.map(parsePair));
  return Object.fromEntries(symbols.map((symbol) => [symbol, minutehand.symbols[symbol]!]));
}

/** @throws MinutehandError OUTPUT_UNWRITABLE */
function writeFiles(
  folder: string,
  result: PeriodResult,
  sets: readonly ModelSet[],
  settings: Settings,
): Readonly<Record<'trades' | 'equity' | 'report', string>> {
  try {
    makeFolder(folder);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: folder, cause });
  }
  const files = {
    trades: join(folder, 'trades.csv'),
    equity: join(folder, 'equity.csv'),
    report: join(folder, 'report.html'),
  };
  writeText(files.trades, tradesCsv(result));
  writeText(files.equity, equityCsv(result));
  const report = renderReport({
    result,
    manifests: sets.map(({ manifest }) => manifest),
    symbols: costsOf(result.pairs, settings),
    requireEdge: settings.core.require_edge,
  });
  writeText(files.report, [report]);
  return files;
}

function writeText(path: string, parts: Iterable<string>): void {
  const file = openOutputFile(path);
  try {
    for (const part of parts) file.write(part);
  } catch (error) {
    file.discard();
    throw error;
  }
  file.close();
}

/** One bundle for programs. */
function documentOf(bundle: BundleResult, { manifest }: ModelSet, result: PeriodResult) {
  const view = ({ total, pairs, fullLeverage, executability, interval }: ViewResult) => ({
    ...total,
    full_leverage: fullLeverage,
    pairs,
    executability,
    interval,
  });
  return {
    version: bundle.version,
    market: manifest.market,
    trained: manifest.period,
    trained_on_period: isTrainedOn(result, manifest),
    ...bundle.thresholds,
    pairs_without_edge: bundle.noEdge,
    models: bundle.models,
    all_pairs: view(bundle.all_pairs),
    edge_pairs: view(bundle.edge_pairs),
  };
}

type BundleDocument = ReturnType<typeof documentOf>;

/** The challenger's figures minus the champion's, on the same bars. */
function compare(champion: BundleDocument, challenger: BundleDocument): object {
  const more = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : b - a);
  const views = VIEWS.map((view) => {
    const names = ['net_return', 'net_sharpe', 'max_drawdown', 'mean_net_bps', 'trades', 'win_rate'] as const;
    const entries = names.map((name) => [name, more(champion[view][name], challenger[view][name])]);
    return [view, Object.fromEntries(entries)] as const;
  });
  return {
    ...Object.fromEntries(views),
    ai1_auc: more(champion.models.ai1.auc, challenger.models.ai1.auc),
    ai2_auc: more(champion.models.ai2.auc, challenger.models.ai2.auc),
  };
}

/**
 * Of the calendar, the events of the backtest's currencies in its period that stop entries; null with `news_stop` off.
 */
function newsOf({ core, news = [] }: Settings, { pairs, first, last }: PeriodResult) {
  if (core.news_stop === null) return null;
  const { importance } = core.news_stop;
  const currencies = [...new Set(pairs.flatMap((id) => newsCurrencies(parsePair(id))))].sort();
  const own = news.filter((event) => currencies.includes(event.currency) && isAtLeast(event.importance, importance));
  const events = own.filter(({ time }) => time >= first && time <= last).length;
  return { importance, currencies, events, known_events: own.length };
}

function newsText({ importance, currencies, events, known_events }: NonNullable<ReturnType<typeof newsOf>>): string {
  const what = `news_stop: ${counted(events, 'event')} of importance ${importance} or more of ${currencies.join(', ')} in this period`;
  return events > 0
    ? `${what}.`
    : `${what}: nothing was stopped. The calendar has ${known_events} at other times; \`minutehand news import <file>\` adds some.`;
}

function show(
  result: PeriodResult,
  sets: readonly ModelSet[],
  requireEdge: boolean,
  seconds: number,
  output: Output,
): void {
  const { bundles, pairs, bars, first, last } = result;
  output.line(
    `${pairs.length} ${pairs.length === 1 ? 'pair' : 'pairs'}, ${bars} bars, ${isoSecond(first)} to ${isoSecond(last)}, ${result.days.length} trading days, ${seconds.toFixed(1)} s`,
  );
  bundles.forEach((bundle, i) => {
    output.line('');
    output.line(
      `${bundles.length === 1 ? 'Bundle' : ROLES[i]!} ${bundle.version}, θ1 ${bundle.thresholds.theta1}, θ2 ${bundle.thresholds.theta2}`,
    );
    const { manifest } = sets[i]!;
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
      output.line(`${view}:`);
      output.line(HEAD);
      for (const pair of pairs) output.line(row(pair, bundle[view].pairs[pair]!, bundle.noEdge.includes(pair)));
      output.line(row('total', bundle[view].total, false));
      const { fullLeverage } = bundle[view];
      if (fullLeverage !== null) output.line(fullLeverageRow(fullLeverage));
      showExecutability(bundle[view], output);
      showInterval(bundle[view], output);
    }
  });
}

function showExecutability({ executability }: ViewResult, output: Output): void {
  if (executability.trades === 0) return;
  const cells = executabilityCells(executability).map((cell, i) => `${EXECUTABILITY_COLUMNS[i]!} ${cell}`);
  output.line(`executability, net bps per trade: ${cells.join(', ')}`);
  output.line(`busiest hours in New York: ${busiestHours(executability)}`);
}

function showInterval({ interval }: ViewResult, output: Output): void {
  const { net_bps, lower_5_net_bps, upper_95_net_bps, no_edge } = interval;
  if (lower_5_net_bps === null) return;
  const range = `${figure(net_bps, 2)} (90 % interval ${figure(lower_5_net_bps, 2)} to ${figure(upper_95_net_bps, 2)})`;
  output.line(`net bps per trade in this period: ${range}: ${no_edge ? 'NO_EDGE' : 'edge'}`);
}

const HEAD = '                   trades      won   gross     net  Sharpe  drawdown   return  refused';

function row(name: string, performance: Performance, isGated: boolean): string {
  const { trades, win_rate, mean_gross_bps, mean_net_bps, net_sharpe, max_drawdown, net_return, refusal_rate } =
    performance;
  const share = (value: number | null, width: number): string =>
    (value === null ? '–' : `${(value * 100).toFixed(1)} %`).padStart(width);
  return (
    `${name.padEnd(17)}${String(trades).padStart(8)}${share(win_rate, 9)}${figure(mean_gross_bps, 2).padStart(8)}${figure(mean_net_bps, 2).padStart(8)}` +
    `${figure(net_sharpe, 2).padStart(8)}${share(max_drawdown, 10)}${share(net_return, 9)}${share(refusal_rate, 9)}${isGated ? '  NO_EDGE' : ''}`
  );
}

/** Below `drawdown` and `return` of the row above. */
function fullLeverageRow({ max_drawdown, net_return }: NonNullable<ViewResult['fullLeverage']>): string {
  const share = (value: number, width: number): string => `${(value * 100).toFixed(1)} %`.padStart(width);
  return `${'without leverage_reduction_rate'.padEnd(58)}${share(max_drawdown, 10)}${share(net_return, 9)}`;
}

function figure(value: number | null, digits: number): string {
  return value === null ? '–' : value.toFixed(digits);
}
