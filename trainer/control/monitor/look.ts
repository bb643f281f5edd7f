import type { MarketKind } from '../../../shared/signal/signal.ts';
import { join } from 'node:path';
import { isoMinute, SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { symbolsNeeded } from '../../../shared/bar_file/other_bars.ts';
import { readActive, readManifest } from '../../../shared/bundle/bundle.ts';
import { bundleSchema, featureSchema, type FeatureSchema } from '../../../shared/bundle/feature_schema.ts';
import { NO_HALTS, readHalts, resumedAt, ALL_PAIRS, type Halts } from '../../../shared/bundle/halts.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { loadModelSet, type ModelSet } from '../../../shared/bundle/model_set.ts';
import { warmUpSeconds, warmupBars } from '../../../shared/core/features/features.ts';
import { sequenceBars } from '../../../shared/core/features/windows.ts';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import { barSecondsOf, parseInstrument, parsePair, symbolsOf, timeframeOf, type Pair } from '../../../shared/pair.ts';
import { tradingCosts } from '../../../shared/policy/costs.ts';
import { withWindows } from '../../../shared/policy/feature_settings.ts';
import { decisionPolicy, screenPolicy, type Settings } from '../../../shared/policy/policy.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import {
  backtestPeriod,
  ROWS_PER_SCORE,
  type BundleResult,
} from '../../learning/strategies/pair_reversion/backtest/period.ts';
import { readKnownBars } from '../../jobs/bars/known_bars.ts';
import { labelPair } from '../../learning/strategies/pair_reversion/label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../../learning/strategies/pair_reversion/label/reversion.ts';
import { averageUniqueness } from '../../learning/label/uniqueness.ts';
import { datasetPolicy } from '../../learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { withNews } from '../../store/news.ts';
import { openStore, type Store } from '../../store/store.ts';
import { fillsOfVersion } from '../fills/live_kpis.ts';
import { withJournals } from '../fills/signal_lookup.ts';
import { blocksOf, type ProfiledRows } from '../../learning/profile/feature_profile.ts';
import { fillPerformance } from './fill_performance.ts';
import { kpiBreaches, kpiFigures, type PublishedPair } from './kpi.ts';
import { driftByGroup, withScores } from './live_drift.ts';
import { buildLivePairs, profiledRows, scoreCandidates, type LivePair } from '../../learning/profile/live_pairs.ts';
import { biasLimits } from '../../learning/strategies/direction/gates/bias_limits.ts';
import { directionWarmUp, lookAtDirections, type LiveDirections } from './direction_look.ts';
import { servedPerformance } from './group_performance.ts';
import {
  passRate,
  riskStreak,
  type LabelCounts,
  type PassRate,
  type RiskStreak,
} from '../../learning/profile/performance_drift.ts';
import { readReference, type MonitorReference } from '../../learning/profile/reference.ts';
import { isSkipped, type Part } from '../../learning/profile/part.ts';
import { directionFindings, findingsOf, type DriftFinding, type MonitorReport } from './report.ts';
import { isThere } from '../../../shared/files.ts';

const DAY_S = 86_400;

/** Inputs of a check of the active models: plain data, since it may run on another thread. */
export interface LookTask {
  readonly settings: Settings;
  readonly modelsFolder: string;
  /** Files of the daemon's shards; those that are not there are left out. */
  readonly journals: readonly string[];
  /** null: nothing was ever imported. */
  readonly storeUrl: string | null;
  /** This machine's time at the newest bar, as used in `halts.json`. */
  readonly nowMs: number;
}

/** Why the models of pairs were not checked, as text. */
interface SkippedPairs {
  readonly version: string | null;
  readonly skipped: string;
}

/** A check without models of pairs. */
export interface NoLook extends SkippedPairs {
  /** As in a report: instruments have models of their own. */
  readonly direction: LiveDirections;
  readonly findings: readonly DriftFinding[];
}

/**
 * Checks the active models on the bars since their training: those of pairs, and of instruments also where the others
 * cannot be checked. Writes nothing. Anything missing or damaged is reported in the result.
 */
export async function lookAtModels(task: LookTask): Promise<MonitorReport | NoLook> {
  const report = await lookAtPairs(task);
  if (!('skipped' in report)) return report;
  const direction = await directionsAlone(task);
  return { ...report, direction, findings: directionFindings(direction, task.settings.retrain) };
}

/** With the instruments beside them. */
async function lookAtPairs(task: LookTask): Promise<MonitorReport | SkippedPairs> {
  let version: string | null = null;
  try {
    version = readActive(task.modelsFolder)?.version ?? null;
    if (version === null) return { version, skipped: 'no models are active' };
    return await look(task, version);
  } catch (error) {
    return { version, skipped: describeError(error).message };
  }
}

