import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { ownBarSeconds } from '../../shared/bar_file/own_timeframe.ts';
import { createBarCheck, type BarCheck, type BarReport } from '../../shared/bar_file/bar_check.ts';
import { exportBars, EXPORT_FORMATS, type ExportFormat } from '../bars/bar_export.ts';
import { readFlow, withFlow } from '../bars/bar_flow.ts';
import { OPTIONAL_COLUMNS, readBarFile, type BarColumns, type OptionalColumn } from '../../shared/bar_file/bar_file.ts';
import type { BarSink, Market } from '../../shared/bar_file/bar_sink.ts';
import { PRICE_KINDS, type PriceKind } from '../../shared/core/cost/fill_cost.ts';
import { writePriceKind } from '../../shared/bar_file/price_kinds.ts';
import { keepPriceKind } from '../../trainer/store/price_kinds.ts';
import { addLearnSpreads } from './learn_spreads.ts';
import type { ScreenPolicy } from '../../shared/core/screen/bar_screen.ts';
import { createClockCheck, type ClockReport } from '../../shared/bar_file/clock_check.ts';
import { folderSink } from '../bars/folder_sink.ts';
import { importBars, type ImportReport, type ImportResult } from '../bars/import.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { pathInside } from '../../shared/path_name.ts';
import { makeFolder } from '../../shared/folder.ts';
import { homePaths } from '../../shared/policy/home.ts';
import { loadSettings, screenPolicy } from '../../shared/policy/policy.ts';
import { keepFilesPrivate } from '../../shared/private_files.ts';
import { openStore, storeUrl, type Store } from '../../trainer/store/store.ts';
import { storeSink } from '../bars/store_sink.ts';
import type { DateOrder } from '../../shared/csv/stamps.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { parseSymbol } from '../../shared/symbol/symbol.ts';
import type { Output } from '../output.ts';
import { parseInteger, parsePeriod } from '../period.ts';

interface MarketFlag {
  readonly market: Market;
}

interface ImportFlags extends MarketFlag {
  readonly out?: string;
  readonly timezone: string;
  readonly trustClock?: boolean;
  readonly flow?: boolean;
  readonly symbol?: string;
  readonly strip?: readonly string[];
  readonly decimal?: 'point' | 'comma';
  readonly dateOrder?: DateOrder;
  readonly stamp?: 'open' | 'close';
  readonly spread?: 'points' | 'price';
  readonly digits?: string;
  readonly trustPrices?: boolean;
  readonly series?: string;
  readonly price?: PriceKind;
}

interface ExportFlags extends MarketFlag {
  readonly out: string;
  readonly format: ExportFormat;
  readonly symbol?: readonly string[];
  readonly from?: string;
  readonly to?: string;
}

/** `bars check` of one symbol, for programs. */
interface CheckedBars extends BarReport {
  readonly clock: ClockReport;
}

