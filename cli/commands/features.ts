import { checkTimeframes } from '../../shared/bar_file/own_timeframe.ts';
import { legBars } from '../../shared/bar_file/resampled_bars.ts';
import { once } from 'node:events';
import type { Command } from 'commander';
import type { OpenTime } from '../../shared/bar.ts';
import { barAt, readBarFolder, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { screenBars } from '../../shared/bar_file/screened_bars.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { PairFeatures } from '../../shared/core/features/features.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { INSTRUMENT_ID, parseInstrument, parsePair, type Pair } from '../../shared/pair.ts';
import { loadSettings, screenPolicy } from '../../shared/policy/policy.ts';
import { commonMinutes } from '../../trainer/learning/history/pair_history.ts';
import { instrumentMatrix } from '../instrument_matrix.ts';
import { FAILED, type Output } from '../output.ts';
import { openOutputFile } from '../output_file.ts';
import { addPairsOption } from '../pairs_option.ts';
import { parsePeriod } from '../period.ts';

const ROWS_PER_WRITE = 1000;

interface FeaturesFlags {
  readonly pairs?: readonly string[];
  readonly instrument?: string;
  readonly series?: string;
  readonly model?: string;
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
    .requiredOption('--data <folder>', 'folder of SYMBOL.csv[.gz]')
    .option('--from <day>', 'first UTC day or minute to write')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--out <file>', 'file to write (default: standard output)')
    .action((flags: FeaturesFlags) => runFeatures(flags, output()));
}

async function runFeatures(flags: FeaturesFlags, output: Output): Promise<void> {
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
  const bars = await readBarFolder(flags.data, [pair.a, pair.b], to === undefined ? {} : { to });
  const missing = [pair.a, pair.b].filter((symbol) => !bars.has(symbol));
  if (missing.length > 0)
    throw new MinutehandError('DATA_MISSING', { seen: `no file for ${missing.join(' and ')} in ${flags.data}` });
  const screening = screenPolicy(settings);
  const screened = screenBars(bars, screening);
  checkTimeframes([pair], screened);
  const legs = { pair, a: legBars(screened, pair, 'a')!, b: legBars(screened, pair, 'b')! };
  await writeOut(flags.out, featureSchema(windows).hash, output, (write) => writeMatrix(write, windows, legs, from));
}

/** @throws MinutehandError USAGE; as instrumentMatrix */
async function runInstrument(
  id: string,
  { pairs, data, series, model, out }: FeaturesFlags,
  from: number,
  to: number,
  output: Output,
): Promise<void> {
  const seen = `--instrument ${id}${pairs === undefined ? '' : ` --pairs ${pairs.join()}`}`;
  if (pairs !== undefined) throw new MinutehandError('USAGE', { seen, expected: 'one of them' });
  if (!INSTRUMENT_ID.test(id)) throw new MinutehandError('USAGE', { seen, expected: 'such as BTCUSDT@1h' });
  const matrix = await instrumentMatrix(parseInstrument(id), data, series ?? null, model ?? null);
  await writeOut(out, matrix.featureSchema, output, async (write) => {
    await write(`time,${matrix.columns.join()}\n`);
    const lines = matrix.lines(from, to);
    for (let at = 0; at < lines.length; at += ROWS_PER_WRITE)
      await write(`${lines.slice(at, at + ROWS_PER_WRITE).join('\n')}\n`);
    return lines.length;
  });
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
  const features = new PairFeatures(windows, pair.barSeconds);
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