async function look(asked: LookTask, version: string): Promise<MonitorReport | SkippedPairs> {
  const { modelsFolder } = asked;
  const folder = join(modelsFolder, version);
  const manifest = readManifest(folder);
  const schema = bundleSchema(featureSchema(asked.settings.minutehand.windows), manifest);
  const settings = withWindows(asked.settings, schema.windows);
  const task = { ...asked, settings };
  const { minutehand, retrain } = settings;
  if (manifest.feature_schema !== schema.hash)
    return { version, skipped: 'the models were trained on other features than configured' };
  if (manifest.market !== 'live' && minutehand.market === 'live')
    return { version, skipped: `the models were trained on a ${manifest.market} market` };

  const trainedTo = Date.parse(manifest.period.to) / 1000;
  const known = await readNewBars(task, trainedTo, retrain.monitor_days);
  if (known === null) return { version, skipped: 'no bar has come since the models were trained' };
  const { bars, from, last } = known;
  const pairs = minutehand.pairs.map(parsePair);
  const farOut = Math.min(minutehand.decision.z_entry, EVALUATION_BARRIERS.z_entry);
  const live = buildLivePairs({ pairs, bars, windows: minutehand.windows, from, farOut });
  if (live.length === 0) return { version, skipped: 'no pair has a bar with features since the models were trained' };

  const { passed, streak, rows, result } = await tryModels(folder, pairs, known, live, task);
  const reference = readReference(folder);
  const days = result.all_pairs.trades.map(({ entryTime }) => Math.floor((entryTime - from) / DAY_S));
  const seen = {
    version,
    period: {
      from: isoMinute(Math.min(...live.map(({ history, start }) => history.time[start]!))),
      to: isoMinute(last),
      bars: live.reduce((sum, { history, start }) => sum + history.length - start, 0),
    },
    age_days: (last - trainedTo) / DAY_S,
    new_bars: Math.max(...live.map(({ history, start }) => history.length - start)),
    drift: liveDrift(reference, live, rows, schema, settings),
    direction: await liveDirections(task, last),
    performance: {
      ...servedPerformance(
        {
          ai1: result.ai1,
          trades: result.all_pairs.trades,
          days,
          dayCount: days.reduce((most, day) => Math.max(most, day), 0) + 1,
          countLabels: (ids) => independentLabels(live, ids, settings),
        },
        manifest,
        isSkipped(reference) ? null : reference.backtest,
      ),
      pass_rate: passed,
      risk_streak: streak,
    },
    fills: await liveFills(manifest, task),
    kpi: kpiFigures(
      publishedPairs(live, result, manifest, task, last),
      resumedTime(readHaltsIfSound(modelsFolder), ALL_PAIRS, version, task, last),
      retrain,
    ),
  };
  return {
    ...seen,
    findings: findingsOf(seen, retrain, minutehand.train.min_bars, minutehand.market),
    breaches: kpiBreaches(seen.kpi, retrain),
  };
}

/** Scores of these models on the new bars. */
async function tryModels(
  folder: string,
  pairs: readonly Pair[],
  { bars, from }: NewBars,
  live: readonly LivePair[],
  task: LookTask,
): Promise<{ passed: PassRate; streak: RiskStreak; rows: ProfiledRows; result: BundleResult }> {
  const { settings } = task;
  const { minutehand } = settings;
  const set = await loadModelSet(folder, featureSchema(minutehand.windows), ROWS_PER_SCORE, {
    engine: minutehand.inference.engine,
  });
  try {
    const { passed, streak } = await livePassRate(live, set, task);
    const rows = await withScores(profiledRows(live, sequenceBars(minutehand.windows)), set, idsOf(live));
    const period = await backtestPeriod({
      pairs,
      bars,
      from,
      sets: [set],
      policy: decisionPolicy(await withStore(task, (store) => withNews(settings, store))),
      labels: datasetPolicy(settings),
      costs: tradingCosts(settings),
      workers: 0,
      onProgress: () => undefined,
    });
    return { passed, streak, rows, result: period.bundles[0]! };
  } finally {
    await set.release();
  }
}

/** Bias of the published direction probabilities of `monitor_days`. */
async function liveDirections(task: LookTask, last: OpenTime): Promise<LiveDirections> {
  const { modelsFolder, journals, settings } = task;
  const { instruments } = settings.minutehand;
  if (instruments.length === 0) return {};
  const symbols = instruments.map((id) => parseInstrument(id).a);
  const { monitor_days, adopt_min_candidates } = settings.retrain;
  const slowest = Math.max(...instruments.map((id) => barSecondsOf(parseInstrument(id))));
  // So many bars of the longest timeframe, weekends included, that a new model could be compared.
  const needed = 1.5 * (adopt_min_candidates + 2) * slowest + DAY_S;
  const from = last - Math.max(monitor_days * DAY_S, needed) - directionWarmUp(instruments, modelsFolder);
  const bars = await withStore(task, (store) => readBars(task, symbols, from, store));
  return lookAtDirections({
    instruments,
    modelsFolder,
    journals,
    bars,
    limits: biasLimits(settings),
    noveltyMin: settings.core.novelty_min ?? undefined,
  });
}

