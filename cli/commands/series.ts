import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { SERIES_NAMES, type SeriesName } from '../../shared/core/series/series_names.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { parseSymbol } from '../../shared/symbol/symbol.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, shardsOf } from '../../shared/policy/policy.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { readInstrumentFile, symbolOfFile } from '../../trainer/learning/instruments/instrument_bars.ts';
import {
  archiveSeries,
  importSeries,
  readSource,
  type SeriesSource,
} from '../../trainer/learning/instruments/series_files.ts';
import { refuseForeseeing } from '../../trainer/learning/strategies/direction/series_foresight.ts';
import { nearSymbols, nearSymbolText } from '../../shared/symbol/near_symbols.ts';
import { parseTimeZone } from '../../shared/bar_file/time_zone.ts';
import type { DateOrder } from '../../shared/csv/stamps.ts';
import { dateOrderOption, decimalOption } from './bars_store.ts';
import { endPartly, FAILED, type Output } from '../output.ts';
import { parseInteger } from '../period.ts';
import { isThere } from '../../shared/files.ts';

interface ImportFlags {
  readonly symbol: string;
  readonly name: string;
  readonly into: string;
  readonly value: string;
  readonly time: string;
  readonly arrival?: string;
  readonly lag?: string;
  readonly timezone?: string;
  readonly dateOrder?: DateOrder;
  readonly decimal?: 'point' | 'comma';
  readonly bars?: string;
}

export function addSeries(program: Command, output: () => Output): void {
  const series = program
    .command('series')
    .description('Series beside the bars of an instrument, each value with its event time and its arrival time.');
  series
    .command('import <file>')
    .description(
      `adds a CSV file (plain or .gz) or a Parquet file to a folder of series: ${SERIES_NAMES.join(', ')}. Each has an event time and an arrival time; a feature sees what had arrived`,
    )
    .requiredOption('--symbol <symbol>', 'instrument, such as BTCUSDT')
    .requiredOption('--name <series>', 'which series')
    .requiredOption('--into <folder>', 'folder of series')
    .option('--value <column>', 'column of the value', 'value')
    .option(
      '--time <column>',
      'column of the event time: seconds, milliseconds … since 1970, or a date with its zone, or on the clock of --timezone',
      'time',
    )
    .option('--arrival <column>', 'column of the arrival time, in the same forms')
    .option('--lag <seconds>', 'arrival = event time + lag, where the file has no arrival times')
    .option('--timezone <zone>', 'clock of dates that name none: UTC, an offset, or a name such as America/New_York')
    .addOption(dateOrderOption(['dmy', 'mdy', 'ymd']))
    .addOption(decimalOption())
    .option(
      '--bars <folder>',
      'bars with which the series is compared: one that knows what the price does next is refused (default: the folder above that of the series, if it has bars of the symbol)',
    )
    .action((file: string, flags: ImportFlags) => runImport(file, flags, output()));
  series
    .command('archive')
    .description('adds what the daemons received live, with arrival times, to a folder of series')
    .requiredOption('--into <folder>', 'folder of series')
    .option('--journal <file>', 'only this journal (default: those of all shards, market live)')
    .action((flags: { into: string; journal?: string }) => runArchive(flags, output()));
}

async function runArchive({ into, journal }: { into: string; journal?: string }, output: Output): Promise<void> {
  const { minutehand } = loadSettings();
  const ofShards = shardsOf(minutehand).map(({ name }) => homePaths().journal('live', name));
  const archived = [];
  const missing: string[] = [];
  for (const path of journal === undefined ? ofShards.filter((own) => isThere(own)) : [journal]) {
    try {
      const store = openJournal(path, { readOnly: true });
      try {
        archived.push(...(await archiveSeries(into, store, path)));
      } finally {
        store.close();
      }
    } catch (error) {
      // A damaged journal of one shard does not keep the others from being archived.
      if (!(error instanceof MinutehandError) || journal !== undefined) throw error;
      missing.push(`${path}: ${error.code}: ${error.message}`);
    }
  }
  output.written({ target: into, after: archived.map(({ symbol, name, added }) => ({ symbol, series: name, added })) });
  for (const { symbol, name, added } of archived) output.line(`${symbol} ${name}: ${added} added`);
  output.result(archived);
  if (archived.length === 0) missing.push('No journal has values of a series.');
  endPartly(missing, archived.length > 0, output);
}

