import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { OpenTime } from '../shared/bar.ts';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { lowerBound } from '../shared/bar_file/bar_file.ts';
import { symbolsNeeded } from '../shared/bar_file/other_bars.ts';
import { resolveBundle } from '../shared/bundle/bundle.ts';
import { windowsInUse } from '../shared/bundle/bundle_windows.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { pairFillCostBps, quotedBps } from '../shared/core/cost/fill_cost.ts';
import { pairReturn } from '../shared/core/position/pair_return.ts';
import { warmUpSeconds } from '../shared/core/features/features.ts';
import { describeError, MinutehandError } from '../shared/errors.ts';
import { parsePair } from '../shared/pair.ts';
import type { ConfigTexts } from '../shared/policy/approved.ts';
import { pairCosts, tradingCosts } from '../shared/policy/costs.ts';
import type { HomePaths } from '../shared/home.ts';
import { nearConfiguredWarnings } from '../shared/policy/near_configured.ts';
import { decisionPolicy, inspectSettings, screenPolicy, shardsOf, type Settings } from '../shared/policy/policy.ts';
import { problemText } from '../shared/policy/problem.ts';
import { bootIdAt } from '../shared/signal/boot_id.ts';
import type { SignalBody } from '../shared/signal/signal.ts';
import { openJournal } from '../shared/store/journal.ts';
import { replayJournal } from '../daemon/replay.ts';
import { swapBetween } from '../trainer/learning/trades/backtest.ts';
import { isoSecond } from '../trainer/learning/strategies/pair_reversion/backtest/ledger.ts';
import { backtestPeriod, ROWS_PER_SCORE } from '../trainer/learning/strategies/pair_reversion/backtest/period.ts';
import { rollovers } from '../shared/core/cost/rollover.ts';
import { datasetPolicy } from '../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { readKnownBars } from '../trainer/jobs/bars/known_bars.ts';
import type { ComparedFigures, EvidenceFigures, EvidenceResult } from '../trainer/control/policy/evidence_schema.ts';
import { withNews } from '../trainer/store/news.ts';
import type { Store } from '../trainer/store/store.ts';
import { temporaryFolder } from '../shared/temporary_folder.ts';
import { isThere } from '../shared/files.ts';

const DAYS = 30;
const DAY_S = 86_400;
const END = Number.MAX_SAFE_INTEGER as OpenTime;

export interface EvidenceTask {
  readonly before: Settings;
  /** The files with the change. */
  readonly texts: ConfigTexts;
  readonly paths: Pick<HomePaths, 'journal' | 'models'>;
  readonly store: Store;
  onProgress(stage: string, percent: number): void;
}

/** What a change of the configuration would do: check, backtest and replayed journals. Nothing is written. */
export async function computeEvidence(task: EvidenceTask): Promise<EvidenceResult> {
  task.onProgress('check', 0);
  const { settings: after, check } = checkOf(task.texts);
  if (after === null) return { check, backtest: null, replay: null };
  const { before, paths } = task;
  const journals = shardsOf(before.minutehand).map(({ name }) => paths.journal(before.minutehand.market, name));
  const known = journals.filter((path) => isThere(path));
  const last = newestBar(known);
  if (last === null) {
    const nothing = { from: '', to: '', before: null, after: null, error: 'no journal has bars yet' };
    return { check, backtest: nothing, replay: nothing };
  }
  const from = (last - DAYS * DAY_S) as OpenTime;
  const period = { from: isoSecond(from), to: isoSecond(last) };
  const bars = await readBars(task, known, from);
  const both = async (stage: string, begin: number, work: (settings: Settings) => Promise<EvidenceFigures>) => {
    const sides: EvidenceFigures[] = [];
    try {
      for (const [i, settings] of [before, after].entries()) {
        task.onProgress(stage, begin + 22 * i);
        sides.push(await work(settings));
      }
      return { ...period, before: sides[0]!, after: sides[1]!, error: null } satisfies ComparedFigures;
    } catch (error) {
      return { ...period, before: sides[0] ?? null, after: null, error: describeError(error).message };
    }
  };
  const replay = await both('replay', 5, (settings) => replayed(settings, task, bars, from));
  const backtest = await both('backtest', 50, (settings) => backtested(settings, task, bars, from));
  return { check, backtest, replay };
}