/** The same up to the newest bar of the instruments, which is not known from pairs. */
async function directionsAlone(task: LookTask): Promise<LiveDirections> {
  const { instruments, market } = task.settings.minutehand;
  const all = instruments.map(parseInstrument);
  try {
    const journals = task.journals.filter((path) => isThere(path));
    const last = await withStore(task, (store) => newestBar(symbolsOf(all), market, journals, store));
    if (last > -Infinity) return await liveDirections(task, last as OpenTime);
    return skippedDirections(all, 'no bar has come');
  } catch (error) {
    return skippedDirections(all, describeError(error).message);
  }
}

function skippedDirections(instruments: readonly Pair[], skipped: string): LiveDirections {
  return Object.fromEntries(instruments.map((one) => [timeframeOf(barSecondsOf(one)), { skipped }]));
}

async function withStore<T>({ storeUrl }: LookTask, work: (store: Store | null) => Promise<T>): Promise<T> {
  const store = storeUrl === null ? null : await openStore(storeUrl);
  try {
    return await work(store);
  } finally {
    await store?.close();
  }
}

function readBars(
  { settings, journals }: LookTask,
  symbols: readonly string[],
  from: number,
  store: Store | null,
): Promise<Map<string, BarColumns>> {
  return readKnownBars({
    symbols,
    store,
    market: settings.minutehand.market,
    from: from as OpenTime,
    journals: journals.filter((path) => isThere(path)),
    screening: screenPolicy(settings),
    onProgress: () => undefined,
  });
}

interface NewBars {
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly from: OpenTime;
  /** Open of the newest bar. */
  readonly last: OpenTime;
}

/**
 * Bars since the training, at most `days` back from the newest, with those that warm up their features; null if there
 * are none.
 */
function readNewBars(task: LookTask, trainedTo: number, days: number): Promise<NewBars | null> {
  const { minutehand } = task.settings;
  const pairs = minutehand.pairs.map(parsePair);
  const journals = task.journals.filter((path) => isThere(path));
  return withStore(task, async (store) => {
    const last = await newestBar(symbolsOf(pairs), minutehand.market, journals, store);
    if (last <= trainedTo) return null;
    const from = Math.max(trainedTo + SECONDS_PER_BAR, last - days * DAY_S) as OpenTime;
    const symbols = symbolsNeeded(pairs, minutehand.windows);
    const bars = await readBars(task, symbols, from - warmUpSeconds(minutehand.windows), store);
    return { bars, from, last: last as OpenTime };
  });
}

/** −Infinity without any. */
async function newestBar(
  symbols: readonly string[],
  market: MarketKind,
  journals: readonly string[],
  store: Store | null,
): Promise<number> {
  let last = -Infinity;
  const note = (symbol: string, time: number): void => {
    if (symbols.includes(symbol)) last = Math.max(last, time);
  };
  for (const path of journals) {
    const journal = openJournal(path, { readOnly: true });
    try {
      for (const [symbol, time] of journal.lastBars()) note(symbol, time);
    } finally {
      journal.close();
    }
  }
  if (store !== null) for (const symbol of symbols) note(symbol, (await store.bars.last(market, symbol)) ?? -Infinity);
  return last;
}

/** @throws MinutehandError MODEL_OUTPUT */
async function livePassRate(
  live: readonly LivePair[],
  set: ModelSet,
  { settings }: LookTask,
): Promise<{ passed: PassRate; streak: RiskStreak }> {
  const { times, passed, expectedPassRate } = await scoreCandidates(live, set, settings.minutehand.decision.z_entry);
  const lookBack = warmupBars(settings.minutehand.windows);
  const blocks = blocksOf(times, lookBack);
  const order = [...times.keys()].sort((a, b) => times[a]! - times[b]!);
  const blockSeconds = lookBack * SECONDS_PER_BAR;
  const streak = riskStreak(
    order.map((i) => times[i]!),
    order.map((i) => passed[i]!),
    {
      expected: expectedPassRate,
      significance: settings.retrain.risk_streak_significance,
      blockSeconds,
      windowBlocks: Math.ceil((settings.retrain.monitor_days * DAY_S) / blockSeconds),
    },
  );
  return { passed: passRate(passed, blocks.of, blocks.count), streak };
}