async function runImport(file: string, given: ImportFlags, output: Output): Promise<void> {
  const names = symbolNames(loadSettings());
  const flags = { ...given, symbol: parseSymbol(given.symbol, '--symbol', names) };
  const near = names.known.has(flags.symbol) ? [] : nearSymbols(flags.symbol, names.known);
  if (near.length > 0)
    output.note(
      `warning: ${nearSymbolText(flags.symbol, near)}.\n  → If it is misspelt: delete it from ${flags.into}, and give --symbol ${near[0]!}.`,
    );
  if (!SERIES_NAMES.includes(flags.name as SeriesName))
    throw new MinutehandError('USAGE', { seen: `--name ${flags.name}`, expected: SERIES_NAMES.join(', ') });
  if ((flags.arrival === undefined) === (flags.lag === undefined))
    throw new MinutehandError('USAGE', {
      seen: flags.lag === undefined ? 'neither --arrival nor --lag' : '--arrival and --lag',
      expected: 'one of them: arrival times decide which values a feature uses',
    });
  const source: SeriesSource = {
    path: file,
    valueColumn: flags.value,
    timeColumn: flags.time,
    arrivalColumn: flags.arrival ?? null,
    lagSeconds: flags.lag === undefined ? 0 : parseInteger(flags.lag, '--lag', 0),
    ...(flags.timezone !== undefined && { zone: parseTimeZone(flags.timezone) }),
    ...(flags.dateOrder !== undefined && { dateOrder: flags.dateOrder }),
    ...(flags.decimal !== undefined && { decimal: flags.decimal }),
  };
  const name = flags.name as SeriesName;
  const compared = await compareWithBars(flags, name, source);
  const counts = await importSeries(flags.into, flags.symbol, name, source);
  const { added, duplicates, revisions, empty } = counts;
  output.written({ target: file, after: { into: flags.into, symbol: flags.symbol, series: flags.name, added } });
  output.line(
    `${flags.symbol} ${flags.name}: ${added} added (${revisions} of them revisions), ${duplicates} already stored, ${empty} empty`,
  );
  if (counts.time_unit !== undefined) output.line(`Event times in ${counts.time_unit} by their size.`);
  output.line(
    compared === null
      ? `Not compared with prices: no bars of ${flags.symbol} beside ${flags.into}. \`direction train\` compares them.`
      : `Compared with ${compared.bars} bars of ${flags.symbol}: it does not know what the price does next.`,
  );
  if (counts.added + counts.duplicates === 0) process.exitCode = FAILED;
  output.result({ symbol: flags.symbol, name: flags.name, ...counts, compared_bars: compared?.bars ?? null });
}

/**
 * @returns null without bars to compare with
 * @throws MinutehandError SERIES_FORESIGHT; DATA_MISSING if the folder of --bars has none of the symbol
 */
async function compareWithBars(
  { bars: stated, into, symbol }: ImportFlags,
  name: SeriesName,
  source: SeriesSource,
): Promise<{ readonly bars: number } | null> {
  const folder = stated ?? dirname(resolve(into));
  const files = readdirSync(folder).filter((file) => symbolOfFile(file) === symbol);
  if (stated === undefined && files.length === 0) return null;
  if (files.length === 0)
    throw new MinutehandError('DATA_MISSING', { seen: `no bars of ${symbol} in ${folder}`, expected: `${symbol}.csv` });
  const { history } = await readSource(source);
  let compared = 0;
  for (const file of files) {
    const bars = await readInstrumentFile(join(folder, file));
    refuseForeseeing(bars, name, history);
    compared = Math.max(compared, bars.length);
  }
  return { bars: compared };
}
