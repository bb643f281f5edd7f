import { resolveBundle } from '../../../shared/bundle/bundle.ts';
import { windowsOfBundle } from '../../../shared/bundle/bundle_windows.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { openModelSet, type ModelSet } from '../../../shared/bundle/model_set.ts';
import { prepareModels, type PreparedModels } from '../../../shared/bundle/prepared_models.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { isoMinute, type OpenTime } from '../../../shared/bar.ts';
import { warmUpSeconds } from '../../../shared/core/features/features.ts';
import { symbolsNeeded } from '../../../shared/bar_file/other_bars.ts';
import { newsCurrencies } from '../../../shared/core/news/news_currencies.ts';
import { isAtLeast } from '../../../shared/core/news/news_event.ts';
import { parsePair, symbolsOf, type Pair } from '../../../shared/pair.ts';
import { acceptedNotes } from '../../../shared/bar_file/verdict/folder_verdicts.ts';
import { believedCosts } from '../../../shared/policy/believed_costs.ts';
import { COST_MODELS, tradingCosts } from '../../../shared/policy/costs.ts';
import { knownSubject } from '../../../shared/policy/known_subject.ts';
import { decisionPolicy, screenPolicy, type Settings } from '../../../shared/policy/policy.ts';
import { symbolNames } from '../../../shared/policy/symbol_names.ts';
import { costRow, type BacktestCostRow } from '../../learning/strategies/pair_reversion/backtest/cost_rows.ts';
import { countLook, type Evaluated } from '../../learning/backtest/holdout_looks.ts';
import {
  backtestPeriod,
  ROWS_PER_SCORE,
  type PeriodOptions,
  type PeriodResult,
} from '../../learning/strategies/pair_reversion/backtest/period.ts';
import type { renderReport } from '../../learning/strategies/pair_reversion/backtest/report/report.ts';
import {
  writeResultFiles,
  type ResultFiles,
} from '../../learning/strategies/pair_reversion/backtest/report/result_files.ts';
import { datasetPolicy } from '../../learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { readFolderBars } from '../../learning/strategies/pair_reversion/dataset/folder_bars.ts';
import { barNotes, toStandardError, type OnNote } from '../bars/bar_notes.ts';
import { readInstallationBars, withOwnPrices } from '../bars/installation_bars.ts';
import { withFolderSeries } from '../bars/known_series.ts';
import { refuseForeignBars } from '../other_market.ts';
import type { BacktestJob } from './backtest_job.ts';

export interface BacktestContext {
  readonly settings: Settings;
  /** Folder of this installation’s models, wherever the bundles are: looks at its bars are counted there. */
  readonly modelsFolder: string;
  onProgress(stage: string, done: number, total: number): void;
  /** What a person should know of the bars; absent: to standard error. */
  readonly onNote?: OnNote;
}

/** A backtest, and what explains it. */
export interface BacktestOutcome {
  readonly result: PeriodResult;
  /** Folders and manifests of the bundles, in the order of the job. */
  readonly bundles: readonly { readonly path: string; readonly manifest: Manifest }[];
  /** Empty without `cost_table`. */
  readonly costTable: readonly BacktestCostRow[];
  readonly requireEdge: boolean;
  /** Costs of the symbols: as configured, where these are believed. */
  readonly symbols: ReportedSymbols;
  /** null with `news_stop` off. */
  readonly news: NewsInPeriod | null;
  /** null without an output folder. */
  readonly files: ResultFiles | null;
}

type ReportedSymbols = Parameters<typeof renderReport>[0]['symbols'];

/** Events of the backtest's currencies that stop entries. */
export interface NewsInPeriod {
  readonly importance: string;
  readonly currencies: readonly string[];
  /** In the period of the backtest. */
  readonly events: number;
  /** In the whole calendar. */
  readonly known_events: number;
}

/**
 * Runs bars through the decision code of the daemon.
 * @throws MinutehandError MODEL_MARKET, MODEL_MISSING, PAIR_UNKNOWN, DATA_MISSING, OUTPUT_UNWRITABLE, those of
 *   `countLook`, and what refuses a bundle
 */
