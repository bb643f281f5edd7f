import { Option, type Command } from 'commander';
import { readdirSync } from 'node:fs';
import { isoMinute, type OpenTime } from '../../shared/bar.ts';
import { clipBars, findBarFile, readBarFile } from '../../shared/bar_file/bar_file.ts';
import { parsePair, type Pair } from '../../shared/pair.ts';
import type { Store } from '../../trainer/store/store.ts';
import { neighborsOf, type NeighborBars } from '../bars/lag_findings.ts';
import type { BarSink, Market } from '../../shared/bar_file/bar_sink.ts';
import { writePriceKind } from '../../shared/bar_file/price_kinds.ts';
import { REFUSING, refusals, VERDICTS, type Finding, type VerdictCode } from '../../shared/bar_file/verdict/finding.ts';
import { acceptVerdicts } from '../../shared/bar_file/verdict/folder_verdicts.ts';
import { findingText, verdictText } from '../../shared/bar_file/verdict/finding_text.ts';
import { absenceLines } from '../../shared/bar_file/common_absences.ts';
import type { BarReport } from '../../shared/bar_file/bar_check.ts';
import { PRICE_KINDS, type PriceKind } from '../../shared/core/cost/fill_cost.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { DateOrder } from '../../shared/csv/stamps.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { nearSymbolText } from '../../shared/symbol/near_symbols.ts';
import { priceText } from '../../shared/price_text.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { parseInteger } from '../period.ts';
import type { ImportJob } from '../../trainer/jobs/kinds/import_job.ts';
import { keepPriceKind } from '../../trainer/store/price_kinds.ts';
import { clockHint } from '../bars/clock_option.ts';
import { folderSink } from '../bars/folder_sink.ts';
import {
  importBars,
  MAX_REJECTED_PERCENT,
  type ImportReport,
  type ImportResult,
  type SourceReport,
  FIRST_REJECTED,
} from '../bars/import.ts';
import { homePaths } from '../../shared/home.ts';
import { modelsTrainedOn } from '../../trainer/control/registry/trained_on.ts';
import { previewSink } from '../bars/preview_sink.ts';
import { storeSink } from '../bars/store_sink.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { endPartly, problemText, type Change, type Output } from '../output.ts';
import { recordJob } from '../recorded_job.ts';
import { dateOrderOption, decimalOption, marketOption, withStore } from './bars_store.ts';

interface ImportFlags {
  readonly market: Market;
  readonly out?: string;
  readonly timezone: string;
  readonly epochTimezone?: string;
  readonly strip?: readonly string[];
  readonly decimal?: 'point' | 'comma';
  readonly dateOrder?: DateOrder;
  readonly stamp?: 'open' | 'close';
  readonly spread?: 'points' | 'price';
  readonly digits?: string;
  readonly trustPrices?: boolean;
  readonly trustClock?: boolean;
  readonly dropFlatWeekends?: boolean;
  readonly accept?: readonly VerdictCode[];
  readonly maxRejected: number;
  readonly flow?: boolean;
  readonly symbol?: string;
  readonly series?: readonly string[];
  readonly price?: PriceKind;
  readonly dryRun?: boolean;
  readonly printJob?: boolean;
}

export function addImport(bars: Command, output: () => Output): void {
  withImportOptions(bars.command('import'))
    .option('--out <folder>', 'a folder of bars to merge into instead of the store; its bars stay')
    .addOption(
      new Option(
        '--dry-run',
        'only show what is inferred, the verdicts, and what would be added to the store',
      ).conflicts('out'),
    )
    .description(
      'Reads CSV, Parquet, HistData ASCII, MetaTrader and Binance klines of 1m to 1d, and series such as funding rates, recognized by content. Symbol, timeframe and clock are inferred and printed; a symbol has one timeframe. Ends with a verdict on each symbol; bars with another verdict than OK are not taken unless it is accepted. Running it again adds nothing; conflicting bars are reported and the first copy is kept.',
    )
    .addHelpText(
      'after',
      `
Verdicts: ${VERDICTS.join(', ')}.
Exit codes: 0 all taken, 1 nothing taken, 3 a part: files that could not be read, symbols that were refused, or bars in conflict.

Examples:
  minutehand bars import DAT_ASCII_XAUUSD_M1_2019.csv
  minutehand bars import EURUSD_M1.csv --timezone +02:00/US
  minutehand bars import EURUSD.csv --epoch-timezone +02:00/US
  minutehand bars import EURUSD-5m.csv --stamp close
  minutehand bars import LINKUSDT-1m-2026-02.csv.gz --out ./bars
  minutehand bars import funding/`,
    )
    .action((source: string, flags: ImportFlags) => {
      return importCommand(source, flags, false, output());
    });
  withImportOptions(bars.command('replace'))
    .option('--dry-run', 'only show what would be added and replaced, and the models that were trained on those bars')
    .description(
      'imports into the store as `import` does, but bars of other numbers take the place of stored ones; `bars undo` brings those back',
    )
    .action((source: string, flags: ImportFlags) => {
      return importCommand(source, flags, true, output());
    });
}