export function addBars(program: Command, output: () => Output): void {
  const bars = program
    .command('bars')
    .description(
      'Bars are kept in the trainer’s store: PostgreSQL when MINUTEHAND_DATABASE_URL names it, else the file trainer.db of this home. A folder of bars has one SYMBOL.csv or SYMBOL.csv.gz per symbol: time,open,high,low,close,volume[,spread], time in epoch seconds of the bar open, UTC.',
    );
  bars
    .command('import')
    .argument('<source>', 'a file, or a folder of files')
    .option('--out <folder>', 'a folder of bars to merge into instead of the store; its bars stay')
    .option(
      '--timezone <zone>',
      'clock of the source, for layouts that do not name theirs: auto finds it by the openings of the weeks; UTC, -05:00, -05:00/EU or -05:00/US (with a summer hour on those dates), or America/New_York is checked against them',
      'auto',
    )
    .option('--trust-clock', 'do not check the time zone; without --timezone it is the usual one of the format')
    .addOption(marketOption('bars of a simulated market are kept separate from real ones'))
    .option('--symbol <name>', 'symbol of the file, where its name and content do not tell it')
    .option(
      '--strip <text...>',
      'prefixes and suffixes of a broker’s to take off the names: .m, -ECN, FTMO_ (for good: symbol_names in minutehand.yaml)',
    )
    .addOption(
      new Option('--decimal <mark>', 'mark before decimals, where prices such as 154,321 do not show it').choices([
        'point',
        'comma',
      ]),
    )
    .addOption(
      new Option('--date-order <order>', 'of dates such as 03/04/2025, where none shows it').choices(['dmy', 'mdy']),
    )
    .addOption(
      new Option('--stamp <of>', 'what the stamp of a bar is of (default: its open)').choices(['open', 'close']),
    )
    .addOption(
      new Option(
        '--spread <unit>',
        'unit of the spreads (default: points in files of MetaTrader, else prices)',
      ).choices(['points', 'price']),
    )
    .option('--digits <count>', 'digits of the prices, by which points become prices (default: as they show)')
    .option('--trust-prices', 'do not compare prices and spreads with those known of the symbol')
    .addOption(new Option('--price <kind>', 'price type; at bid, a buy pays the whole spread').choices(PRICE_KINDS))
    .option('--flow', 'also keep columns of taker volume and number of trades, as series of the store')
    .option('--series <name>', 'name of the series in a file without bars, such as funding_rate')
    .description(
      'Reads CSV, HistData ASCII, MetaTrader and Binance klines of 1m to 1d, and series such as funding rates, recognized by content. Symbol, timeframe and clock are inferred and printed; a symbol has one timeframe. Running it again adds nothing; conflicting bars are reported and the first copy is kept.',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand bars import DAT_ASCII_XAUUSD_M1_2019.csv\n  minutehand bars import EURUSD_M1.csv --timezone +02:00/US\n  minutehand bars import LINKUSDT-1m-2026-02.csv.gz --out ./bars\n  minutehand bars import funding/',
    )
    .action((source: string, flags: ImportFlags) => {
      if (flags.out === undefined) keepFilesPrivate();
      return runImport(source, flags, output());
    });
  bars
    .command('check')
    .argument('[path]', 'a bar file, or a folder of them; without it, the store')
    .addOption(marketOption('which bars of the store'))
    .description(
      'counts gaps, holes, breaks, flat bars, spikes and suspect bars of each symbol, and shows its week openings',
    )
    .action((path: string | undefined, flags: MarketFlag) => runCheck(path, flags, output()));
  addLearnSpreads(bars, output);
  bars
    .command('export')
    .requiredOption('--out <folder>', 'folder to write into, one file per symbol; a file of that name is replaced')
    .addOption(new Option('--format <format>', 'format of the files').choices(EXPORT_FORMATS).default('csv.gz'))
    .option('--symbol <names...>', 'these symbols only')
    .option('--from <day>', 'first UTC day or minute of the bars')
    .option('--to <day>', 'UTC day or minute of the end')
    .addOption(marketOption('which bars of the store'))
    .description('writes bars of the store as CSV or Parquet files')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand bars export --out ./bars\n  minutehand bars export --out . --format parquet --symbol XAUUSD XAGUSD --from 2019-03-01',
    )
    .action((flags: ExportFlags) => runExport(flags, output()));
}

function marketOption(meaning: string): Option {
  return new Option('--market <market>', meaning).choices(['live', 'simulated']).default('live');
}