function checkOf(texts: ConfigTexts): { settings: Settings | null; check: NonNullable<EvidenceResult['check']> } {
  const folder = temporaryFolder('evidence');
  try {
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
    const { settings, problems } = inspectSettings({ configDir: folder });
    const misspelt = settings === null ? [] : nearConfiguredWarnings(settings);
    const text = [...problems.map(problemText), ...misspelt].join('\n').replaceAll(`${folder}/`, '');
    return { settings, check: { ok: settings !== null, policy_hash: settings?.policyHash ?? null, text } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function newestBar(journals: readonly string[]): number | null {
  const times = journals.flatMap((path) => {
    const journal = openJournal(path, { readOnly: true });
    try {
      return [...journal.lastBars().values()];
    } finally {
      journal.close();
    }
  });
  return times.length === 0 ? null : Math.max(...times);
}

function readBars(
  { before, store, paths }: EvidenceTask,
  journals: readonly string[],
  from: OpenTime,
): Promise<Map<string, BarColumns>> {
  const windows = windowsInUse(paths.models, before.minutehand.windows);
  return readKnownBars({
    symbols: symbolsNeeded(before.minutehand.pairs.map(parsePair), windows),
    market: before.minutehand.market,
    from: (from - warmUpSeconds(windows)) as OpenTime,
    screening: screenPolicy(before),
    journals,
    store,
    onProgress: () => undefined,
  });
}

// ---- backtest ----

async function backtested(
  settings: Settings,
  { paths, store }: EvidenceTask,
  bars: ReadonlyMap<string, BarColumns>,
  from: OpenTime,
): Promise<EvidenceFigures> {
  const { windows, pairs, inference } = settings.minutehand;
  const engine = { engine: inference.engine };
  const set = await loadModelSet(resolveBundle(paths.models), featureSchema(windows), ROWS_PER_SCORE, engine);
  try {
    const policy = decisionPolicy(await withNews(settings, store));
    const { bundles } = await backtestPeriod({
      pairs: pairs.map(parsePair),
      bars,
      from,
      sets: [set],
      policy,
      workers: 1,
      onProgress: () => undefined,
      labels: datasetPolicy(settings),
      costs: tradingCosts(settings),
    });
    const { trades } = bundles[0]![policy.require_edge ? 'edge_pairs' : 'all_pairs'];
    return figuresOf(trades.map(({ netBps, scale }) => netBps * scale));
  } finally {
    await set.release();
  }
}

// ---- journals ----

interface Entry {
  readonly closeTime: number;
  readonly side: number;
  readonly beta: number;
  readonly scale: number;
}

/** The inputs of the journals once more, under this policy: entries are filled at the opens of the next bars. */
async function replayed(
  settings: Settings,
  { before, paths }: EvidenceTask,
  bars: ReadonlyMap<string, BarColumns>,
  from: OpenTime,
): Promise<EvidenceFigures> {
  const { market, windows, pairs } = settings.minutehand;
  const schema = featureSchema(windows);
  const results: number[] = [];
  let entries = 0;
  for (const { name } of shardsOf(before.minutehand)) {
    const path = paths.journal(market, name);
    if (!isThere(path)) continue;
    const open = new Map<string, Entry>();
    const store = openJournal(path, { readOnly: true });
    try {
      await replayJournal({
        settings,
        store,
        pairIds: pairs,
        policy: 'of settings',
        period: { from, to: END },
        clock: MACHINE_CLOCK,
        bootId: bootIdAt(MACHINE_CLOCK.nowMs()),
        loadModels: (version) => loadModelSet(join(paths.models, version), schema, pairs.length),
        onSignals: (batch) => {
          for (const { pairId, text } of batch) {
            const signal = JSON.parse(text) as SignalBody;
            if (signal.action === 'ENTER') {
              entries++;
              open.set(pairId, entryOf(signal));
            } else if (signal.action === 'EXIT' && open.has(pairId)) {
              results.push(netOf(pairId, open.get(pairId)!, closeOf(signal), bars, settings));
              open.delete(pairId);
            }
          }
        },
      });
    } finally {
      store.close();
    }
  }
  return { ...figuresOf(results.filter(Number.isFinite)), entries };
}

function entryOf(signal: SignalBody): Entry {
  const { target, beta, position_scale } = signal;
  return { closeTime: closeOf(signal), side: target, beta: beta!, scale: position_scale ?? 1 };
}

function closeOf({ timestamp }: SignalBody): number {
  return Date.parse(timestamp) / 1000;
}

/** NaN where no later bar exists to fill at. */
function netOf(
  pairId: string,
  { closeTime, side, beta, scale }: Entry,
  exitTime: number,
  bars: ReadonlyMap<string, BarColumns>,
  settings: Settings,
): number {
  const pair = parsePair(pairId);
  const costs = pairCosts(tradingCosts(settings), pair);
  const a = bars.get(pair.a);
  const b = bars.get(pair.b);
  if (a === undefined || b === undefined) throw new MinutehandError('DATA_MISSING', { seen: pairId });
  const inA = fillAt(a, closeTime);
  const inB = fillAt(b, closeTime);
  const outA = fillAt(a, exitTime);
  const outB = fillAt(b, exitTime);
  if (inA === null || inB === null || outA === null || outB === null) return NaN;
  const gross = 1e4 * pairReturn(side, beta, outA.open / inA.open, outB.open / inB.open);
  const entryCost = pairFillCostBps(costs, beta, inA.time, inA.quoted, inB.quoted, side);
  const exitCost = pairFillCostBps(costs, beta, outA.time, outA.quoted, outB.quoted, -side);
  const rolls = rollovers(inA.time, outA.time);
  const swap = swapBetween({ rolls, swaps: costs }, side, beta, inA.time, outA.time);
  return scale * (gross - entryCost - exitCost - swap);
}

function fillAt(bars: BarColumns, time: number): { time: number; open: number; quoted: number } | null {
  const i = lowerBound(bars.time, time);
  if (i >= bars.length) return null;
  const spread = bars.spread?.[i];
  const close = bars.close[i]!;
  const quoted = spread === undefined || Number.isNaN(spread) ? NaN : quotedBps({ spread, close });
  return { time: bars.time[i]!, open: bars.open[i]!, quoted };
}

function figuresOf(results: readonly number[]): EvidenceFigures {
  const net_bps = results.reduce((sum, one) => sum + one, 0);
  const wins = results.filter((one) => one > 0).length;
  return {
    entries: results.length,
    net_bps,
    mean_net_bps: results.length === 0 ? null : net_bps / results.length,
    win_rate: results.length === 0 ? null : wins / results.length,
  };
}