/** Labeled candidates of AI1's evaluation label, and the equivalent number of independent ones within their pairs. */
function independentLabels(live: readonly LivePair[], ids: readonly string[], settings: Settings): LabelCounts {
  const policy = datasetPolicy(settings);
  let rows = 0;
  let positives = 0;
  let negatives = 0;
  for (const { history, start } of live.filter(({ pair }) => ids.includes(pair.id))) {
    const { evaluation } = labelPair(history, policy, () => false);
    const skipped = evaluation.bar.findIndex((t) => t >= start);
    if (skipped < 0) continue;
    const uniqueness = averageUniqueness(
      evaluation.bar.subarray(skipped),
      evaluation.end.subarray(skipped),
      history.length,
    );
    rows += uniqueness.length;
    uniqueness.forEach((share, i) => {
      if (evaluation.label[skipped + i] === 1) positives += share;
      else negatives += share;
    });
  }
  return { rows, positives, negatives };
}

function liveDrift(
  reference: Part<MonitorReference>,
  live: readonly LivePair[],
  rows: ProfiledRows,
  { definitions }: FeatureSchema,
  { minutehand: { windows } }: Settings,
): MonitorReport['drift'] {
  if (isSkipped(reference)) return reference;
  const features = driftByGroup(reference, rows, definitions, idsOf(live), warmupBars(windows));
  return features === null
    ? { skipped: 'too few bars yet to separate drift from chance' }
    : { rows: rows.x.rows, features };
}

const idsOf = (live: readonly LivePair[]): string[] => live.map(({ pair }) => pair.id);

/** Fills may be absent; the check continues without them. */
async function liveFills(manifest: Manifest, task: LookTask): Promise<MonitorReport['fills']> {
  const { settings, journals, storeUrl, nowMs } = task;
  const none = { skipped: 'no program has filled or refused an entry of these models yet' };
  if (storeUrl === null) return none;
  let store: Store | null = null;
  try {
    store = await openStore(storeUrl);
    const fills = await fillsOfVersion({ settings, version: manifest.version, journals, store, nowMs });
    if (fills === null) return none;
    return { accounts: fillPerformance(fills, manifest, tradingCosts(settings), settings.retrain) };
  } catch (error) {
    return { skipped: describeError(error).message };
  } finally {
    await store?.close();
  }
}

/**
 * Trades and judged candidates count only where the daemon answered with these models: not before activation, nor
 * while the daemon was down.
 */
function publishedPairs(
  live: readonly LivePair[],
  { edge_pairs }: BundleResult,
  { version }: Manifest,
  task: LookTask,
  last: number,
): PublishedPair[] {
  const halts = readHaltsIfSound(task.modelsFolder);
  return live.flatMap(({ pair }): PublishedPair[] => {
    const changes = edge_pairs.changes[pair.id];
    if (changes === undefined) return [];
    const { refused, admitted } = edge_pairs.judged[pair.id]!;
    const trades = edge_pairs.trades.filter(({ pairId }) => pairId === pair.id);
    const isSpoken = spokenAt(task.journals, version, pair.id, [
      ...refused,
      ...admitted,
      ...trades.map(({ entrySignalTime }) => entrySignalTime),
    ]);
    return [
      {
        pairId: pair.id,
        trades: trades.filter(({ entrySignalTime }) => isSpoken(entrySignalTime)),
        changes,
        judged: { refused: refused.filter(isSpoken), admitted: admitted.filter(isSpoken) },
        resumed: resumedTime(halts, pair.id, version, task, last),
      },
    ];
  });
}

/** Closes (epoch seconds) among these with a signal of this version. */
function spokenAt(
  journals: readonly string[],
  version: string,
  pairId: string,
  closes: readonly number[],
): (close: number) => boolean {
  const minutes = closes.map((close) => close - SECONDS_PER_BAR);
  const spoken = withJournals(journals, (opened) => opened.map((one) => one.spokenBy(version, pairId, minutes)));
  return (close) => spoken.some((own) => own.has(close - SECONDS_PER_BAR));
}

/**
 * Time at which the halts of a pair were lifted, by the market's clock, epoch seconds. A simulated market has its own
 * clock: its newest bar is now, and its minutes last as long as configured.
 */
function resumedTime(halts: Halts, pairId: string, version: string, task: LookTask, last: number): number {
  const { market, simulated } = task.settings.minutehand;
  const resumed = resumedAt(halts, pairId, version);
  if (resumed === null) return -Infinity;
  if (market === 'live') return resumed.getTime() / 1000;
  return last - ((task.nowMs - resumed.getTime()) / simulated.bar_interval_ms) * SECONDS_PER_BAR;
}

/** A damaged file needs an operator; meanwhile the KPIs include all trades. */
function readHaltsIfSound(modelsFolder: string): Halts {
  try {
    return readHalts(modelsFolder);
  } catch (error) {
    if (error instanceof MinutehandError) return NO_HALTS;
    throw error;
  }
}