/** Does `work` with the store open. */
async function withStore<Result>(work: (store: Store) => Promise<Result>): Promise<Result> {
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function runImport(source: string, flags: ImportFlags, output: Output): Promise<void> {
  const progress = output.progress();
  const { minutehand } = loadSettings();
  const known = symbolNames({ minutehand });
  const strip = flags.strip ?? [];
  const names = { ...known, prefixes: [...known.prefixes, ...strip], suffixes: [...known.suffixes, ...strip] };
  const { decimal, dateOrder, stamp, spread } = flags;
  const work = (into: BarSink): Promise<ImportResult> =>
    importBars({
      source,
      into,
      timezone: flags.timezone,
      trustClock: flags.trustClock === true,
      flow: flags.flow === true,
      ...(flags.symbol === undefined ? {} : { symbol: flags.symbol }),
      ...(flags.series === undefined ? {} : { series: flags.series }),
      names,
      reading: {
        ...(decimal !== undefined && { decimal }),
        ...(dateOrder !== undefined && { dateOrder }),
        ...(stamp !== undefined && { stamp }),
        ...(spread !== undefined && { spread }),
      },
      ...(flags.digits !== undefined && { digits: parseInteger(flags.digits, '--digits') }),
      trustPrices: flags.trustPrices === true,
      spreadBps: Object.fromEntries(
        Object.entries(minutehand.symbols).map(([symbol, { spread_bps }]) => [symbol, spread_bps]),
      ),
      onProgress: ({ done, total }) => progress.update('importing', done, total),
    });
  const result =
    flags.out === undefined
      ? await withStore((store) => work(storeSink(store, flags.market)))
      : await work(await folderSink(flags.out));
  const { price, out } = flags;
  if (price !== undefined) {
    const symbols = result.symbols.map(({ symbol }) => symbol);
    if (out === undefined) await withStore((store) => keepPriceKind(store, flags.market, symbols, price));
    else for (const symbol of symbols) writePriceKind(out, symbol, price);
  }
  progress.stop();
  for (const one of result.symbols) sayImported(one, output);
  for (const one of result.series)
    output.line(
      `${one.symbol} ${one.name}: ${one.read} read, ${one.added} added, ${one.duplicates} already there, ${one.conflicts} in conflict, ${one.rejected_count} rejected`,
    );
  for (const { file, code, seen } of result.skipped) output.note(`${file}: not imported. ${code}: ${seen}`);
  output.result(result);
}

function sayImported(one: ImportReport, output: Output): void {
  output.line(
    `${one.symbol}: ${one.read} read, ${one.added} added, ${one.duplicates} already there, ${one.conflicts} in conflict, ${one.rejected_count} rejected; now ${one.bars} bars in ${one.file}`,
  );
  const { missing_minutes, holes, breaks, flat_bars, spikes } = one.check;
  output.line(
    `  ${missing_minutes} minutes missing in ${holes} holes, ${breaks} breaks, ${flat_bars} flat bars, ${spikes} spikes`,
  );
  for (const { file, line, code, seen } of one.rejected.slice(0, 5))
    output.line(`  rejected ${file}:${line} ${code}: ${seen}`);
  for (const { time, kept, seen } of one.conflicting.slice(0, 5))
    output.line(`  conflict ${isoMinute(time).trim()}: kept ${kept}, not ${seen}`);
  for (const source of one.sources) {
    const { file, layout, timezone, checked, week_opens, odd_opens, steps_back, lost_hours } = source;
    output.line(`  ${file}: ${inferredOf(source, one.symbol)}`);
    if (source.series_left_out.length > 0)
      output.line(`  ${file}: ${source.series_left_out.join(', ')} left out; --flow keeps them, in the store`);
    if (layout === 'histdata' || layout === 'metatrader') {
      if (checked)
        output.line(
          `  ${file}: clock ${timezone}, ${week_opens - odd_opens} of ${week_opens} weeks open where they must`,
        );
      else
        output.note(
          `${file}: read on the clock ${timezone}, which could not be checked: ${week_opens} openings of a trading week${week_opens < 2 ? ' are too few' : ''}.`,
        );
    }
    if (steps_back > 0) output.line(`  ${file}: the stamps step back ${steps_back} times; first copies are kept`);
    if (lost_hours > 0) output.line(`  ${file}: ${lost_hours} hour lost in the source where the clock is put forward`);
  }
  if (one.clock.suspect)
    output.note(
      `${one.symbol}: the weeks of these bars do not open at one New York hour; check the time zone of the source.`,
    );
}

const SYMBOL_EVIDENCE = { name: 'by the name', content: 'by the content', option: 'as given' };

/** What was inferred, and from what. */
function inferredOf(source: ImportReport['sources'][number], symbol: string): string {
  const { layout, timezone, symbol_by, timeframe, timeframe_by, price_range, read_by } = source;
  const evidence = { spacing: 'by their spacing', name: 'by the name', none: 'too few to show another' };
  const prices = price_range === null ? '' : `, prices ${price_range[0]} to ${price_range[1]}`;
  return `${layout}, ${symbol} (${SYMBOL_EVIDENCE[symbol_by]}), bars of ${timeframe} (${evidence[timeframe_by ?? 'none']})${prices}, clock ${timezone}${read_by.map((one) => `; ${one}`).join('')}`;
}

async function runCheck(path: string | undefined, { market }: MarketFlag, output: Output): Promise<void> {
  const screening = screenPolicy(loadSettings());
  const reports =
    path === undefined ? await checkStore(market, screening, output) : await checkFiles(path, screening, output);
  output.line(
    'symbol      bars   first                 last                  missing  holes  longest  breaks    flat  spikes  suspect  week opens (New York)',
  );
  for (const r of reports) {
    output.line(
      [
        r.symbol.padEnd(8),
        String(r.bars).padStart(7),
        isoMinute(r.first),
        isoMinute(r.last),
        String(r.missing_minutes).padStart(8),
        String(r.holes).padStart(6),
        String(r.longest_hole_minutes).padStart(8),
        String(r.breaks).padStart(7),
        String(r.flat_bars).padStart(7),
        String(r.spikes).padStart(7),
        String(r.suspects ?? '–').padStart(7),
        weekOpens(r.clock),
      ].join('  '),
    );
  }
  output.result(reports);
}

async function checkStore(market: Market, screening: ScreenPolicy | null, output: Output): Promise<CheckedBars[]> {
  return withStore(async (store) => {
    const symbols = await storedSymbols(store, market, []);
    const total = symbols.reduce((sum, { bars }) => sum + bars, 0);
    const progress = output.progress();
    const reports: CheckedBars[] = [];
    let done = 0;
    for (const { symbol } of symbols) {
      const onPage = (rows: number): void => progress.update('checking', (done += rows), total);
      reports.push(await checkPages(symbol, screening, store.bars.pages(market, symbol), onPage));
    }
    progress.stop();
    return reports;
  });
}

async function checkFiles(path: string, screening: ScreenPolicy | null, output: Output): Promise<CheckedBars[]> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new MinutehandError('DATA_MISSING', { seen: path });
  const files = stat.isDirectory()
    ? readdirSync(path)
        .filter((name) => /\.csv(?:\.gz)?$/.test(name))
        .sort()
        .map((name) => join(path, name))
    : [path];
  if (files.length === 0) throw new MinutehandError('DATA_MISSING', { seen: `no .csv or .csv.gz in ${path}` });
  const progress = output.progress();
  const reports: CheckedBars[] = [];
  for (const file of files) {
    const columns = await readBarFile(file);
    reports.push(await checkPages(columns.symbol, screening, [columns], () => undefined));
    progress.update('checking', reports.length, files.length);
  }
  progress.stop();
  return reports;
}

