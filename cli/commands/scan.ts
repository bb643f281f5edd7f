import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { OpenTime } from '../../shared/bar.ts';
import { readBarFolder, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { screenBars } from '../../shared/bar_file/screened_bars.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { makeFolder } from '../../shared/folder.ts';
import { type Pair, parsePair, TIMEFRAME_NAMES, TIMEFRAMES } from '../../shared/pair.ts';
import { tradingCosts, type CostModel } from '../../shared/policy/costs.ts';
import { decisionPolicy, loadSettings, screenPolicy, type Settings } from '../../shared/policy/policy.ts';
import { isoSecond } from '../../trainer/learning/backtest/ledger.ts';
import { scan, type ScanResult } from '../../trainer/learning/scan/scan.ts';
import {
  renderScan,
  SCAN_ASSUMPTIONS,
  scanVerdict,
  SHOWN_COLUMNS,
  TRIAL_COLUMNS,
  trialsCsv,
} from '../../trainer/learning/scan/scan_report.ts';
import { readInstallationBars, withOwnPrices } from '../../trainer/jobs/bars/installation_bars.ts';
import { costsOption } from '../costs_option.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { parseSymbolList, symbolNames } from '../../shared/policy/symbol_names.ts';
import { endWithMissing } from '../missing_subjects.ts';
import { endPartly, type Output } from '../output.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { parseDay, parseInteger, parsePeriod, parseWorkers, type Period } from '../period.ts';

interface ScanFlags {
  readonly data?: string;
  readonly symbols?: string;
  readonly timeframes: string;
  readonly windows?: string;
  readonly from?: string;
  readonly to?: string;
  readonly holdoutFrom?: string;
  readonly costs: CostModel;
  readonly level: string;
  readonly resamples: string;
  readonly seed: string;
  readonly top: string;
  readonly workers?: string;
  readonly out?: string;
}

export function addScan(program: Command, output: () => Output): void {
  program
    .command('scan')
    .description(
      'Tries every pair of the symbols in every timeframe with every set of windows: cointegration and half-life, and trades by the daemon’s own features and ' +
        'decision, without models, gross and net of the configured costs. The more trials, the better the best of them by chance: p-values and Sharpe ratios are ' +
        'adjusted for their number. Trials are chosen on the development period; the holdout confirms them. Verdicts: PAYS, UNCONFIRMED (fails in the holdout), ' +
        'CHANCE (gains, but not beyond chance), LOSES, FEW_TRADES (under 20), LAGS (one leg repeats the other at another time: a late copy or a wrong clock).',
    )
    .option('--data <folder>', 'folder of SYMBOL.csv[.gz] (default: the bars of this installation)')
    .option('--symbols <list>', 'only these symbols (default: all that have bars and costs)')
    .option('--timeframes <list>', `of ${TIMEFRAME_NAMES.join(', ')}`, '1m,5m,15m,1h')
    .option('--windows <list>', 'beta_window/z_window in bars, such as 240/120,480/240 (default: the configured ones)')
    .option('--from <day>', 'first UTC day or minute of the bars')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--holdout-from <day>', 'start of the holdout (default: the last holdout_fraction of the time)')
    .addOption(costsOption())
    .option('--level <p>', 'accepted chance of a single false finding among all trials', '0.05')
    .option('--resamples <n>', 'of the bootstrap', '2000')
    .option('--seed <n>', 'of the bootstrap', '0')
    .option('--top <n>', 'rows to show', '15')
    .option('--workers <n>', 'threads (default: one for each core); affects speed only, not results')
    .option('--out <folder>', 'folder for trials.csv and report.html')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand scan --data ./m1 --timeframes 15m,1h --out ./scan\n  minutehand scan --symbols XAUUSD,XAGUSD,EURUSD --windows 120/60,240/120,480/240 --json',
    )
    .action((flags: ScanFlags) => runScan(flags, output()));
}