function withImportOptions(command: Command): Command {
  return command
    .argument('<source>', 'a file, or a folder of files')
    .option(
      '--timezone <zone>',
      'clock of the source, for layouts that do not name theirs: auto finds it by the openings of the weeks; UTC, -05:00, -05:00/EU or -05:00/US (with a summer hour on those dates), or America/New_York is checked against them',
      'auto',
    )
    .option('--epoch-timezone <zone>', 'clock of stamps that claim to be UTC but are not, such as broker time')
    .option('--trust-clock', 'do not check the time zone; without --timezone it is the usual one of the format')
    .option('--drop-flat-weekends', 'leave out flat bars without volume of closed weekends')
    .addOption(new Option('--accept <verdicts...>', 'verdicts that do not keep bars out').choices([...REFUSING]))
    .addOption(
      new Option('--max-rejected <percent>', 'greatest share of rejected rows; above it the symbol is refused')
        .argParser(parsePercent)
        .default(MAX_REJECTED_PERCENT),
    )
    .addOption(marketOption('bars of a simulated market are kept separate from real ones'))
    .option('--symbol <name>', 'symbol of the file, where its name and content do not tell it')
    .option(
      '--strip <text...>',
      'prefixes and suffixes of a broker’s to take off the names: .m, -ECN, FTMO_ (for good: symbol_names in minutehand.yaml)',
    )
    .addOption(decimalOption())
    .addOption(dateOrderOption(['dmy', 'mdy', 'ymd']))
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
    .option(
      '--series <name>',
      'column of a file without bars, such as funding_rate, or the name of its only one; several: once for each',
      (name: string, before: readonly string[] = []) => [...before, ...name.split(',')],
    )
    .option('--print-job', 'import nothing: print these options as a job, for `minutehand job run`');
}

function parsePercent(text: string): number {
  const percent = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (percent >= 0 && percent <= 100) return percent;
  throw new MinutehandError('USAGE', { seen: `--max-rejected ${text}`, expected: '0 to 100' });
}

async function importCommand(source: string, flags: ImportFlags, isReplacing: boolean, output: Output): Promise<void> {
  const job = jobOf(source, flags, isReplacing);
  const settings = loadSettings();
  if (flags.printJob === true) process.stdout.write(`${JSON.stringify(job, null, 2)}\n`);
  else await recordJob(job, settings, output, (own) => runImport(job, settings, own));
}

/**
 * The flags as a job.
 * @throws MinutehandError USAGE
 */
function jobOf(path: string, flags: ImportFlags, isReplacing: boolean): ImportJob {
  return {
    kind: 'import',
    market: flags.market,
    source: { path },
    parameters: {
      is_replacing: isReplacing,
      timezone: flags.timezone,
      epoch_timezone: flags.epochTimezone ?? null,
      trust_clock: flags.trustClock === true,
      strip: [...(flags.strip ?? [])],
      symbol: flags.symbol ?? null,
      series: flags.series === undefined ? null : [...flags.series],
      decimal: flags.decimal ?? null,
      date_order: flags.dateOrder ?? null,
      stamp: flags.stamp ?? null,
      spread: flags.spread ?? null,
      digits: flags.digits === undefined ? null : parseInteger(flags.digits, '--digits'),
      trust_prices: flags.trustPrices === true,
      price: flags.price ?? null,
      flow: flags.flow === true,
      drop_flat_weekends: flags.dropFlatWeekends === true,
      accept: [...(flags.accept ?? [])],
      max_rejected_percent: flags.maxRejected,
    },
    output: { folder: flags.out ?? null, is_dry_run: flags.dryRun === true },
    trigger: { code: 'command', values: { command: isReplacing ? 'bars replace' : 'bars import' } },
  };
}

/**
 * What is there when an import is interrupted.
 * @param number of the import that has begun to store; null: none has
 */