async function checkPages(
  symbol: string,
  screening: ScreenPolicy | null,
  pages: AsyncIterable<BarColumns> | Iterable<BarColumns>,
  onPage: (rows: number) => void,
): Promise<CheckedBars> {
  let check: BarCheck | null = null;
  const clock = createClockCheck();
  for await (const page of pages) {
    check ??= createBarCheck(symbol, screening, ownBarSeconds(page));
    check.add(page);
    clock.add(page);
    onPage(page.length);
  }
  return { ...(check ?? createBarCheck(symbol, screening)).report(), clock: clock.report() };
}

async function runExport(flags: ExportFlags, output: Output): Promise<void> {
  const { market, format, out } = flags;
  const period = parsePeriod(flags);
  const files = await withStore(async (store) => {
    const names = symbolNames(loadSettings());
    const wanted = (flags.symbol ?? []).map((name) => parseSymbol(name, '--symbol', names));
    const symbols = await storedSymbols(store, market, wanted);
    try {
      makeFolder(out);
    } catch (cause) {
      throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: out, cause });
    }
    const progress = output.progress();
    const written: { symbol: string; file: string; bars: number }[] = [];
    for (const { symbol } of symbols) {
      const file = pathInside(out, `${symbol}.${format}`);
      const flow = await readFlow(store.series, market, symbol, period);
      const has: Record<OptionalColumn, boolean> = {
        spread: await store.bars.hasSpread(market, symbol, period),
        taker_buy_volume: flow.takerBuyVolume !== null,
        trades: flow.trades !== null,
      };
      const optional = OPTIONAL_COLUMNS.filter((name) => has[name]);
      const pages = withFlow(store.bars.pages(market, symbol, period), flow);
      written.push({ symbol, file, bars: await exportBars(file, format, { optional, pages }) });
      progress.update('exporting', written.length, symbols.length);
    }
    progress.stop();
    return written;
  });
  for (const { symbol, file, bars } of files) output.line(`${symbol}: ${bars} bars in ${file}`);
  output.result({ format, files });
}

/** The symbols of the store, or the requested ones of them. @throws MinutehandError DATA_MISSING */
async function storedSymbols(
  store: Store,
  market: Market,
  wanted: readonly string[],
): Promise<{ symbol: string; bars: number }[]> {
  const stored = await store.bars.symbols(market);
  const absent = wanted.filter((name) => !stored.some(({ symbol }) => symbol === name));
  if (stored.length === 0 || absent.length > 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no ${market} bars${absent.length > 0 ? ` of ${absent.join(', ')}` : ''} in ${store.place}`,
      next: 'Import some first: minutehand bars import <source>.',
    });
  return stored.filter(({ symbol }) => wanted.length === 0 || wanted.includes(symbol));
}

function weekOpens({ week_opens_new_york, suspect }: ClockReport): string {
  const opens = Object.entries(week_opens_new_york).map(([hour, count]) => `${hour} × ${count}`);
  return `${opens.length === 0 ? '–' : opens.join(', ')}${suspect ? ' (suspect)' : ''}`;
}

function isoMinute(time: unknown): string {
  return typeof time === 'number'
    ? new Date(time * 1000).toISOString().slice(0, 16) + 'Z   '
    : String(time ?? '–').padEnd(20);
}