async function runScan(flags: ScanFlags, output: Output): Promise<void> {
  const startedMs = performance.now();
  const settings = await withOwnPrices(loadSettings(), flags.data);
  const level = parseLevel(flags.level);
  const top = parseInteger(flags.top, '--top', 1);
  const windows = parseWindows(flags.windows, settings.minutehand.windows);
  const timeframes = parseTimeframes(flags.timeframes);
  const workers = parseWorkers(flags.workers, 0);
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was written.'] });
  try {
    const { symbols, leftOut } = await symbolsToScan(flags, settings);
    const bars = await readBars(flags.data, settings, symbols, parsePeriod(flags), (done, total) =>
      progress.update('reading bars', done, total),
    );
    const result = await scan({
      pairs: pairsOf([...bars.keys()], timeframes, settings.minutehand.pairs),
      bars,
      windows,
      holdoutFrom: holdoutOf(flags.holdoutFrom, bars, settings.minutehand.train.holdout_fraction),
      policy: decisionPolicy(settings),
      costs: tradingCosts(settings, flags.costs),
      level,
      resamples: parseInteger(flags.resamples, '--resamples', 100),
      seed: flags.seed,
      workers,
      onProgress: (done, total) => progress.update('scan', done, total),
    });
    progress.stop();
    const files = flags.out === undefined ? null : writeFiles(flags.out, result, level);
    const seconds = (performance.now() - startedMs) / 1000;
    show(result, { level, top, seconds, leftOut }, output);
    if (files !== null) output.line(`Written: ${Object.values(files).join(', ')}`);
    const scanned = [...bars.keys()];
    const missing = symbols.filter((symbol) => !bars.has(symbol));
    output.result({
      ...documentOf(result, level),
      symbols_without_costs: leftOut,
      symbols_without_bars: missing,
      seconds,
      files,
    });
    endScan({ flags, symbols, scanned, leftOut, trialsLeftOut: result.leftOut }, output);
  } finally {
    progress.stop();
  }
}

interface Scanned {
  readonly flags: ScanFlags;
  readonly symbols: readonly string[];
  readonly scanned: readonly string[];
  readonly leftOut: readonly string[];
  readonly trialsLeftOut: readonly string[];
}

/** What an option named and was not tried is missing; what the default leaves out is a remark. */
function endScan({ flags, symbols, scanned, leftOut, trialsLeftOut }: Scanned, output: Output): void {
  const isAsked = flags.symbols !== undefined;
  const asked = isAsked ? symbols : undefined;
  endWithMissing({ asked, possible: symbols, done: scanned, reason: 'no bars of this period' }, output);
  if (leftOut.length > 0) output.note(`Left out, no costs in config/minutehand.yaml: ${leftOut.join(', ')}`);
  if (trialsLeftOut.length === 0) return;
  const text = `${trialsLeftOut.length} trials, such as ${trialsLeftOut[0]!}: their features warm too long for these bars`;
  if (flags.windows === undefined) output.note(`Left out: ${text}`);
  else endPartly([text], true, output);
}

/** @throws MinutehandError USAGE, DATA_MISSING */
async function symbolsToScan(
  { data, symbols }: ScanFlags,
  { minutehand }: Settings,
): Promise<{ symbols: readonly string[]; leftOut: readonly string[] }> {
  const known = Object.keys(minutehand.symbols);
  if (symbols !== undefined) {
    const given = parseSymbolList(symbols, '--symbols', symbolNames({ minutehand }));
    const unknown = given.find((symbol) => !known.includes(symbol));
    if (unknown !== undefined)
      throw new MinutehandError('USAGE', {
        seen: `--symbols ${unknown}, which has no costs`,
        expected: `symbols of config/minutehand.yaml: ${known.join(', ')}`,
      });
    return { symbols: given, leftOut: [] };
  }
  if (data === undefined) return { symbols: known, leftOut: [] };
  const files = await readdir(data).catch((cause: unknown) => {
    throw new MinutehandError('DATA_MISSING', { seen: `no folder ${data}`, cause });
  });
  const found = [...new Set(files.flatMap((file) => /^([A-Z0-9.]+?)\.csv(?:\.gz)?$/.exec(file)?.[1] ?? []))];
  return {
    symbols: found.filter((symbol) => known.includes(symbol)),
    leftOut: found.filter((symbol) => !known.includes(symbol)),
  };
}