export function keptText(folder: string | null, isDry: boolean, number: number | null): string {
  if (folder !== null && !isDry)
    return 'Symbols that were read as a whole are in the folder; the same command adds the others.';
  if (number === null) return 'Nothing was stored; the same command begins anew.';
  return `Import ${number} has what was stored; the same command adds the rest, and \`minutehand bars undo ${number}\` takes it back.`;
}

/** Runs an import in this process, and prints accepted and rejected rows. */
export async function runImport(job: ImportJob, { minutehand }: Settings, output: Output): Promise<void> {
  const { market, parameters } = job;
  const { folder, is_dry_run: isDry } = job.output;
  const { price, is_replacing: isReplacing } = parameters;
  const progress = output.progress();
  let begun: BarSink | null = null;
  tellWhenInterrupted({ output, progress, kept: () => [keptText(folder, isDry, begun?.importNumber ?? null)] });
  const pairs = minutehand.pairs.map(parsePair);
  const onProgress = (done: number, total: number): void => progress.update('importing', done, total);
  const work = (into: BarSink, neighbors: NeighborBars): Promise<ImportResult> => {
    begun = into;
    return importBars({ ...importOptionsOf(job, minutehand, onProgress), into, neighbors });
  };
  const run = { source: job.source.path, isReplacing };
  const result =
    folder === null
      ? await withStore((store) =>
          work(
            isDry ? previewSink(store, market, run) : storeSink(store, market, run),
            storedNeighbors(store, market, pairs),
          ),
        )
      : await work(await folderSink(folder), folderNeighbors(folder, pairs));
  if (folder !== null && !isDry) keepAccepted(folder, result);
  if (price !== null && !isDry) {
    const symbols = result.symbols.filter(({ imported }) => imported).map(({ symbol }) => symbol);
    if (folder === null) await withStore((store) => keepPriceKind(store, market, symbols, price));
    else for (const symbol of symbols) writePriceKind(folder, symbol, price);
  }
  progress.stop();
  output.written(folder === null && !isDry ? importedOf(job, result) : null);
  if (isDry) output.line('Nothing is written; it would be:');
  const trusted = new Set(result.renamed.map(({ symbol }) => symbol));
  for (const one of result.symbols) sayImported(one, trusted.has(one.symbol), output);
  for (const one of result.series)
    output.line(
      `${one.symbol} ${one.name}: ${one.read} read, ${one.added} added, ${one.duplicates} already there, ${one.conflicts} in conflict, ${one.rejected_count} rejected`,
    );
  for (const [file, columns = []] of new Map(result.series.map((one) => [one.file, one.left_out])))
    if (columns.length > 0)
      output.note(`${file}: not taken: ${columns.join(', ')} (--series <name>, once for each, takes them)`);
  for (const [file, readBy = []] of new Map(result.series.map((one) => [one.file, one.read_by])))
    for (const one of readBy) output.note(`${file}: ${one}`);
  for (const { file, symbol, says } of result.renamed)
    output.note(
      says === null
        ? `warning: ${file} is taken as ${symbol} because it was given: neither its name nor its content names a symbol, and there were no bars of ${symbol} to compare with.${backText(result)}`
        : `warning: ${file} says ${says}, and is taken as ${symbol}, as given.${backText(result)}`,
    );
  for (const folder of result.folders)
    output.note(`${folder}: a folder in it, which is not read; import it by itself.`);
  for (const file of result.besides) output.note(`${file}: no bars, a report on the file of that name; left out.`);
  if (result.import_number !== null)
    output.line(`Import ${result.import_number}; \`minutehand bars undo ${result.import_number}\` takes it back.`);
  for (const line of absenceLines(result.common_absences)) output.note(line);
  for (const [symbol, near] of Object.entries(result.near_symbols)) output.note(nearText(symbol, near, result));
  const models = isReplacing ? await modelsOn(market, result) : [];
  if (models.length > 0)
    output.note(`Models that were trained on these bars: ${models.join(', ')}. Train again before you rely on them.`);
  output.result(isReplacing ? { ...result, dry_run: isDry, models } : result);
  endImport(result, new Set(parameters.accept), output);
}

/** What was accepted of the bars of a folder, for all that reads it later. */
function keepAccepted(folder: string, { symbols }: ImportResult): void {
  for (const { symbol, imported, verdict } of symbols) {
    const accepted = verdict.findings.map(({ code }) => code).filter((code) => REFUSING.has(code));
    if (imported && accepted.length > 0) acceptVerdicts(folder, symbol, accepted);
  }
}

