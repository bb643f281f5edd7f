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
import { parsePair, type Pair } from '../../shared/pair.ts';
import { loadSettings, screenPolicy } from '../../shared/policy/policy.ts';
import { commonMinutes } from '../../trainer/dataset/pair_history.ts';
import type { Output } from '../output.ts';
import { openOutputFile } from '../output_file.ts';
import { addPairsOption } from '../pairs_option.ts';
import { parsePeriod } from '../period.ts';

const ROWS_PER_WRITE = 1000;

interface FeaturesFlags {
  readonly pairs: readonly string[];
  readonly data: string;
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
}

export function addFeatures(program: Command, output: () => Output): void {
  const features = program
    .command('features')
    .summary('the feature matrix of a pair as CSV')
    .description(
      'Writes `time,` and the feature columns in schema order, full precision, one row per minute that both legs have and that is not suspect. A cell is empty while its ' +
        'feature is in warm-up, or where its source is missing. Rows before --from warm the features. docs/reference/FEATURES.md explains the columns.',
    );
  addPairsOption(features, 'one pair, such as XAUUSD_XAGUSD', { isRequired: true })
    .requiredOption('--data <folder>', 'folder of SYMBOL.csv[.gz]')
    .option('--from <day>', 'first UTC day or minute to write')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--out <file>', 'file to write (default: standard output)')
    .action((flags: FeaturesFlags) => runFeatures(flags, output()));
}

async function runFeatures(flags: FeaturesFlags, output: Output): Promise<void> {
  if (output.json && flags.out === undefined)
    throw new MinutehandError('USAGE', { seen: '--json without --out', expected: '--out <file>: the matrix is CSV' });
  const settings = loadSettings();
  const { windows } = settings.minutehand;
  const pair = parseOnePair(flags.pairs);
  const { from = -Infinity, to } = parsePeriod(flags);
  const bars = await readBarFolder(flags.data, [pair.a, pair.b], to === undefined ? {} : { to });
  const missing = [pair.a, pair.b].filter((symbol) => !bars.has(symbol));
  if (missing.length > 0)
    throw new MinutehandError('DATA_MISSING', { seen: `no file for ${missing.join(' and ')} in ${flags.data}` });
  const screening = screenPolicy(settings);
  const screened = screenBars(bars, screening);
  checkTimeframes([pair], screened);
  const legs = { pair, a: legBars(screened, pair, 'a')!, b: legBars(screened, pair, 'b')! };
  if (flags.out === undefined) {
    await writeMatrix(writeStdout, windows, legs, from);
    return;
  }
  const file = openOutputFile(flags.out);
  const rows = await writeMatrix((text) => file.write(text), windows, legs, from).catch((error: unknown) => {
    file.discard();
    throw error;
  });
  file.close();
  output.line(`${rows} rows written to ${flags.out}`);
  output.result({ rows, out: flags.out, feature_schema: featureSchema(windows).hash });
}

/** Waits for a reader that is slower than this. */
async function writeStdout(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** A matrix has the columns of one pair. @throws MinutehandError USAGE */
function parseOnePair(ids: readonly string[]): Pair {
  const seen = `--pairs ${ids.join(',')}`;
  if (ids.length !== 1) throw new MinutehandError('USAGE', { seen, expected: 'one pair' });
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
  write: (text: string) => Promise<void> | void,
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
