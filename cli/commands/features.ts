import { checkTimeframes } from '../../shared/bar_file/own_timeframe.ts';
import { withBarsOf } from '../../shared/bar_file/other_bars.ts';
import { legBars } from '../../shared/bar_file/resampled_bars.ts';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { OpenTime } from '../../shared/bar.ts';
import { barAt, readBarFolder, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { screenBars } from '../../shared/bar_file/screened_bars.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { featureDefinitions, PairFeatures } from '../../shared/core/features/features.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import type { Formula } from '../../shared/core/formula/formula.ts';
import { otherSourcesOf, symbolsOfSources } from '../../shared/core/formula/other_symbols.ts';
import { instrumentSources, pairSources, symbolSources, type Sources } from '../../shared/core/formula/sources.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { spellSubject } from '../../shared/symbol/symbol.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { barSecondsOf, INSTRUMENT_ID, parseInstrument, parsePair, type Pair } from '../../shared/pair.ts';
import { loadSettings, screenPolicy, type Settings } from '../../shared/policy/policy.ts';
import { commonMinutes } from '../../trainer/learning/history/pair_history.ts';
import { formulaReport } from '../../trainer/learning/formula_trial/formula_report.ts';
import {
  instrumentValues,
  pairValues,
  symbolValues,
  type FormulaValues,
} from '../../trainer/learning/formula_trial/formula_values.ts';
import { holdoutStart, labelRelation, type LabeledPair } from '../../trainer/learning/formula_trial/label_relation.ts';
import { reportLines } from '../formula/report_lines.ts';
import { readFormula } from '../formula/read_formula.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../../shared/core/features/instrument/definitions.ts';
import { readInstrumentFolder } from '../../trainer/learning/instruments/instrument_bars.ts';
import { SERIES_FOLDER, withFolderSeries } from '../../trainer/jobs/bars/known_series.ts';
import { readSeriesFolder } from '../../trainer/learning/instruments/series_files.ts';
import { instrumentMatrix } from '../instrument_matrix.ts';
import { FAILED, type Output } from '../output.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { addPairsOption } from '../pairs_option.ts';
import { parsePeriod } from '../period.ts';

const ROWS_PER_WRITE = 1000;

interface FeaturesFlags {
  readonly pairs?: readonly string[];
  readonly instrument?: string;
  readonly series?: string;
  readonly model?: string;
  readonly formula?: string;
  readonly symbol?: string;
  readonly plot?: boolean;
  readonly data: string;
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
}

export function addFeatures(program: Command, output: () => Output): void {
  const features = program
    .command('features')
    .description(
      'Writes `time,` and the feature columns in schema order, full precision, one row per minute that both legs have and that is not suspect. A cell is empty while its ' +
        'feature is in warm-up, or where its source is missing. Rows before --from warm the features. docs/reference/FEATURES.md explains the columns. ' +
        'An instrument has a row per bar, and with --model the columns ML_UP_PROB, ML_DOWN_PROB and ML_RANGE_PROB.',
    );
  addPairsOption(features, 'one pair, such as XAUUSD_XAGUSD')
    .option('--instrument <id>', 'in place of a pair, such as BTCUSDT@1h')
    .option('--series <folder>', 'of an instrument: folder of auxiliary series (default: `series` in the data folder)')
    .option('--model <folder>', 'of an instrument: bundle of a direction model, such as models/direction/<version>')
    .option('--formula <text>', 'one formula of your own, in place of the matrix')
    .option('--symbol <id>', 'of a formula: a symbol in place of a pair, such as BTCUSDT or BTCUSDT@1h')
    .option('--plot', 'of a formula: a picture over time, and of the distribution')
    .requiredOption('--data <folder>', 'folder of SYMBOL.csv[.gz]')
    .option('--from <day>', 'first UTC day or minute to write')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--out <file>', 'file to write (default: standard output)')
    .addHelpText('after', FORMULA_HELP)
    .action((flags: FeaturesFlags) => runFeatures(flags, output()));
}

const FORMULA_HELP = `
Formulas:
  A formula yields a number per bar, from the fields of bars, the columns of the matrix, and operators over the last n
  bars. Its values, look-back, cost and distribution are shown, and of a pair what it alone says of AI1's label before
  the holdout of these bars; with --out the values are written as CSV. Examples:

    --symbol BTCUSDT --formula 'ema(close, 24) / close - 1' --plot
    --symbol BTCUSDT --formula 'where(close > open, volume, 0) / mean(volume, 60)'
    --pairs XAUUSD_XAGUSD --formula 'zscore(log(a.close) - log(b.close), 240)' --plot
    --pairs XAUUSD_XAGUSD --formula 'rank(z_score, 1440)' --from 2025-01-01

    --pairs XAUUSD_XAGUSD --formula 'delta(log(symbol("EURUSD").close), 15)'
    --instrument BTCUSDT@1h --formula 'corr(delta(log(close)), series("funding_rate"), 168)'

  A symbol and a pair also read bars of other symbols, as symbol("EURUSD").close: the one that closed one bar earlier.
  A symbol has open, high, low, close, volume, spread, taker_buy_volume and trades; a pair has a.close, b.close and so
  on; an instrument also has the columns of its matrix and its auxiliary series, each as known at the close of the bar.
  A fault is shown with a mark below its position. All operators and rules: docs/reference/FORMULAS.md.`;

async function runFeatures(flags: FeaturesFlags, output: Output): Promise<void> {
  if (flags.formula !== undefined) return runFormula(flags.formula, flags, output);
  const alone = (['symbol', 'plot'] as const).find((option) => flags[option] !== undefined);
  if (alone !== undefined)
    throw new MinutehandError('USAGE', { seen: `--${alone} without --formula`, expected: '--formula <text>' });
  if (output.json && flags.out === undefined)
    throw new MinutehandError('USAGE', { seen: '--json without --out', expected: '--out <file>: the matrix is CSV' });
  const { from = -Infinity, to } = parsePeriod(flags);
  if (flags.instrument !== undefined) return runInstrument(flags.instrument, flags, from, to ?? Infinity, output);
  const given = (['series', 'model'] as const).find((option) => flags[option] !== undefined);
  if (given !== undefined)
    throw new MinutehandError('USAGE', { seen: `--${given} without --instrument`, expected: '--instrument <id>' });
  const settings = loadSettings();
  const { windows } = settings.minutehand;
  const pair = parseOnePair(flags.pairs ?? []);
  const legs = await readLegs(pair, flags.data, to, settings);
  await writeOut(flags.out, featureSchema(windows).hash, output, (write) => writeMatrix(write, windows, legs, from));
}

interface Legs {
  readonly pair: Pair;
  readonly a: BarColumns;
  readonly b: BarColumns;
}

/**
 * The screened bars of both legs in the subject's timeframe.
 * @param formula reads other symbols
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT
 */
async function readLegs(
  pair: Pair,
  data: string,
  to: OpenTime | undefined,
  settings: Settings,
  formula: Formula | null = null,
): Promise<Legs> {
  const others = formula === null ? [] : symbolsOfSources(otherSourcesOf([{ formula }]));
  const symbols = [...new Set([pair.a, pair.b, ...others])];
  const bars = await readBarFolder(data, symbols, to === undefined ? {} : { to });
  const missing = symbols.filter((symbol) => !bars.has(symbol));
  if (missing.length > 0)
    throw new MinutehandError('DATA_MISSING', { seen: `no file for ${missing.join(' and ')} in ${data}` });
  const known = await withFolderSeries(screenBars(bars, screenPolicy(settings)), data);
  checkTimeframes([pair], known);
  const screened = withBarsOf(known, others);
  return { pair, a: legBars(screened, pair, 'a')!, b: legBars(screened, pair, 'b')! };
}

/** @throws MinutehandError USAGE; DATA_MISSING; with the code of the formula's fault */
async function runFormula(text: string, flags: FeaturesFlags, output: Output): Promise<void> {
  const { from = -Infinity, to } = parsePeriod(flags);
  if (flags.model !== undefined)
    throw new MinutehandError('USAGE', { seen: '--model with --formula', expected: '--formula alone' });
  if (flags.series !== undefined && flags.instrument === undefined)
    throw new MinutehandError('USAGE', { seen: '--series without --instrument', expected: '--instrument <id>' });
  const subject = formulaSubject(flags);
  const read = (sources: Sources): Formula => readFormula(text, sources, (marked) => output.note(marked));
  const {
    formula,
    all,
    labeled = null,
  } = await (flags.instrument === undefined
    ? barFormula(read, subject, flags, to)
    : instrumentFormula(read, subject, flags, to ?? Infinity));
  const found = all.time.findIndex((time) => time >= from);
  const first = found < 0 ? all.time.length : found;
  const label = labeled === null ? null : labelRelation(labeled, all, from);
  const report = formulaReport(formula, subject.id, all, first, label);
  for (const line of reportLines(report, all, first, flags.plot === true)) output.line(line);
  if (flags.out !== undefined) writeValues(flags.out, formula.text, all, first);
  if (report.distribution.values === 0) process.exitCode = FAILED;
  output.result(flags.out === undefined ? report : { ...report, out: flags.out });
}

interface Tried {
  readonly formula: Formula;
  readonly all: FormulaValues;
  /** Absent: it is not of a pair. */
  readonly labeled?: LabeledPair;
}

/** Of a pair or a symbol. */
async function barFormula(
  read: (sources: Sources) => Formula,
  subject: Pair,
  { symbol, data }: FeaturesFlags,
  to: OpenTime | undefined,
): Promise<Tried> {
  const settings = loadSettings();
  const { windows } = settings.minutehand;
  const formula = read(symbol === undefined ? pairSources(featureDefinitions(windows)) : symbolSources());
  const legs = await readLegs(subject, data, to, settings, formula);
  if (symbol !== undefined) return { formula, all: symbolValues(formula, legs.a, barSecondsOf(subject)) };
  const all = pairValues(formula, legs, windows, subject);
  const { length } = all.time;
  if (length === 0) return { formula, all };
  const holdoutFrom = holdoutStart(all.time[0]!, all.time[length - 1]!, settings.minutehand.train.holdout_fraction);
  return { formula, all, labeled: { ...legs, windows, holdoutFrom } };
}

/** Of an instrument, with its auxiliary series. @param to epoch seconds of the end */
async function instrumentFormula(
  read: (sources: Sources) => Formula,
  instrument: Pair,
  { series, data }: FeaturesFlags,
  to: number,
): Promise<Tried> {
  const formula = read(instrumentSources(instrumentDefinitions(INSTRUMENT_WINDOWS)));
  const [bars] = await readInstrumentFolder(data, [instrument.a], barSecondsOf(instrument));
  const known = await readSeriesFolder(series ?? join(data, SERIES_FOLDER), instrument.a);
  const all = instrumentValues(formula, bars!, known);
  const end = all.time.findIndex((time) => time >= to);
  if (end < 0) return { formula, all };
  return { formula, all: { ...all, time: all.time.subarray(0, end), values: all.values.subarray(0, end) } };
}

/** @throws MinutehandError USAGE */
function formulaSubject({ pairs, symbol, instrument }: FeaturesFlags): Pair {
  if (instrument !== undefined) {
    const seen = `--instrument ${instrument}`;
    if (pairs !== undefined || symbol !== undefined)
      throw new MinutehandError('USAGE', { seen: `${seen} and another subject`, expected: 'one of them' });
    return instrumentOf(instrument, seen);
  }
  if (symbol === undefined) return parseOnePair(pairs ?? []);
  const seen = `--symbol ${symbol}${pairs === undefined ? '' : ` --pairs ${pairs.join()}`}`;
  if (pairs !== undefined) throw new MinutehandError('USAGE', { seen, expected: 'one of them' });
  if (!INSTRUMENT_ID.test(symbol))
    throw new MinutehandError('USAGE', { seen, expected: 'such as BTCUSDT or BTCUSDT@1h' });
  return parseInstrument(symbol);
}

/** CSV of `time,value`; an empty cell where it is missing. */
function writeValues(path: string, name: string, { time, values }: FormulaValues, first: number): void {
  const file = openOutputFile(path);
  file.write(`time,${JSON.stringify(name).replaceAll('\\"', '""')}\n`);
  for (let begin = first; begin < values.length; begin += ROWS_PER_WRITE) {
    const lines: string[] = [];
    for (let i = begin; i < Math.min(values.length, begin + ROWS_PER_WRITE); i++)
      lines.push(`${time[i]},${Number.isNaN(values[i]!) ? '' : values[i]}`);
    file.write(`${lines.join('\n')}\n`);
  }
  file.close();
}

/** @throws MinutehandError USAGE; as instrumentMatrix */
async function runInstrument(
  given: string,
  { pairs, data, series, model, out }: FeaturesFlags,
  from: number,
  to: number,
  output: Output,
): Promise<void> {
  const seen = `--instrument ${given}${pairs === undefined ? '' : ` --pairs ${pairs.join()}`}`;
  if (pairs !== undefined) throw new MinutehandError('USAGE', { seen, expected: 'one of them' });
  const matrix = await instrumentMatrix(instrumentOf(given, seen), data, series ?? null, model ?? null);
  await writeOut(out, matrix.featureSchema, output, async (write) => {
    await write(`time,${matrix.columns.join()}\n`);
    const lines = await matrix.lines(from, to);
    for (let at = 0; at < lines.length; at += ROWS_PER_WRITE)
      await write(`${lines.slice(at, at + ROWS_PER_WRITE).join('\n')}\n`);
    return lines.length;
  });
}

/** @throws MinutehandError USAGE */
function instrumentOf(given: string, seen: string): Pair {
  const id = spellSubject(given, symbolNames(loadSettings()), 'instrument');
  if (!INSTRUMENT_ID.test(id)) throw new MinutehandError('USAGE', { seen, expected: 'such as BTCUSDT@1h' });
  return parseInstrument(id);
}

type Write = (text: string) => Promise<void> | void;

/** Writes to standard output, or a file, which is whole or absent. @param work returns the rows */
async function writeOut(
  out: string | undefined,
  schema: string,
  output: Output,
  work: (write: Write) => Promise<number>,
): Promise<void> {
  if (out === undefined) {
    await work(writeStdout);
    return;
  }
  const file = openOutputFile(out);
  const rows = await work((text) => file.write(text)).catch((error: unknown) => {
    file.discard();
    throw error;
  });
  file.close();
  output.line(`${rows} rows written to ${out}`);
  if (rows === 0) process.exitCode = FAILED;
  output.result({ rows, out, feature_schema: schema });
}

/** Waits for a reader that is slower than this. */
async function writeStdout(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** A matrix has the columns of one pair. @throws MinutehandError USAGE */
function parseOnePair(ids: readonly string[]): Pair {
  const seen = ids.length === 0 ? 'neither --pairs nor --instrument' : `--pairs ${ids.join(',')}`;
  if (ids.length !== 1) throw new MinutehandError('USAGE', { seen, expected: 'one pair, or --instrument <id>' });
  try {
    return parsePair(ids[0]!);
  } catch (cause) {
    throw new MinutehandError('USAGE', {
      seen,
      expected: 'two symbols joined by one underscore, such as XAUUSD_XAGUSD',
      cause,
    });
  }
}

async function writeMatrix(
  write: Write,
  windows: Windows,
  { pair, a, b }: { readonly pair: Pair; readonly a: BarColumns; readonly b: BarColumns },
  from: number,
): Promise<number> {
  const features = new PairFeatures(windows, pair);
  let lines = [['time', ...features.definitions.map(({ name }) => name)].join(',')];
  let rows = 0;
  const flush = async (): Promise<void> => {
    await write(`${lines.join('\n')}\n`);
    lines = [];
  };
  for (const [i, j] of commonMinutes(a, b)) {
    features.step(barAt(a, i), barAt(b, j));
    const time = a.time[i]! as OpenTime;
    if (time < from) continue;
    let line = String(time);
    for (const value of features.values) line += Number.isNaN(value) ? ',' : `,${value}`;
    lines.push(line);
    rows++;
    if (lines.length >= ROWS_PER_WRITE) await flush();
  }
  if (lines.length > 0) await flush();
  return rows;
}