function importOptionsOf(
  { market, source, parameters, output }: ImportJob,
  minutehand: Settings['minutehand'],
  onProgress: (done: number, total: number) => void,
): Omit<Parameters<typeof importBars>[0], 'into' | 'neighbors'> {
  const { epoch_timezone, symbol, series, decimal, date_order, stamp, spread, digits, strip } = parameters;
  const known = symbolNames({ minutehand });
  return {
    source: source.path,
    timezone: parameters.timezone,
    trustClock: parameters.trust_clock,
    flow: parameters.flow,
    dropFlatWeekends: parameters.drop_flat_weekends,
    accept: parameters.accept,
    maxRejectedPercent: parameters.max_rejected_percent,
    ...(market === 'simulated' && output.folder === null && { nowMs: null }),
    ...(epoch_timezone !== null && { epochTimezone: epoch_timezone }),
    ...(symbol !== null && { symbol }),
    ...(series !== null && { series }),
    names: { ...known, prefixes: [...known.prefixes, ...strip], suffixes: [...known.suffixes, ...strip] },
    reading: {
      ...(decimal !== null && { decimal }),
      ...(date_order !== null && { dateOrder: date_order }),
      ...(stamp !== null && { stamp }),
      ...(spread !== null && { spread }),
    },
    ...(digits !== null && { digits }),
    trustPrices: parameters.trust_prices,
    spreadBps: Object.fromEntries(
      Object.entries(minutehand.symbols).map(([name, { spread_bps }]) => [name, spread_bps]),
    ),
    onProgress: ({ done, total }) => onProgress(done, total),
  };
}

function storedNeighbors(store: Store, market: Market, pairs: readonly Pair[]): NeighborBars {
  return {
    async symbolsFor(symbol) {
      const stored = await store.bars.symbols(market);
      const names = stored.map((one) => one.symbol);
      return neighborsOf(symbol, pairs, names);
    },
    async read(symbol, from, to) {
      const bars = await store.bars.read(market, symbol, { from: from as OpenTime, to: to as OpenTime });
      return bars.length === 0 ? null : bars;
    },
  };
}

export function folderNeighbors(folder: string, pairs: readonly Pair[]): NeighborBars {
  return {
    symbolsFor(symbol) {
      const names = readdirSync(folder).flatMap((name) => /^(.+?)\.csv(?:\.gz)?$/.exec(name)?.[1] ?? []);
      return Promise.resolve(neighborsOf(symbol, pairs, names));
    },
    async read(symbol, from, to) {
      const found = await findBarFile(folder, symbol);
      const bars = found === null ? null : clipBars(await readBarFile(found), from as OpenTime, to as OpenTime);
      return bars === null || bars.length === 0 ? null : bars;
    },
  };
}

/** Models that were trained on bars that are replaced. */
async function modelsOn(market: Market, { symbols }: ImportResult): Promise<readonly string[]> {
  const touched = symbols.flatMap(({ symbol, replaced = 0, replaced_period }) =>
    replaced_period === undefined
      ? []
      : [{ symbol, bars: replaced, first: replaced_period[0], last: replaced_period[1] }],
  );
  return touched.length === 0 ? [] : withStore((store) => modelsTrainedOn(store, homePaths().models, market, touched));
}

/** What an import has changed in the store. */
function importedOf(
  { market, source, parameters: { price } }: ImportJob,
  { symbols, series, import_number }: ImportResult,
): Change {
  const bars = symbols.map(({ symbol, added, conflicts, replaced = 0 }) => ({ symbol, added, replaced, conflicts }));
  const values = series.map(({ symbol, name, added }) => ({ symbol, series: name, added }));
  const of = { market, import_number, ...(price !== null && { price }) };
  return { target: source.path, after: { ...of, bars, series: values } };
}

