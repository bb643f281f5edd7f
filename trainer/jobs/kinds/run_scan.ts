import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { OpenTime } from '../../../shared/bar.ts';
import { lowerBound, readBarFolder, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { acceptedNotes, refuseFaultyBars } from '../../../shared/bar_file/verdict/folder_verdicts.ts';
import { screenBars } from '../../../shared/bar_file/screened_bars.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { knownError, MinutehandError } from '../../../shared/errors.ts';
import { makeOutputFolder } from '../../../shared/folder.ts';
import { openOutputFile } from '../../../shared/output_file.ts';
import { parsePair, type Pair } from '../../../shared/pair.ts';
import { tradingCosts } from '../../../shared/policy/costs.ts';
import { decisionPolicy, screenPolicy, type Settings } from '../../../shared/policy/policy.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { countResult } from '../../learning/backtest/holdout_looks.ts';
import { isoSecond } from '../../learning/strategies/pair_reversion/backtest/ledger.ts';
import { scan, type ScanResult } from '../../learning/scan/scan.ts';
import { renderScan, trialsCsv } from '../../learning/scan/scan_report.ts';
import { barNotes, toStandardError, type OnNote } from '../bars/bar_notes.ts';
import { readInstallationBars, withOwnPrices } from '../bars/installation_bars.ts';
import { openTimeOf } from '../job_fields.ts';
import { refuseForeignBars } from '../other_market.ts';
import { refuseSparseHoldout } from './sparse_holdout.ts';
import { MAX_TRIALS, type ScanJob } from './scan_job.ts';

/** Rows of the written report. */
const REPORTED_TRIALS = 50;

export interface ScanContext {
  readonly settings: Settings;
  /** Folder of this installation’s models, where looks at holdouts are counted. */
  readonly modelsFolder: string;
  onProgress(stage: string, done: number, total: number): void;
  /** What a person should know of the bars; absent: to standard error. */
  readonly onNote?: OnNote;
}

/** A scan, and what explains it. */
export interface ScanOutcome {
  readonly result: ScanResult;
  /** Symbols that were to be scanned. */
  readonly symbols: readonly string[];
  /** Those of them that have bars. */
  readonly scanned: readonly string[];
  /** Symbols of the folder that have no costs. */
  readonly withoutCosts: readonly string[];
  /** null without an output folder. */
  readonly files: Readonly<Record<'trials' | 'report', string>> | null;
}

type Period = { readonly from?: OpenTime; readonly to?: OpenTime };

/**
 * Tries every pair of the symbols in every timeframe with every set of windows. Of an installation it changes the
 * count of evaluations of the holdout alone.
 * @throws MinutehandError MODEL_MARKET, DATA_MISSING, OUTPUT_UNWRITABLE, and JOB_INVALID for a symbol without costs or
 *   a holdout outside the bars; DATA_TOO_SHORT where nearly all bars are before the last part of the time
 */
export async function runScanJob(job: ScanJob, context: ScanContext): Promise<ScanOutcome> {
  const { settings: given, modelsFolder, onProgress, onNote = toStandardError } = context;
  const { source, period, parameters, output, resources } = job;
  refuseForeignBars(job, given);
  const settings = await withOwnPrices(given, source.folder ?? undefined);
  const { windows: configured, train, pairs } = settings.minutehand;
  const { symbols, withoutCosts } = await symbolsToScan(job, settings);
  const onRead = (done: number, total: number): void => onProgress('reading bars', done, total);
  const bars = await readBars(source.folder, settings, symbols, periodOf(period), onRead, onNote);
  for (const note of barNotes(bars.values(), settings.minutehand.symbols)) onNote(note);
  const { timeframes: _timeframes, ...windows }: Windows = configured;
  const scanned = [...bars.keys()];
  const toTry = pairsOf(scanned, parameters.timeframes, pairs);
  refuseManyTrials(toTry.length * (parameters.windows?.length ?? 1));
  const result = await scan({
    pairs: toTry,
    bars,
    windows: parameters.windows?.map((own): Windows => ({ ...windows, ...own })) ?? [windows],
    holdoutFrom: holdoutOf(parameters.holdout_from, bars, train.holdout_fraction),
    policy: decisionPolicy(settings),
    costs: tradingCosts(settings, parameters.costs),
    level: parameters.level,
    resamples: parameters.resamples,
    seed: String(job.seed),
    workers: resources.workers,
    countLook: ({ from, to, results }) =>
      countResult(
        modelsFolder,
        { market: job.market, from: isoSecond(from), to: isoSecond(to), symbols: scanned },
        sha256Hex(results),
      ),
    onProgress: (done, total) => onProgress('scan', done, total),
  });
  const files = output.folder === null ? null : writeFiles(output.folder, result, parameters.level);
  return { result, symbols, scanned, withoutCosts, files };
}

/** @throws MinutehandError JOB_INVALID */
export function refuseManyTrials(trials: number): void {
  if (trials <= MAX_TRIALS) return;
  throw new MinutehandError('JOB_INVALID', {
    seen: `${trials} trials: pairs of the symbols, times timeframes, times windows`,
    expected: `at most ${MAX_TRIALS}: fewer symbols, timeframes or windows`,
  });
}

function periodOf({ from, to }: ScanJob['period']): Period {
  return { ...(from !== null && { from: openTimeOf(from) }), ...(to !== null && { to: openTimeOf(to) }) };
}

/** @throws MinutehandError JOB_INVALID, DATA_MISSING */
async function symbolsToScan(
  { symbols, source: { folder } }: ScanJob,
  { minutehand }: Settings,
): Promise<{ symbols: readonly string[]; withoutCosts: readonly string[] }> {
  const known = Object.keys(minutehand.symbols);
  if (symbols !== null) {
    const unknown = symbols.find((symbol) => !known.includes(symbol));
    if (unknown !== undefined)
      throw new MinutehandError('JOB_INVALID', {
        seen: `symbols: ${unknown}, which has no costs`,
        expected: `symbols of config/minutehand.yaml: ${known.join(', ')}`,
      });
    return { symbols, withoutCosts: [] };
  }
  if (folder === null) return { symbols: known, withoutCosts: [] };
  const files = await readdir(folder).catch((cause: unknown) => {
    throw knownError(cause) ?? new MinutehandError('DATA_MISSING', { seen: `no folder ${folder}`, cause });
  });
  const found = [...new Set(files.flatMap((file) => /^([A-Z0-9.]+?)\.csv(?:\.gz)?$/.exec(file)?.[1] ?? []))];
  return {
    symbols: found.filter((symbol) => known.includes(symbol)),
    withoutCosts: found.filter((symbol) => !known.includes(symbol)),
  };
}

/** Without suspect bars. @throws MinutehandError DATA_MISSING, BARS_REFUSED */
async function readBars(
  folder: string | null,
  settings: Settings,
  symbols: readonly string[],
  period: Period,
  onProgress: (done: number, total: number) => void,
  onNote: OnNote,
): Promise<Map<string, BarColumns>> {
  if (folder === null) return readInstallationBars(settings, symbols, period, onProgress, onNote);
  const options = {
    ...period,
    onProgress: ({ done, total }: { done: number; total: number }) => onProgress(done, total),
  };
  const bars = screenBars(await readBarFolder(folder, symbols, options), screenPolicy(settings));
  refuseFaultyBars(folder, bars.values());
  for (const note of acceptedNotes(folder, symbols)) onNote(note);
  for (const [symbol, { length }] of bars) if (length === 0) bars.delete(symbol);
  if (bars.size < 2)
    throw new MinutehandError('DATA_MISSING', {
      seen: `bars of ${bars.size === 0 ? 'no symbol' : [...bars.keys()].join()} in ${folder}`,
      expected: 'two symbols at least that have bars and costs (config/minutehand.yaml, symbols)',
    });
  return bars;
}

/** Each two symbols once, leg A first as configured, else in order of the alphabet. */
function pairsOf(symbols: readonly string[], timeframes: readonly string[], configured: readonly string[]): Pair[] {
  const sorted = [...symbols].sort();
  const known = new Set(configured.map((id) => id.split('@')[0]));
  const ids = sorted.flatMap((a, i) =>
    sorted.slice(i + 1).map((b) => (known.has(`${b}_${a}`) ? `${b}_${a}` : `${a}_${b}`)),
  );
  return timeframes.flatMap((name) => ids.map((id) => parsePair(name === '1m' ? id : `${id}@${name}`)));
}

/** @throws MinutehandError JOB_INVALID */
function holdoutOf(instant: string | null, bars: ReadonlyMap<string, BarColumns>, fraction: number): OpenTime {
  const first = Math.min(...[...bars.values()].map(({ time }) => time[0]!));
  const last = Math.max(...[...bars.values()].map(({ time, length }) => time[length - 1]!));
  if (instant === null) {
    const from = (last - fraction * (last - first)) as OpenTime;
    const count = [...bars.values()].reduce((sum, { length }) => sum + length, 0);
    const before = [...bars.values()].reduce(
      (sum, { time, length }) => sum + lowerBound(time.subarray(0, length), from),
      0,
    );
    refuseSparseHoldout({ fraction, from, bars: count, barsInHoldout: count - before });
    return from;
  }
  const from = openTimeOf(instant);
  if (from <= first || from >= last)
    throw new MinutehandError('JOB_INVALID', {
      seen: `parameters.holdout_from: ${instant}`,
      expected: `a time between the first and the last bar, ${isoSecond(first)} and ${isoSecond(last)}`,
    });
  return from;
}

/** @throws MinutehandError OUTPUT_UNWRITABLE */
function writeFiles(folder: string, result: ScanResult, level: number): Readonly<Record<'trials' | 'report', string>> {
  makeOutputFolder(folder);
  const files = { trials: join(folder, 'trials.csv'), report: join(folder, 'report.html') };
  write(files.trials, trialsCsv(result));
  write(files.report, [renderScan(result, { level, top: REPORTED_TRIALS })]);
  return files;
}

function write(path: string, parts: Iterable<string>): void {
  const file = openOutputFile(path);
  for (const part of parts) file.write(part);
  file.close();
}
