import { readdirSync } from 'node:fs';
import { shownMinute } from '../../shared/bar.ts';
import { counted } from '../../shared/counted.ts';
import { Option, type Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { accountIdOf } from '../../trainer/control/fills/account_id.ts';
import { fillFigures, type FillFigures } from '../../trainer/control/fills/fill_figures.ts';
import { readRefusedLines, readTrades, type LiveTrade } from '../../trainer/control/fills/live_trades.ts';
import { FINDINGS, reconcile } from '../../trainer/control/fills/reconcile.ts';
import { against, type Against } from '../../trainer/control/fills/live_kpis.ts';
import { byWallClock } from '../../trainer/control/history/market_clock.ts';
import { openStoreIfThere, type Store } from '../../trainer/store/store.ts';
import { priceText } from '../../shared/price_text.ts';
import { csvCell } from '../../shared/csv/csv_cell.ts';
import type { Output } from '../output.ts';
import { noteOtherMarket } from '../other_market_note.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { isParquet, writeParquetRows } from '../../shared/parquet_rows.ts';
import { paperSizeText } from '../paper_size.ts';
import { addPairsOption, configuredPairs, type PairsFlags } from '../pairs_option.ts';
import { parsePeriod, type PeriodFlags } from '../period.ts';
import { applyMarket, marketOption } from './processes.ts';
import { isThere } from '../../shared/files.ts';

interface TradesFlags extends PeriodFlags, PairsFlags {
  readonly market?: string;
}

const DAY_MS = 86_400_000;
const CHECKED_DAYS = 7;
/** A position that is closed in the period was opened no longer ago than a long weekend and its maximum age. */
const OPENED_BEFORE_MS = 7 * DAY_MS;
const SHOWN_ROWS = 50;
const CLOSED_WIDTH = 'closed 2026-11-21 08:27'.length;

/** Columns of the export with their kinds, in this order. */
const KINDS = {
  time_ms: 'number',
  account: 'text',
  market: 'text',
  pair_id: 'text',
  position_id: 'text',
  signal_id: 'text',
  kind: 'text',
  reason: 'text',
  leg: 'text',
  symbol: 'text',
  broker_symbol: 'text',
  side: 'text',
  ticket: 'number',
  lots: 'number',
  requested_price: 'number',
  filled_price: 'number',
  slippage_bps: 'number',
  latency_ms: 'number',
  pnl: 'number',
  currency: 'text',
  error: 'text',
  signal_ms: 'number',
  signal_bar: 'text',
  signal_action: 'text',
  signal_reason: 'text',
  signal_price: 'number',
  model_version: 'text',
  z_score: 'number',
  return_prob: 'number',
  risk_score: 'number',
  position_scale: 'number',
  beta: 'number',
  max_age_bars: 'number',
  source: 'text',
  place: 'text',
} as const satisfies Partial<Record<keyof LiveTrade, 'text' | 'number'>>;
const COLUMNS = Object.keys(KINDS) as (keyof typeof KINDS)[];
const PARQUET_COLUMNS = COLUMNS.map((name) => ({ name, kind: KINDS[name] }));

/** What the results of a paper account are without. */
const PAPER_COSTS =
  'Results on paper are after the configured spread, slippage and commission, and without overnight swaps.';

export function addTrades(program: Command, output: () => Output): void {
  const trades = program
    .command('trades')
    .description(
      'Reads core.live_trades of the trainer’s store, where the trainer keeps every fill of result.json files and of Redis, with the signal that caused it.',
    );
  const common = (command: Command): Command =>
    addPairsOption(command, 'only these pairs, comma-separated')
      .option('--from <day>', 'first UTC day or minute; of a simulated market, one of its own')
      .option('--to <day>', 'UTC day or minute of the end, likewise')
      .addOption(marketOption());
  common(trades.command('list'))
    .description(
      'the newest fills, and figures per pair and account; several accounts, of paper too, are never added up',
    )
    .action((flags: TradesFlags) => list(flags, output()));
  common(trades.command('export'))
    .addOption(new Option('--out <file>', 'CSV, or Parquet by its name (.parquet); - is standard output').default('-'))
    .description('writes fills as CSV or Parquet, oldest first, by pair and period')
    .action((flags: TradesFlags & { out: string }) => exportTrades(flags, output()));
  common(trades.command('check'))
    .description(
      `reconciles fills with the daemon’s signals: missing signals, fills, legs or volume; the last ${CHECKED_DAYS} days unless --from is given. Exit code 1 when there is a finding`,
    )
    .action((flags: TradesFlags) => check(flags, output()));
}

interface Selection {
  readonly settings: Settings;
  readonly market: string;
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly pairIds?: readonly string[];
}

function selectionOf(flags: TradesFlags): Selection {
  applyMarket(flags.market);
  const settings = loadSettings();
  const { from, to } = parsePeriod(flags);
  const pairIds = flags.pairs === undefined ? undefined : configuredPairs(flags, settings);
  return {
    settings,
    market: settings.minutehand.market,
    ...(from === undefined ? {} : { fromMs: from * 1000 }),
    ...(to === undefined ? {} : { toMs: to * 1000 }),
    ...(pairIds === undefined ? {} : { pairIds }),
  };
}

async function withStore<Result>(work: (store: Store) => Promise<Result>, without: Result): Promise<Result> {
  const store = await openStoreIfThere(process.env, homePaths());
  if (store === null) return without;
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** What is wanted, its period by the wall clock: of a simulated market, days are those of its bars. */
async function wantedOf(flags: TradesFlags): Promise<Selection> {
  const asked = selectionOf(flags);
  const { fromMs: _from, toMs: _to, ...rest } = asked;
  return await withStore(
    async (store): Promise<Selection> => ({ ...rest, ...(await byWallClock(store, asked.settings, asked)) }),
    asked,
  );
}

async function list(flags: TradesFlags, output: Output): Promise<void> {
  const wanted = await wantedOf(flags);
  await noteOtherMarket(wanted.settings, flags, output);
  const trades = await withStore((store) => readTrades(store, wanted), []);
  const figures = fillFigures({ trades, ...signalsOf(wanted, trades[0]?.time_ms ?? 0) }, accountIdOf);
  const width = Math.max(0, ...Object.keys(figures).map(({ length }) => length));
  if (trades.length === 0) output.line(noFillsText(flags, signalsOf(wanted, 0).entries.length));
  for (const trade of trades.slice(-SHOWN_ROWS)) output.line(fillLine(trade, width));
  if (trades.length > SHOWN_ROWS) output.note(`${trades.length - SHOWN_ROWS} older ones: trades export has them all.`);
  for (const [account, { total, pairs }] of Object.entries(figures)) {
    for (const [id, figure] of Object.entries(pairs)) output.line(figureLine(account.padEnd(width), id, figure));
    output.line(figureLine(account.padEnd(width), 'total', total));
  }
  if (trades.some(({ account }) => account === 'paper')) output.note(PAPER_COSTS);
  await noteRefused(wanted, output);
  output.result({ market: wanted.market, trades: trades.map(listed), figures });
}

/** Why there are no fills, and what gives the first. @param entries signals in the kept journals that entered */
export function noFillsText({ from, to, pairs }: TradesFlags, entries: number, eaFolder = homePaths().ea): string {
  if (from !== undefined || to !== undefined || pairs !== undefined) return 'No fills of these pairs and this period.';
  const accounts = isThere(eaFolder) ? readdirSync(eaFolder).filter((name) => name.endsWith('_paper')) : [];
  const consumer =
    accounts.length > 0
      ? `The paper account (${accounts.join(', ')}) follows the next ENTER that it sees.`
      : 'Nothing follows them here: `minutehand ea` trades on paper, mt5/ in MetaTrader 5.';
  if (entries === 0)
    return `No fills yet: no signal has entered so far (\`minutehand signals list\` has the reasons). ${consumer}`;
  return `No fills yet of ${counted(entries, 'entry', 'entries')} (\`minutehand signals list --action ENTER\`). ${consumer}`;
}

const listed = ({ line: _line, ...trade }: LiveTrade) => ({ ...trade, account_id: accountIdOf(trade) });

/** One page of all of them. */
async function* pageOf(trades: readonly LiveTrade[]): AsyncGenerator<readonly LiveTrade[], void> {
  if (trades.length > 0) yield trades;
}

async function exportTrades(flags: TradesFlags & { out: string }, output: Output): Promise<void> {
  const wanted = await wantedOf(flags);
  const trades = await withStore((store) => readTrades(store, wanted), []);
  if (isParquet(flags.out)) {
    await writeParquetRows(flags.out, PARQUET_COLUMNS, pageOf(trades));
    await noteRefused(wanted, output);
    output.line(`${trades.length} rows in ${flags.out}`);
    output.result({ market: wanted.market, rows: trades.length, out: flags.out });
    return;
  }
  const lines = [COLUMNS.join(','), ...trades.map((trade) => COLUMNS.map((name) => csvCell(trade[name])).join(','))];
  const text = `${lines.join('\n')}\n`;
  await noteRefused(wanted, output);
  if (flags.out === '-') {
    if (output.json) output.result({ market: wanted.market, rows: trades.length, csv: text });
    else process.stdout.write(text);
    return;
  }
  const file = openOutputFile(flags.out);
  file.write(text);
  file.close();
  output.line(`${trades.length} rows in ${flags.out}`);
  output.result({ market: wanted.market, rows: trades.length, out: flags.out });
}

/** Lines that are no fills are in no list: a person should know that there were some. */
async function noteRefused({ fromMs = 0, toMs }: Selection, output: Output): Promise<void> {
  const refused = await withStore((store) => readRefusedLines(store, fromMs, toMs), []);
  if (refused.length > 0)
    output.note(
      `Refused and not listed: ${counted(refused.length, 'line')} of expert advisors; \`trades check\` shows what is wrong.`,
    );
}

async function check(flags: TradesFlags, output: Output): Promise<void> {
  const wanted = await wantedOf(flags);
  const fromMs = wanted.fromMs ?? MACHINE_CLOCK.nowMs() - CHECKED_DAYS * DAY_MS;
  const { trades, refusedLines } = await withStore(
    async (store) => ({
      // Whole positions: what is closed in the period may have been opened before it, and the other way round.
      trades: await readTrades(store, { market: wanted.market, ...pairsOf(wanted), fromMs: fromMs - OPENED_BEFORE_MS }),
      refusedLines: await readRefusedLines(store, fromMs, wanted.toMs),
    }),
    { trades: [], refusedLines: [] },
  );
  const all = reconcile({ trades, refusedLines, ...signalsOf(wanted, fromMs) });
  const findings = all.filter(({ time_ms }) => time_ms >= fromMs && time_ms < (wanted.toMs ?? Infinity));
  for (const { code, account_id, pair_id, position_id, time_ms, seen } of findings)
    output.line(
      `${isoSecond(time_ms)}  ${code}  ${[account_id, pair_id, position_id].filter((word) => word !== '').join(' ')}  ${seen}`,
    );
  for (const code of new Set(findings.map((finding) => finding.code))) output.note(`${code}: ${FINDINGS[code]}`);
  output.line(`${counted(trades.length, 'fill')} checked, ${counted(findings.length, 'finding')}`);
  output.result({ market: wanted.market, fills: trades.length, findings });
  if (findings.length > 0) process.exitCode = 1;
}

/** The signals with which the requested fills are compared. */
function signalsOf({ settings, pairIds, toMs }: Selection, fromMs: number): Against {
  const nowMs = MACHINE_CLOCK.nowMs();
  const { entries, ...rest } = against(settings, homePaths(), fromMs - DAY_MS, toMs ?? Number.MAX_SAFE_INTEGER, nowMs);
  return { ...rest, entries: entries.filter(({ body }) => pairIds?.includes(body.pair_id) ?? true) };
}

const pairsOf = ({ pairIds }: Selection): Pick<Selection, 'pairIds'> => (pairIds === undefined ? {} : { pairIds });

/**
 * A fill with the time at which it was made and, as in `status` and `signals list`, the close of the bar of the signal
 * that it follows: on a simulated market these are two clocks. An exit of the account's own follows none.
 * @param width of the column of accounts
 */
export function fillLine(trade: LiveTrade, width: number): string {
  const { time_ms, pair_id, kind, leg, side, filled_price, slippage_bps, latency_ms, pnl, error, reason } = trade;
  const bar = kind === 'close' && trade.signal_id === trade.position_id ? null : trade.signal_bar;
  const closed = (bar === null ? '' : `closed ${shownMinute(bar)}`).padEnd(CLOSED_WIDTH);
  const head = `${isoSecond(time_ms)}  ${closed}  ${accountIdOf(trade).padEnd(width)}  ${pair_id.padEnd(16)} ${kind.padEnd(7)}`;
  if (kind === 'refused') return `${head} ${error}`;
  const cells = [
    `${leg} ${side.padEnd(4)} ${sizeText(trade)} at ${priceText(filled_price)}`,
    `${slippage_bps!.toFixed(2)} bps`,
    latency_ms === null ? '' : `${latency_ms} ms`,
    reason,
    pnl === null ? '' : `${pnl.toFixed(2)} ${trade.currency}`,
  ];
  return `${head} ${cells.filter((text) => text !== '').join('  ')}`;
}

/** The broker's lots, or a value on a paper account. */
function sizeText({ account, lots, symbol, filled_price, currency }: LiveTrade): string {
  if (account !== 'paper') return `${lots} lots ${symbol}`;
  return paperSizeText(lots!, filled_price!, currency!, symbol);
}

function figureLine(account: string, name: string, figure: FillFigures): string {
  const { opened, closed, win_rate, slippage_bps, latency_ms_p50, refusal_rate, enters, pnl } = figure;
  const share = (value: number | null): string => (value === null ? '–' : `${(100 * value).toFixed(0)} %`);
  const earned = Object.entries(pnl).map(([currency, sum]) => `${sum.toFixed(2)} ${currency}`);
  return [
    `${account}  ${name.padEnd(16)}`,
    `${opened} opened, ${closed} closed`,
    `won ${share(win_rate)}`,
    ...earned,
    `slippage ${slippage_bps === null ? '–' : `${slippage_bps.toFixed(2)} bps`}`,
    `latency ${latency_ms_p50 === null ? '–' : `${latency_ms_p50} ms`}`,
    `refused ${share(refusal_rate)} of ${enters}`,
  ].join('  ');
}

function isoSecond(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