/** Exit code and standard error: nothing taken is a failure, a part of it a code of its own. */
function endImport(
  { symbols, series, skipped }: ImportResult,
  accepted: ReadonlySet<VerdictCode>,
  output: Output,
): void {
  const missing: string[] = [];
  for (const { file, code, seen } of skipped) missing.push(`${file}: not imported. ${code}: ${seen}`);
  for (const one of symbols) {
    for (const { file, rows } of one.sources) if (rows === 0) missing.push(`${file}: no row in it.`);
    if (!one.imported) missing.push(refusalText(one, accepted));
    else if (one.conflicts > (one.replaced ?? 0))
      missing.push(
        `${one.symbol}: ${one.conflicts} bars differ from stored ones, which were kept; \`bars replace\` takes the new ones.`,
      );
  }
  const isTaken = (counts: { added: number; duplicates: number; conflicts: number; replaced?: number }): boolean =>
    counts.added + counts.duplicates + (counts.replaced ?? 0) > 0;
  const isAnyTaken = symbols.some((one) => one.imported && isTaken(one)) || series.some(isTaken);
  for (const { symbol, name, read, rejected_count, conflicts } of series.filter((one) => one.is_beside_bars !== true)) {
    if (rejected_count > 0) missing.push(`${symbol} ${name}: ${rejected_count} of ${read} rows were rejected.`);
    if (conflicts > 0) missing.push(`${symbol} ${name}: ${conflicts} values differ from stored ones, which were kept.`);
  }
  if (!isAnyTaken && missing.every((text) => !text.startsWith('BARS_REFUSED')))
    missing.push(problemText(new MinutehandError('IMPORT_EMPTY', { seen: 'no bar and no value that could be taken' })));
  endPartly(missing, isAnyTaken, output);
}

export function refusalText({ symbol, verdict, sources }: ImportReport, accepted: ReadonlySet<VerdictCode>): string {
  const refusing = refusals(verdict, accepted);
  const seen = refusing.map((finding) => `${finding.code} ${findingText(finding)}`).join('; ');
  const codes = [...new Set(refusing.map(({ code }) => code))];
  const hints = new Set(refusing.map((finding) => hintOf(finding, sources)).filter((hint) => hint !== undefined));
  // Nobody wants the same bars stored under two symbols.
  const isCopy = refusing.some(({ by }) => by === 'same_bars');
  const next = [...hints, ...(isCopy ? [] : [`To take them as they are: --accept ${codes.join(' ')}.`])].join(' ');
  return problemText(new MinutehandError('BARS_REFUSED', { seen: `${symbol}: ${seen}`, next }));
}

/** Tests of the level against bars that are there, of which either side may have the wrong name. */
const WITH_OTHERS: ReadonlySet<string> = new Set(['known_bars', 'cross_rate']);

/** What to do about a finding that keeps bars out, before it is accepted. */
export function hintOf(finding: Finding, sources: readonly SourceReport[]): string | undefined {
  const { code, by, values } = finding;
  const undo = `\`minutehand bars history\` has the number of its import, \`minutehand bars undo <number>\` takes it back`;
  if (by === 'exchanged')
    return `${String(values['symbol'])} is there under the wrong name too: ${undo}; then exchange the two names, and import both.`;
  if (by === 'same_bars')
    return `One of the two names is wrong. If it is ${String(values['symbol'])}: ${undo}; then import this again.`;
  if (code === 'SUSPECT' && WITH_OTHERS.has(by))
    return `If the bars of ${String(values['symbol'])} that are there are wrong: ${undo}; then import this again.`;
  if (by === 'split') return 'Export bars that are adjusted for splits.';
  return code === 'FUTURE' || code === 'SHIFTED' ? clockHint(finding, sources) : HINTS[code];
}

const HINTS: Partial<Record<VerdictCode, string>> = {
  REJECTED: 'Mend the file, or state another share with --max-rejected.',
  CLOSE_STAMPED: 'Add --stamp close.',
  SWAPPED: 'Correct the header or the order of the columns.',
  SCALED: 'Correct the prices; where quotes are inverted, --symbol with the inverse pair (USDEUR for EURUSD) is right.',
  DERIVED:
    'Export the bars of the source itself, neither interpolated, averaged nor filled in, with open, high, low and close of the same bar.',
  GAP: 'Look at the rows on both sides of the gap: a stamp of another year, or a year of which the file is missing.',
  FLAT_WEEKENDS: 'Leave them out with --drop-flat-weekends.',
};