export async function runBacktestJob(job: BacktestJob, context: BacktestContext): Promise<BacktestOutcome> {
  const { source, parameters, output, resources, period } = job;
  const { onProgress, onNote = toStandardError } = context;
  refuseForeignBars(job, context.settings);
  const settings = await withOwnPrices(context.settings, source.folder ?? undefined);
  const { minutehand } = settings;
  const pairs = configuredPairs(job.pairs, settings).map(parsePair);
  const paths = job.models.map((folder) => resolveBundle(folder));
  const from = openTimeOf(period.from) ?? (0 as OpenTime);
  const symbols = symbolsOfBundles(paths, pairs, settings);
  const reading = readBars(job, settings, symbols, (from - warmUpOf(paths, settings)) as OpenTime, context);
  // An error of the models comes first.
  reading.catch(() => undefined);
  const { prepared, sets } = await loadModels(paths, settings);
  const policy = decisionPolicy(settings);
  try {
    const bars = await reading;
    const accepted = source.folder === null ? [] : acceptedNotes(source.folder, bars.keys());
    for (const note of [...barNotes(bars.values(), minutehand.symbols), ...accepted]) onNote(note);
    const options: PeriodOptions = {
      pairs,
      bars,
      from,
      sets,
      prepared,
      thresholds: {
        ...(parameters.theta1 !== null && { theta1: parameters.theta1 }),
        ...(parameters.theta2 !== null && { theta2: parameters.theta2 }),
      },
      policy,
      labels: datasetPolicy(settings),
      costs: tradingCosts(settings, parameters.costs),
      workers: resources.workers,
      onProgress: (done, total) => onProgress('backtest', done, total),
    };
    const evaluated = (first: number, last: number): Evaluated => ({
      market: job.market,
      from: isoMinute(first as OpenTime),
      to: isoMinute(last as OpenTime),
      symbols: symbolsOf(pairs),
    });
    const counting: PeriodOptions = {
      ...options,
      countLook: ({ from: first, to: last, trades }) => countLook(context.modelsFolder, evaluated(first, last), trades),
    };
    const result = await backtestPeriod(counting);
    // Each row is a result of other trades on the same bars.
    const costTable = parameters.cost_table ? await compareCosts(counting, settings) : [];
    const manifests = sets.map(({ manifest }) => manifest);
    const own = symbolsOf(result.pairs.map(parsePair));
    const reported: ReportedSymbols = Object.fromEntries(
      own.map((symbol) => [symbol, believedCosts(symbol, minutehand.symbols[symbol]!)]),
    );
    const requireEdge = policy.require_edge;
    return {
      result,
      bundles: manifests.map((manifest, i) => ({ path: paths[i]!, manifest })),
      costTable,
      requireEdge,
      symbols: reported,
      news: newsOf(settings, result),
      files:
        output.folder === null
          ? null
          : writeResultFiles(output.folder, { result, manifests, symbols: reported, requireEdge }),
    };
  } finally {
    for (const set of sets) await set.release();
  }
}

/** @throws MinutehandError PAIR_UNKNOWN */
function configuredPairs(ids: readonly string[] | null, { minutehand }: Settings): readonly string[] {
  if (ids === null) return minutehand.pairs;
  const names = symbolNames({ minutehand });
  return [...new Set(ids.map((id) => knownSubject(id, minutehand.pairs, names, 'pair')))];
}

/** Of the bundle with the longest one, in seconds. */
function warmUpOf(paths: readonly string[], { minutehand }: Settings): number {
  return Math.max(...paths.map((path) => warmUpSeconds(windowsOfBundle(path, minutehand.windows))));
}

/** Symbols that the bundles need of these pairs, each once. */
function symbolsOfBundles(paths: readonly string[], pairs: readonly Pair[], { minutehand }: Settings): string[] {
  const needed = paths.flatMap((path) => symbolsNeeded(pairs, windowsOfBundle(path, minutehand.windows)));
  return [...new Set(needed)];
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
  { source, period, resources }: BacktestJob,
  settings: Settings,
  symbols: readonly string[],
  from: OpenTime,
  { onProgress, onNote }: Pick<BacktestContext, 'onProgress' | 'onNote'>,
): Promise<Map<string, BarColumns>> {
  const to = openTimeOf(period.to);
  const own = { from, ...(to === null ? {} : { to }) };
  const progress = (done: number, total: number): void => onProgress('reading bars', done, total);
  if (source.folder === null) return readInstallationBars(settings, symbols, own, progress, onNote);
  const { workers } = resources;
  const read = await readFolderBars(source.folder, symbols, {
    ...own,
    screening: screenPolicy(settings),
    workers,
    onProgress: progress,
  });
  return withFolderSeries(read, source.folder);
}

/** The first bundle, as if every pair had an edge, by both cost models and with and without `no_entry_windows`. */
async function compareCosts(options: PeriodOptions, settings: Settings): Promise<BacktestCostRow[]> {
  const rows: BacktestCostRow[] = [];
  for (const costs of COST_MODELS) {
    for (const windows of [false, true]) {
      const policy = windows ? options.policy : { ...options.policy, no_entry_windows: [] };
      const { bundles } = await backtestPeriod({
        ...options,
        sets: options.sets.slice(0, 1),
        prepared: options.prepared!.slice(0, 1),
        policy,
        costs: tradingCosts(settings, costs),
      });
      rows.push(costRow({ costs, windows }, bundles[0]!.all_pairs));
    }
  }
  return rows;
}

function newsOf({ core, news = [] }: Settings, { pairs, first, last }: PeriodResult): NewsInPeriod | null {
  if (core.news_stop === null) return null;
  const { importance } = core.news_stop;
  const currencies = [...new Set(pairs.flatMap((id) => newsCurrencies(parsePair(id))))].sort();
  const own = news.filter((event) => currencies.includes(event.currency) && isAtLeast(event.importance, importance));
  const events = own.filter(({ time }) => time >= first && time <= last).length;
  return { importance, currencies, events, known_events: own.length };
}

const openTimeOf = (instant: string | null): OpenTime | null =>
  instant === null ? null : ((Date.parse(instant) / 1000) as OpenTime);
