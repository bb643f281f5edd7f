import { Option, type Command } from 'commander';
import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import { OPTIONAL_COLUMNS, optionalColumn, type OptionalColumn } from '../../shared/bar_file/bar_file.ts';
import type { Market } from '../../shared/bar_file/bar_sink.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { makeFolder } from '../../shared/folder.ts';
import { pathInside } from '../../shared/path_name.ts';
import { loadSettings, shardsOf } from '../../shared/policy/policy.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { parseSymbol } from '../../shared/symbol/symbol.ts';
import { createFeedJudge, type FeedJudge } from '../../trainer/jobs/bars/feed_judge.ts';
import { readReceivedDecisions } from '../../trainer/jobs/bars/received_decisions.ts';
import { readFlow, storedBarSeconds, withFlow } from '../../trainer/store/bar_flow.ts';
import type { StorePeriod } from '../../trainer/store/bars.ts';
import type { Store } from '../../trainer/store/store.ts';
import { exportBars, EXPORT_FORMATS, type ExportedBars, type ExportFormat } from '../bars/bar_export.ts';
import { openReceivedBars, withReceived, type ReceivedBars } from '../bars/received_bars.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { endPartly, problemText, type Output } from '../output.ts';
import { parsePeriod } from '../period.ts';
import { marketOption, withStore } from './bars_store.ts';

interface ExportFlags {
  readonly market: Market;
  readonly out: string;
  readonly format: ExportFormat;
  readonly symbol?: readonly string[];
  readonly from?: string;
  readonly to?: string;
}

interface ExportedFile {
  readonly symbol: string;
  readonly file: string;
  readonly bars: number;
  /** Of these, received by a daemon of this home. */
  readonly received: number;
}

export function addExport(bars: Command, output: () => Output): void {
  bars
    .command('export')
    .requiredOption('--out <folder>', 'folder to write into, one file per symbol; a file of that name is replaced')
    .addOption(new Option('--format <format>', 'format of the files').choices(EXPORT_FORMATS).default('csv.gz'))
    .option('--symbol <names...>', 'these symbols only')
    .option('--from <day>', 'first UTC day or minute of the bars')
    .option('--to <day>', 'UTC day or minute of the end')
    .addOption(marketOption('which bars'))
    .description(
      'writes the bars of this installation as CSV or Parquet files: imported ones, and those that its daemons received, which count for a minute in both',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand bars export --out ./bars\n  minutehand bars export --market simulated --out ./bars\n  minutehand bars export --out . --format parquet --symbol XAUUSD XAGUSD --from 2019-03-01',
    )
    .action((flags: ExportFlags) => runExport(flags, output()));
}

async function runExport(flags: ExportFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const received = openReceivedBars(
    flags.market,
    shardsOf(settings.minutehand).map(({ name }) => name),
  );
  const names = symbolNames(settings);
  const wanted = (flags.symbol ?? []).map((name) => parseSymbol(name, '--symbol', names));
  try {
    const exported = await withStore(async (store) => {
      const symbols = await knownSymbols(store, received, flags.market, wanted);
      return writeFiles({ store, received, symbols, flags, output });
    });
    endExport(exported, flags.format, output);
  } finally {
    received.close();
  }
}

interface Exported {
  readonly written: readonly ExportedFile[];
  /** Symbols whose received bars are wrong beyond doubt, each with what shows it: no file was written. */
  readonly refused: readonly string[];
}

interface ExportTask {
  readonly store: Store;
  readonly received: ReceivedBars;
  readonly symbols: readonly string[];
  readonly flags: ExportFlags;
  readonly output: Output;
}

async function writeFiles({ store, received, symbols, flags, output }: ExportTask): Promise<Exported> {
  const { market, format, out } = flags;
  const period = parsePeriod(flags);
  try {
    makeFolder(out);
  } catch (cause) {
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: out, cause });
  }
  const progress = output.progress();
  const written: ExportedFile[] = [];
  const refused: string[] = [];
  const decisions = await readReceivedDecisions(store);
  tellWhenInterrupted({
    output,
    progress,
    kept: () => written.map(({ symbol, file }) => `${symbol} is whole in ${file}.`),
  });
  for (const symbol of symbols) {
    const file = pathInside(out, `${symbol}.${format}`);
    // The bars of a simulated market come from no feeder.
    const judge = market === 'live' ? createFeedJudge(decisions) : null;
    const { receivedCount, ...bars } = await barsOf({ store, received, market, symbol, period, judge });
    const fault = judge?.fault() ?? null;
    if (fault !== null) {
      refused.push(problemText(fault));
      continue;
    }
    written.push({ symbol, file, bars: await exportBars(file, format, bars), received: receivedCount });
    progress.update('exporting', written.length, symbols.length);
  }
  progress.stop();
  return { written, refused };
}

interface SymbolBars {
  readonly store: Store;
  readonly received: ReceivedBars;
  readonly market: Market;
  readonly symbol: string;
  readonly period: StorePeriod;
  readonly judge: FeedJudge | null;
}

async function barsOf(task: SymbolBars): Promise<ExportedBars & { readonly receivedCount: number }> {
  const { store, market, symbol, period } = task;
  const received = task.received.read(symbol, period, task.judge ?? undefined);
  const barSeconds = (await storedBarSeconds(store, market, symbol)) ?? SECONDS_PER_BAR;
  const flow = await readFlow(store.series, market, symbol, period, barSeconds);
  const isStored: Record<OptionalColumn, boolean> = {
    spread: await store.bars.hasSpread(market, symbol, period),
    taker_buy_volume: flow.takerBuyVolume !== null,
    trades: flow.trades !== null,
  };
  return {
    optional: OPTIONAL_COLUMNS.filter((name) => isStored[name] || optionalColumn(received, name) !== null),
    pages: withReceived(withFlow(store.bars.pages(market, symbol, period), flow), received),
    receivedCount: received.length,
  };
}

/** The symbols with bars, or the wanted ones of them. @throws MinutehandError DATA_MISSING */
async function knownSymbols(
  store: Store,
  received: ReceivedBars,
  market: Market,
  wanted: readonly string[],
): Promise<string[]> {
  const stored = await store.bars.symbols(market);
  const known = [...new Set([...stored.map(({ symbol }) => symbol), ...received.symbols])].sort();
  const absent = wanted.filter((name) => !known.includes(name));
  if (known.length === 0 || absent.length > 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no ${market} bars${absent.length > 0 ? ` of ${absent.join(', ')}` : ''} in ${store.place}, and none received by a daemon`,
      next: 'Import some first: minutehand bars import <source>. Of the other market: --market live, --market simulated.',
    });
  return known.filter((symbol) => wanted.length === 0 || wanted.includes(symbol));
}

function endExport({ written: files, refused }: Exported, format: ExportFormat, output: Output): void {
  for (const { symbol, file, bars, received } of files)
    output.line(
      `${symbol}: ${bars} bars in ${file}${received === 0 ? '' : `, ${received} of them received by a daemon`}`,
    );
  output.result({ format, files });
  const empty = files
    .filter(({ bars }) => bars === 0)
    .map(({ symbol, file }) => `${symbol}: no bar of this period; ${file} has its header only`);
  endPartly([...refused, ...empty], empty.length < files.length, output);
}
