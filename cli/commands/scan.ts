import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { TIMEFRAME_NAMES, TIMEFRAMES, type Timeframe } from '../../shared/pair.ts';
import type { CostModel } from '../../shared/policy/costs.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { parseSymbolList, symbolNames } from '../../shared/policy/symbol_names.ts';
import { runScanJob, type ScanOutcome } from '../../trainer/jobs/kinds/run_scan.ts';
import type { ScanJob } from '../../trainer/jobs/kinds/scan_job.ts';
import { isoSecond } from '../../trainer/learning/strategies/pair_reversion/backtest/ledger.ts';
import type { ScanResult } from '../../trainer/learning/scan/scan.ts';
import {
  SCAN_ASSUMPTIONS,
  scanVerdict,
  SHOWN_COLUMNS,
  TRIAL_COLUMNS,
} from '../../trainer/learning/scan/scan_report.ts';
import { costsOption } from '../costs_option.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { endWithMissing } from '../missing_subjects.ts';
import { endPartly, type Output } from '../output.ts';
import { recordJob } from '../recorded_job.ts';
import { instantOf, parseHoldoutFrom, parseInteger, parsePeriod, parseWorkers } from '../period.ts';

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
  readonly printJob?: boolean;
}

/** Rows to show unless `--top` is given. */
const SHOWN_TRIALS = 15;

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
    .option('--top <n>', 'rows to show', String(SHOWN_TRIALS))
    .option('--workers <n>', 'threads (default: one for each core); affects speed only, not results')
    .option('--out <folder>', 'folder for trials.csv and report.html')
    .option('--print-job', 'scan nothing: print these options as a job, for `minutehand job run`')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand scan --data ./m1 --timeframes 15m,1h --out ./scan\n  minutehand scan --symbols XAUUSD,XAGUSD,EURUSD --windows 120/60,240/120,480/240 --json',
    )
    .action((flags: ScanFlags) => scanCommand(flags, output()));
}

async function scanCommand(flags: ScanFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const job = jobOf(flags, settings);
  const top = parseInteger(flags.top, '--top', 1);
  if (flags.printJob === true) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  else await recordJob(job, settings, output, (own) => runScan(job, settings, own, top));
}

/**
 * The flags as a job.
 * @throws MinutehandError USAGE
 */
function jobOf(flags: ScanFlags, settings: Settings): ScanJob {
  const { from, to } = parsePeriod(flags);
  return {
    kind: 'scan',
    // Bars of files count as live ones.
    market: flags.data === undefined ? settings.minutehand.market : 'live',
    period: { from: from === undefined ? null : instantOf(from), to: to === undefined ? null : instantOf(to) },
    symbols: flags.symbols === undefined ? null : parseSymbols(flags.symbols, settings),
    source: { folder: flags.data ?? null },
    seed: parseInteger(flags.seed, '--seed'),
    parameters: {
      timeframes: parseTimeframes(flags.timeframes),
      windows: flags.windows === undefined ? null : parseWindows(flags.windows),
      holdout_from: parseHoldoutFrom(flags.holdoutFrom),
      costs: flags.costs,
      level: parseLevel(flags.level),
      resamples: parseInteger(flags.resamples, '--resamples', 100),
    },
    output: { folder: flags.out ?? null },
    resources: { workers: parseWorkers(flags.workers, 0) },
    trigger: { code: 'command', values: { command: 'scan' } },
  };
}

/** Scans in this process, and prints the best `top` trials. */
export async function runScan(job: ScanJob, settings: Settings, output: Output, top = SHOWN_TRIALS): Promise<void> {
  const startedMs = performance.now();
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was written.'] });
  const onProgress = (stage: string, done: number, total: number): void => progress.update(stage, done, total);
  const onNote = (text: string): void => output.note(text);
  const context = { settings, modelsFolder: homePaths().models, onProgress, onNote };
  const outcome = await runScanJob(job, context).finally(() => progress.stop());
  const { result, symbols, scanned, withoutCosts, files } = outcome;
  const { level } = job.parameters;
  const seconds = (performance.now() - startedMs) / 1000;
  output.written(null);
  show(result, { level, top, seconds, leftOut: withoutCosts }, output);
  if (files !== null) output.line(`Written: ${Object.values(files).join(', ')}`);
  output.result({
    ...documentOf(result, level),
    symbols_without_costs: withoutCosts,
    symbols_without_bars: symbols.filter((symbol) => !scanned.includes(symbol)),
    seconds,
    files,
  });
  endScan(job, outcome, output);
}

/**
 * Subjects that were not scanned: missing, and so a partial result, where the job names its subjects; a note where it
 * scans all that there are.
 */
function endScan(job: ScanJob, { symbols, scanned, withoutCosts, result }: ScanOutcome, output: Output): void {
  const asked = job.symbols === null ? undefined : symbols;
  endWithMissing({ asked, possible: symbols, done: scanned, reason: 'no bars of this period' }, output);
  if (withoutCosts.length > 0) output.note(`Left out, no costs in config/minutehand.yaml: ${withoutCosts.join(', ')}`);
  const { leftOut } = result;
  if (leftOut.length === 0) return;
  const text = `${leftOut.length} trials, such as ${leftOut[0]!}: their features warm too long for these bars`;
  if (job.parameters.windows === null) output.note(`Left out: ${text}`);
  else endPartly([text], true, output);
}

/** @throws MinutehandError USAGE */
function parseSymbols(text: string, { minutehand }: Settings): string[] {
  const known = Object.keys(minutehand.symbols);
  const given = parseSymbolList(text, '--symbols', symbolNames({ minutehand }));
  const unknown = given.find((symbol) => !known.includes(symbol));
  if (unknown !== undefined)
    throw new MinutehandError('USAGE', {
      seen: `--symbols ${unknown}, which has no costs`,
      expected: `symbols of config/minutehand.yaml: ${known.join(', ')}`,
    });
  if (given.length < 2) throw new MinutehandError('USAGE', { seen: `--symbols ${text}`, expected: 'two at least' });
  return [...given];
}

/** @throws MinutehandError USAGE */
function parseTimeframes(text: string): Timeframe[] {
  const names = [...new Set(text.split(','))];
  const isTimeframe = (name: string): name is Timeframe => Object.hasOwn(TIMEFRAMES, name);
  if (!names.every(isTimeframe))
    throw new MinutehandError('USAGE', {
      seen: `--timeframes ${text}`,
      expected: `a list of ${TIMEFRAME_NAMES.join(', ')}`,
    });
  return names;
}

/** @throws MinutehandError USAGE */
function parseWindows(text: string): NonNullable<ScanJob['parameters']['windows']> {
  return [...new Set(text.split(','))].map((one) => {
    const [, beta = '', z = ''] = /^(\d{1,5})\/(\d{1,5})$/.exec(one) ?? [];
    const beta_window = Number(beta);
    const z_window = Number(z);
    if (!(beta_window >= 10 && z_window >= 10))
      throw new MinutehandError('USAGE', {
        seen: `--windows ${text}`,
        expected: 'beta_window/z_window of 10 bars at least, such as 240/120,480/240',
      });
    return { beta_window, z_window };
  });
}

/** @throws MinutehandError USAGE */
function parseLevel(text: string): number {
  const level = Number(text);
  if (!(level > 0 && level < 1))
    throw new MinutehandError('USAGE', { seen: `--level ${text}`, expected: 'a probability between 0 and 1' });
  return level;
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
    holdout_look: result.look,
    holdout_level: result.lookLevel,
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