/** Without suspect bars. @throws MinutehandError DATA_MISSING */
async function readBars(
  data: string | undefined,
  settings: Settings,
  symbols: readonly string[],
  period: Period,
  onProgress: (done: number, total: number) => void,
): Promise<Map<string, BarColumns>> {
  if (data === undefined) return readInstallationBars(settings, symbols, period, onProgress);
  const options = {
    ...period,
    onProgress: ({ done, total }: { done: number; total: number }) => onProgress(done, total),
  };
  const bars = screenBars(await readBarFolder(data, symbols, options), screenPolicy(settings));
  for (const [symbol, { length }] of bars) if (length === 0) bars.delete(symbol);
  if (bars.size < 2)
    throw new MinutehandError('DATA_MISSING', {
      seen: `bars of ${bars.size === 0 ? 'no symbol' : [...bars.keys()].join()} in ${data}`,
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

function holdoutOf(text: string | undefined, bars: ReadonlyMap<string, BarColumns>, fraction: number): OpenTime {
  const first = Math.min(...[...bars.values()].map(({ time }) => time[0]!));
  const last = Math.max(...[...bars.values()].map(({ time, length }) => time[length - 1]!));
  if (text === undefined) return (last - fraction * (last - first)) as OpenTime;
  const from = parseDay(text, '--holdout-from');
  if (from <= first || from >= last)
    throw new MinutehandError('USAGE', {
      seen: `--holdout-from ${text}`,
      expected: `a time between the first and the last bar, ${isoSecond(first)} and ${isoSecond(last)}`,
    });
  return from;
}

/** @throws MinutehandError USAGE */
function parseTimeframes(text: string): readonly string[] {
  const names = [...new Set(text.split(','))];
  if (names.some((name) => !Object.hasOwn(TIMEFRAMES, name)))
    throw new MinutehandError('USAGE', {
      seen: `--timeframes ${text}`,
      expected: `a list of ${TIMEFRAME_NAMES.join(', ')}`,
    });
  return names;
}

/** @throws MinutehandError USAGE */
function parseWindows(text: string | undefined, configured: Windows): readonly Windows[] {
  const { timeframes: _timeframes, ...windows } = configured;
  if (text === undefined) return [windows];
  return [...new Set(text.split(','))].map((one) => {
    const [, beta = '', z = ''] = /^(\d{1,5})\/(\d{1,5})$/.exec(one) ?? [];
    const beta_window = Number(beta);
    const z_window = Number(z);
    if (!(beta_window >= 10 && z_window >= 10))
      throw new MinutehandError('USAGE', {
        seen: `--windows ${text}`,
        expected: 'beta_window/z_window of 10 bars at least, such as 240/120,480/240',
      });
    return { ...windows, beta_window, z_window };
  });
}

/** @throws MinutehandError USAGE */
function parseLevel(text: string): number {
  const level = Number(text);
  if (!(level > 0 && level < 1))
    throw new MinutehandError('USAGE', { seen: `--level ${text}`, expected: 'a probability between 0 and 1' });
  return level;
}

/** @throws MinutehandError OUTPUT_UNWRITABLE */
function writeFiles(folder: string, result: ScanResult, level: number): Readonly<Record<'trials' | 'report', string>> {
  try {
    makeFolder(folder);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: folder, cause });
  }
  const files = { trials: join(folder, 'trials.csv'), report: join(folder, 'report.html') };
  write(files.trials, trialsCsv(result));
  write(files.report, [renderScan(result, { level, top: 50 })]);
  return files;
}

function write(path: string, parts: Iterable<string>): void {
  const file = openOutputFile(path);
  for (const part of parts) file.write(part);
  file.close();
}

interface Shown {
  readonly level: number;
  readonly top: number;
  readonly seconds: number;
  readonly leftOut: readonly string[];
}

function show(result: ScanResult, { level, top, seconds, leftOut }: Shown, output: Output): void {
  const { trials, from, holdoutFrom, to, developmentDays, dayStart } = result;
  output.line(
    `${trials.length} trials. Development ${isoSecond(from)} to ${isoSecond(holdoutFrom)}, ${developmentDays} trading days; holdout to ${isoSecond(to)}, ${dayStart.length - developmentDays}. ${seconds.toFixed(1)} s`,
  );
  if (leftOut.length > 0) output.line(`Left out, no costs in config/minutehand.yaml: ${leftOut.join(', ')}`);
  if (result.leftOut.length > 0)
    output.line(`Left out, features warm too long: ${result.leftOut.length} trials, such as ${result.leftOut[0]}`);
  output.line(scanVerdict(result, level));
  const rows = [
    SHOWN_COLUMNS.map(([name]) => name),
    ...trials.slice(0, top).map((trial) => SHOWN_COLUMNS.map(([, of]) => of(trial))),
  ];
  const widths = SHOWN_COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  for (const row of rows)
    output.line(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '));
}

/** The result for programs. */
function documentOf(result: ScanResult, level: number): object {
  const { trials, tests, from, holdoutFrom, to, developmentDays, dayStart } = result;
  return {
    verdict: scanVerdict(result, level),
    found: trials.filter(({ verdict }) => verdict === 'PAYS').length,
    level,
    development: { from: isoSecond(from), to: isoSecond(holdoutFrom), trading_days: developmentDays },
    holdout: { from: isoSecond(holdoutFrom), to: isoSecond(to), trading_days: dayStart.length - developmentDays },
    p: { hansen: tests.p, hansen_lower: tests.pLower, hansen_upper: tests.pUpper, white: tests.pWhite },
    expected_max_sharpe: result.expectedMaxSharpe,
    cointegration: { tested: result.pairsTested, cointegrated: result.pairsCointegrated },
    left_out: result.leftOut,
    assumptions: SCAN_ASSUMPTIONS,
    trials: trials.map((trial) => Object.fromEntries(TRIAL_COLUMNS.map(([name, of]) => [name, of(trial)]))),
  };
}