/** @param isTrusted the symbol is only as given: no file, and no bar that is there, confirms it */
export function sayImported(one: ImportReport, isTrusted: boolean, output: Output): void {
  output.line(`${one.symbol}: ${one.imported ? takenText(one) : notTakenText(one)}`);
  output.line(
    `  verdict: ${verdictText(one.verdict)}${isTrusted && one.imported ? '; the symbol was taken on trust' : ''}`,
  );
  if (one.check !== null) output.line(`  ${checkText(one.check)}`);
  const { forming, weekend } = one.left_out;
  if (forming > 0)
    output.note(`${one.symbol}: ${forming} bars are still forming and were left out: they had not closed.`);
  if (weekend > 0) output.line(`  ${weekend} flat bars of closed weekends were left out`);
  const say = one.rejected_count > 0 ? (text: string) => output.note(text) : (text: string) => output.line(text);
  if (one.rejected_count > 0) say(`${one.symbol}: warning: ${one.rejected_count} of ${one.read} rows rejected`);
  for (const { file, line, code, seen } of one.rejected.slice(0, FIRST_REJECTED))
    say(`  rejected ${file}:${line} ${code}: ${seen}`);
  for (const { time, kept, seen } of one.conflicting.slice(0, FIRST_REJECTED))
    output.line(
      `  conflict ${isoMinute(time).trim()}: ${one.replaced === undefined ? `kept ${kept}, not` : `${kept} became`} ${seen}`,
    );
  for (const source of one.sources) saySource(one, source, output);
  if (one.clock?.suspect === true)
    output.note(
      `${one.symbol}: the weeks of these bars do not open at one New York hour; check the time zone of the source.`,
    );
}

/** How a person takes an import back that was a mistake; empty where nothing was stored. */
function backText({ import_number }: ImportResult): string {
  return import_number === null ? '' : ` If that is wrong: \`minutehand bars undo ${import_number}\`.`;
}

/** A warning: a symbol that is really new is imported as any other. */
function nearText(symbol: string, near: readonly string[], { import_number }: ImportResult): string {
  const back = import_number === null ? '' : `take it back with \`minutehand bars undo ${import_number}\`, then `;
  return `warning: ${nearSymbolText(symbol, near)}.\n  → If it is misspelt: ${back}import the file with --symbol ${near[0]!}.`;
}

function takenText({ read, added, duplicates, conflicts, replaced, rejected_count, bars, file }: ImportReport): string {
  const ofThem = replaced === undefined ? '' : `, ${replaced} of them replaced`;
  return `${read} read, ${added} added, ${duplicates} already there, ${conflicts} in conflict${ofThem}, ${rejected_count} rejected; now ${bars} bars in ${file}`;
}

/** What was not compared is not counted. */
function notTakenText({ read, rejected_count, bars, file }: ImportReport): string {
  return `${read} read, ${rejected_count} rejected, none taken; still ${bars} bars in ${file}`;
}

function checkText({ missing_minutes, holes, breaks, flat_bars, spikes }: BarReport): string {
  return `${missing_minutes} minutes missing in ${holes} holes, ${breaks} breaks, ${flat_bars} flat bars, ${spikes} spikes`;
}

function saySource({ symbol }: ImportReport, source: SourceReport, output: Output): void {
  const { file, layout, timezone, checked, week_opens, odd_opens, lost_hours } = source;
  output.line(`  ${file}: ${inferredOf(source, symbol)}`);
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
  for (const text of orderTexts(source)) output.line(`  ${file}: ${text}`);
  if (lost_hours > 0) output.line(`  ${file}: ${lost_hours} hour lost in the source where the clock is put forward`);
}

/** What a person should know of the order of a file's rows. */
function orderTexts({ order, rows, steps_back, repeated_rows }: SourceReport): string[] {
  const copies = repeated_rows === 0 ? '' : `; ${repeated_rows} repeat a minute, whose first row is kept`;
  if (order === 'none')
    return [`its ${rows} rows are in no order of time; they were put in order to be judged${copies}`];
  const first = order === 'descending' ? ['the newest row is the first'] : [];
  if (steps_back === 0) return copies === '' ? first : [...first, copies.slice(2)];
  const way = order === 'descending' ? 'forward' : 'back';
  return [...first, `the stamps step ${way} ${steps_back} times${copies}`];
}

const SYMBOL_EVIDENCE = {
  name: 'by the name',
  content: 'by the content',
  option: 'as given',
  prices: 'by its closes, which are those of the bars that are there',
};

/** What was inferred, and from what. */
function inferredOf(source: SourceReport, symbol: string): string {
  const { layout, timezone, symbol_by, timeframe, timeframe_by, price_range, read_by } = source;
  const evidence = { spacing: 'by their spacing', name: 'by the name', none: 'too few to show another' };
  const prices = price_range === null ? '' : `, prices ${priceText(price_range[0])} to ${priceText(price_range[1])}`;
  return `${layout}, ${symbol} (${SYMBOL_EVIDENCE[symbol_by]}), bars of ${timeframe} (${evidence[timeframe_by ?? 'none']})${prices}, clock ${timezone}${read_by.map((one) => `; ${one}`).join('')}`;
}
