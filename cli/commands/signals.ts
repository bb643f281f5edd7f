import { utcDay } from '../../shared/utc_day.ts';
import { shownMinute } from '../../shared/bar.ts';
import { Option, type Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { createArchive, type SignalArchive } from '../../trainer/control/history/archive.ts';
import { archiveAlone } from '../../trainer/control/history/archive_lock.ts';
import type { ArchivePlace } from '../../trainer/control/history/archive_place.ts';
import { openArchivePlace } from '../../trainer/control/history/open_archive_place.ts';
import { archiveRound, lastWholeDay } from '../../trainer/control/history/archive_round.ts';
import { proveRestore } from '../../trainer/control/history/prove_restore.ts';
import { createSignalCopy } from '../../trainer/control/history/copy.ts';
import { DAY_MS, daysBetween, dayStartMs } from '../../trainer/control/history/day.ts';
import { listDays } from '../../trainer/control/history/day_list.ts';
import { SIGNAL_COLUMNS, type SignalRow } from '../../trainer/control/history/signal_row.ts';
import { noteArchived } from '../../trainer/control/history/note_archived.ts';
import { openSignalTables, type SignalFilter, type SignalTables } from '../../trainer/control/history/signal_tables.ts';
import { openStore, storeUrl, type Store } from '../../trainer/store/store.ts';
import { INSTRUMENT_REASONS } from '../../shared/signal/verify_instrument.ts';
import { REASONS } from '../../shared/strategies/pair_reversion/reasons.ts';
import type { InstrumentBody } from '../../shared/signal/instrument_signal.ts';
import { csvCell } from '../../shared/csv/csv_cell.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { byWallClock } from '../../trainer/control/history/market_clock.ts';
import { noteOtherMarket } from '../other_market_note.ts';
import { endPartly, FAILED, PARTLY_DONE, type Output } from '../output.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { isParquet, writeParquetRows } from '../../shared/parquet_rows.ts';
import { addPairsOption, type PairsFlags } from '../pairs_option.ts';
import { parseInteger, parsePeriod, type PeriodFlags } from '../period.ts';
import { applyMarket, marketOption } from './processes.ts';

interface ListFlags extends PeriodFlags, PairsFlags {
  readonly day?: string;
  readonly action?: string;
  readonly reason?: string;
  readonly market?: string;
  readonly limit: string;
  readonly live?: boolean;
  readonly out?: string;
}

interface DayFlags {
  readonly day?: string;
  readonly from?: string;
  readonly to?: string;
  readonly market?: string;
  readonly out?: string;
}

const SHOWN_ROWS = '50';
/** Columns of the CSV, in this order: those of the table without the text, which the others reproduce. */
const COLUMNS = SIGNAL_COLUMNS.map(([name]) => name).filter((name) => name !== 'body');
const PARQUET_COLUMNS = SIGNAL_COLUMNS.filter(([name]) => name !== 'body').map(([name, type]) => ({
  name,
  kind: type === 'text' ? ('text' as const) : ('number' as const),
}));

export function addSignals(program: Command, output: () => Output): void {
  const signals = program
    .command('signals')
    .description(
      'The trainer copies every signal that a daemon has journaled into the tables of config/signals_policy.yaml (core.signals_live, core.signals_history), archives each day ' +
        'that is over, and deletes old rows when the archive is proven to hold them. A day is the UTC day on which a signal was published.',
    );
  addPairsOption(signals.command('list'), 'only these pairs or instruments, comma-separated')
    .option('--day <day>', 'of this UTC day: of its publication, or of a simulated market one of its own')
    .option('--from <day>', 'from this UTC day or minute on, likewise')
    .option('--to <day>', 'before this UTC day or minute, likewise')
    .addOption(new Option('--action <action>', 'only these').choices(['ENTER', 'EXIT', 'HOLD']))
    .addOption(
      new Option(
        '--reason <reason>',
        'only these: NO_EDGE, NEWS, STOPPED … (docs/reference/PROTOCOL.md#reasons)',
      ).argParser(parseReason),
    )
    .option('--live', 'the last signal of each pair instead of the history')
    .option('--limit <rows>', 'number of newest rows; --out writes all', SHOWN_ROWS)
    .option('--out <file>', 'all of them as CSV, or Parquet by its name (.parquet), oldest first; - is standard output')
    .addOption(marketOption())
    .description(
      'signals of the history, newest last, by pair, day, action or reason; as lines, --json, CSV or Parquet',
    )
    .action((flags: ListFlags) => list(flags, output()));
  signals
    .command('days')
    .addOption(marketOption())
    .description('per day: rows in history and archive, times of archiving and deletion')
    .action((flags: DayFlags) => days(flags, output()));
  const range = (command: Command, what: string): Command =>
    command
      .option('--day <day>', `${what} this UTC day`)
      .option('--from <day>', 'from this UTC day on')
      .option('--to <day>', 'up to this UTC day, inclusive')
      .addOption(marketOption());
  range(signals.command('archive'), 'archive')
    .description(
      'archives past days (default: all not yet archived), then deletes rows older than signals_history_days. Copies from the journals first. ' +
        'The trainer does this by archive_cron; doing it again is harmless',
    )
    .action((flags: DayFlags) => archive(flags, output()));
  range(signals.command('verify'), 'verify')
    .option('--restore', 'proves each day as well: restores it from the archive alone into an empty store in memory')
    .description(
      'compares the archive with its manifests, the record of writes and the history; every day that was archived unless days are given. Exit code 1 when anything is missing or damaged',
    )
    .action((flags: VerifyFlags) => verify(flags, output()));
  range(signals.command('restore'), 'restore')
    .option('--out <file>', 'into a file with one signal per line instead; - is standard output')
    .description('restores archived days into the history, for signals_history_days; present rows are unchanged')
    .action((flags: DayFlags) => restore(flags, output()));
}

type VerifyFlags = DayFlags & { readonly restore?: boolean };

interface Opened {
  readonly settings: Settings;
  readonly paths: HomePaths;
  readonly market: string;
  readonly store: Store;
  readonly tables: SignalTables;
}

interface ArchiveOpened {
  readonly archive: SignalArchive;
  /** Name of the archive. */
  readonly place: string;
  readonly opened: ArchivePlace;
}

async function withHistory(
  flags: { readonly market?: string },
  work: (opened: Opened) => Promise<void>,
): Promise<void> {
  applyMarket(flags.market);
  const settings = loadSettings();
  const paths = homePaths();
  const store = await openStore(storeUrl(process.env, paths));
  try {
    const tables = await openSignalTables(store, settings.signals);
    await work({ settings, paths, market: settings.minutehand.market, store, tables });
  } finally {
    await store.close();
  }
}

async function withArchive(
  flags: { readonly market?: string },
  work: (opened: Opened & ArchiveOpened) => Promise<void>,
): Promise<void> {
  await withHistory(flags, async (opened) => {
    const { settings, paths, store, tables } = opened;
    const place = await openArchivePlace(settings.signals, paths, process.env);
    try {
      await work({
        ...opened,
        archive: createArchive(store, tables, place, MACHINE_CLOCK),
        place: place.id,
        opened: place,
      });
    } finally {
      place.close();
    }
  });
}

/** @throws MinutehandError USAGE */
function refuseBoth({ day, from, to }: DayFlags): void {
  if (day !== undefined && (from !== undefined || to !== undefined))
    throw new MinutehandError('USAGE', { seen: '--day beside --from or --to', expected: 'one of both' });
}

/** @returns null when no days were given @throws MinutehandError USAGE */
function daysOf(flags: DayFlags): readonly string[] | null {
  refuseBoth(flags);
  const { day, from, to } = flags;
  if (day !== undefined) return daysBetween(day, day);
  if (from === undefined && to === undefined) return null;
  if (from === undefined || to === undefined)
    throw new MinutehandError('USAGE', { seen: 'one of --from and --to', expected: 'both, or --day' });
  const all = daysBetween(from, to);
  if (all.length === 0)
    throw new MinutehandError('USAGE', { seen: `--from ${from} --to ${to}`, expected: '--to not before --from' });
  return all;
}

async function list(flags: ListFlags, output: Output): Promise<void> {
  const limit = parseInteger(flags.limit, '--limit', 1);
  const period = parsePeriod(flags);
  refuseBoth(flags);
  const dayMs = flags.day === undefined ? undefined : dayStartMs(flags.day);
  const fromMs = dayMs ?? (period.from === undefined ? undefined : period.from * 1000);
  const toMs = dayMs === undefined ? (period.to === undefined ? undefined : period.to * 1000) : dayMs + DAY_MS;
  await withHistory(flags, async ({ settings, market, store, tables }) => {
    await noteOtherMarket(settings, flags, output);
    const asked = { ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
    const filter: SignalFilter = {
      market,
      ...(flags.pairs === undefined ? {} : { pairIds: flags.pairs }),
      ...(flags.action === undefined ? {} : { action: flags.action }),
      ...(flags.reason === undefined ? {} : { reason: flags.reason }),
      ...(await byWallClock(store, settings, asked)),
    };
    if (flags.out !== undefined) return writeRows(flags.out, filter, tables, output);
    const rows =
      flags.live === true
        ? (await tables.live(market)).filter(
            ({ pair_id, action, reason }) =>
              (flags.pairs?.includes(pair_id) ?? true) &&
              (flags.action ?? action) === action &&
              (flags.reason ?? reason) === reason,
          )
        : await tables.newest(filter, limit);
    if (rows.length === 0) output.line('No such signals in the history; `minutehand signals days` lists the days.');
    for (const row of rows) output.line(lineOf(row));
    output.result({ market, signals: rows.map(plain) });
  });
}

/** @throws MinutehandError USAGE */
function parseReason(text: string): string {
  const reason = text.toUpperCase();
  const known: readonly string[] = [...Object.keys(REASONS), ...INSTRUMENT_REASONS];
  if (known.includes(reason)) return reason;
  throw new MinutehandError('USAGE', {
    seen: `--reason ${text}`,
    expected: `one of ${[...new Set(known)].join(', ')}`,
  });
}

async function writeRows(path: string, filter: SignalFilter, tables: SignalTables, output: Output): Promise<void> {
  let rows = 0;
  if (isParquet(path)) {
    rows = await writeParquetRows(path, PARQUET_COLUMNS, tables.pages(filter));
    endExport(rows, path, filter, output);
    return;
  }
  const isFile = await writeOut(path, output, async (write) => {
    write(`${COLUMNS.join(',')}\n`);
    for await (const page of tables.pages(filter)) {
      write(page.map((row) => `${COLUMNS.map((name) => csvCell(row[name])).join(',')}\n`).join(''));
      rows += page.length;
    }
  });
  if (isFile) endExport(rows, path, filter, output);
}

function endExport(rows: number, path: string, { market }: SignalFilter, output: Output): void {
  output.line(`${rows} rows in ${path}`);
  if (rows === 0) process.exitCode = FAILED;
  output.result({ market, rows, out: path });
}

async function days(flags: DayFlags, output: Output): Promise<void> {
  await withArchive(flags, async ({ store, tables, market, place }) => {
    const all = await listDays(store, tables, market, place);
    if (all.length === 0)
      output.line(
        `No signals of market ${market} have been copied yet. The trainer copies them: start \`minutehand trainer\`.`,
      );
    for (const { day, added, archived, parts, rows, bytes, pruned_ms, restored_ms } of all)
      output.line(
        [
          day,
          `${String(added).padStart(8)} journaled`,
          `${String(rows).padStart(8)} archived${parts > 1 ? ` in ${parts} parts` : ''}, ${(bytes / 1e6).toFixed(2)} MB`,
          added > archived ? 'has rows to archive' : '',
          pruned_ms === null ? '' : 'deleted from the history',
          restored_ms === null ? '' : 'restored',
        ]
          .filter((text) => text !== '')
          .join('  '),
      );
    output.result({ market, place, days: all });
  });
}

async function archive(flags: DayFlags, output: Output): Promise<void> {
  const wanted = daysOf(flags);
  const last = lastWholeDay(MACHINE_CLOCK.nowMs());
  const open = wanted?.find((day) => day > last);
  if (open !== undefined) throw new MinutehandError('ARCHIVE_DAY_OPEN', { seen: open, expected: `${last} or before` });
  await withArchive(flags, async ({ settings, paths, store, tables, market, archive: archived, place }) => {
    await archiveAlone(store, paths, async () => {
      const copy = createSignalCopy(store, tables, paths);
      const { failures: unread } = await copy.pass();
      if (unread.length > 0) throw unread[0]!;
      const copied = await copy.copied('live');
      const options = {
        archive: archived,
        market,
        clock: MACHINE_CLOCK,
        historyDays: settings.signals.signals_history_days,
      };
      const round =
        wanted === null
          ? await archiveRound(options)
          : await archiveDays(wanted, (day) => archived.archive(market, day));
      if (round.failures.length === 0) await noteArchived({ archive: archived, paths, clock: MACHINE_CLOCK, copied });
      const written = round.archived.flatMap((day) => (day.written === null ? [] : [day.written]));
      for (const { day, part, rows, bytes } of written)
        output.line(
          `${day}${part > 1 ? `, part ${part}` : ''}: ${rows} signals, ${(bytes / 1e6).toFixed(2)} MB, read back and compared`,
        );
      for (const { day, rows } of round.pruned)
        output.line(`${day}: ${rows} rows deleted from the history, the archive has them`);
      for (const error of round.failures) output.note(`${error.code}: ${error.message}\n  → ${error.next}`);
      if (written.length === 0 && round.failures.length === 0)
        output.line(`Nothing to archive: ${place} has all signals up to ${last}.`);
      output.result({ market, place, written, pruned: round.pruned, failures: round.failures.map(describeError) });
      if (round.failures.length > 0) process.exitCode = written.length + round.pruned.length > 0 ? PARTLY_DONE : FAILED;
      else if (wanted !== null) {
        const empty = await emptyDays(wanted, market, archived);
        endPartly(empty, empty.length < wanted.length, output);
      }
    });
  });
}

/** Of days that were asked for, a line for each of which there is nothing. */
async function emptyDays(
  days: readonly string[],
  market: string,
  archived: Pick<SignalArchive, 'verify'>,
): Promise<string[]> {
  const empty = await each(days, async (day) => {
    const { archived: rows, stored } = await archived.verify(market, day);
    return rows + stored === 0 ? [`${day}: neither the history nor the archive has signals of it.`] : [];
  });
  return empty.flat();
}

async function verify(flags: VerifyFlags, output: Output): Promise<void> {
  const wanted = daysOf(flags);
  await withArchive(flags, async ({ settings, store, tables, market, archive: archived, place, opened }) => {
    const known = await listDays(store, tables, market, place);
    const last = lastWholeDay(MACHINE_CLOCK.nowMs());
    const chosen =
      wanted ?? known.filter(({ parts, day, added }) => parts > 0 || (day <= last && added > 0)).map(({ day }) => day);
    const progress = output.progress();
    tellWhenInterrupted({ output, progress, kept: () => ['Nothing was changed.'] });
    const results = await each(chosen, async (day, index) => {
      const result = await archived.verify(market, day);
      progress.update('verify', index + 1, chosen.length);
      if (flags.restore !== true || result.state !== 'ok' || result.archived === 0) return result;
      const proof = { archive: archived, place: opened, policy: settings.signals, clock: MACHINE_CLOCK };
      const { rows } = await proveRestore(proof, market, day);
      return { ...result, restored: rows };
    });
    progress.stop();
    const bad = results.filter(
      ({ state, archived: rows, stored }) => state !== 'ok' || (wanted !== null && rows + stored === 0),
    );
    for (const { day, state, detail } of bad)
      output.line(
        state === 'ok'
          ? `${day}  EMPTY  neither the archive nor the history has signals of it`
          : `${day}  ${state.toUpperCase()}  ${detail}`,
      );
    const proven = flags.restore === true ? ', each restored into an empty store' : '';
    output.line(`${results.length - bad.length} of ${results.length} days are whole in ${place}${proven}`);
    output.result({ market, place, days: results });
    if (results.length === 0) output.note('No day has been archived yet: nothing was verified.');
    if (bad.length > 0 || results.length === 0) process.exitCode = 1;
  });
}

async function restore(flags: DayFlags, output: Output): Promise<void> {
  const wanted = daysOf(flags);
  if (wanted === null) throw new MinutehandError('USAGE', { seen: 'no day', expected: '--day, or --from and --to' });
  await withArchive(flags, async (opened) => {
    const { market, archive: archived, paths, store, place } = opened;
    const absent: string[] = [];
    /** A day of a range may have had no signals. */
    const missing = (day: string): void => {
      const error = new MinutehandError('ARCHIVE_MISSING', { seen: `${market} ${day} in ${place}` });
      if (wanted.length === 1) throw error;
      absent.push(`${day}: never archived`);
    };
    const end = (): void => endPartly(absent, absent.length < wanted.length, output);
    if (flags.out !== undefined) {
      await restoreToFile(flags.out, wanted, opened, missing, output);
      return end();
    }
    await archiveAlone(store, paths, async () => {
      const results = await each(wanted, async (day) => {
        try {
          const result = await archived.restore(market, day);
          if (result === null) missing(day);
          return result ?? [];
        } catch (error) {
          // A damaged day does not keep the days after it from being restored.
          if (!(error instanceof MinutehandError) || wanted.length === 1) throw error;
          absent.push(`${day}: ${error.code}: ${error.message}`);
          return [];
        }
      });
      const days = results.flat();
      for (const { day, rows, added } of days)
        output.line(`${day}: ${rows} signals, ${added} of them were not in the history`);
      output.result({ market, days });
      end();
    });
  });
}

async function restoreToFile(
  path: string,
  wanted: readonly string[],
  { market, archive: archived }: Pick<Opened, 'market'> & { readonly archive: SignalArchive },
  missing: (day: string) => void,
  output: Output,
): Promise<void> {
  let rows = 0;
  const isFile = await writeOut(path, output, async (write) => {
    for (const day of wanted) {
      const before = rows;
      for await (const lines of archived.lines(market, day)) {
        rows += lines.length;
        write(lines.map((line) => `${line}\n`).join(''));
      }
      if (rows === before) missing(day);
    }
  });
  if (!isFile) return;
  output.line(`${rows} signals in ${path}`);
  output.result({ market, rows, out: path });
}

/**
 * Text into a file that appears when it is complete, or to standard output (`-`), which --json reserves for its
 * document.
 * @returns whether it is a file
 */
async function writeOut(
  path: string,
  output: Output,
  fill: (write: (text: string) => void) => Promise<void>,
): Promise<boolean> {
  if (path === '-' && output.json)
    throw new MinutehandError('USAGE', { seen: '--out - with --json', expected: 'a file' });
  const file = path === '-' ? null : openOutputFile(path);
  try {
    await fill((text) => void (file === null ? process.stdout.write(text) : file.write(text)));
    file?.close();
  } catch (error) {
    file?.discard();
    throw error;
  }
  return file !== null;
}

/** One after the other. */
/** A day that fails does not keep the days after it from being archived. */
async function archiveDays<Day>(
  days: readonly string[],
  archiveDay: (day: string) => Promise<Day>,
): Promise<{ readonly archived: Day[]; readonly pruned: []; readonly failures: MinutehandError[] }> {
  const done: Day[] = [];
  const failures: MinutehandError[] = [];
  for (const day of days) {
    try {
      done.push(await archiveDay(day));
    } catch (error) {
      if (!(error instanceof MinutehandError)) throw error;
      failures.push(error);
    }
  }
  return { archived: done, pruned: [], failures };
}

async function each<Item, Result>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const [index, item] of items.entries()) results.push(await work(item, index));
  return results;
}

function lineOf(row: SignalRow): string {
  const { generated_at_ms, bar_close, pair_id, action, reason, mode, target, z_score, return_prob, risk_score } = row;
  const number = (name: string, value: number | null): string => (value === null ? '' : `${name} ${value.toFixed(2)}`);
  const cells = [
    `${utcDay(generated_at_ms)} ${new Date(generated_at_ms).toISOString().slice(11, 23)}`,
    `closed ${shownMinute(bar_close)}`,
    pair_id.padEnd(13),
    action.padEnd(5),
    reason.padEnd(11),
    mode,
    `target ${target}`,
    number('z', z_score),
    number('return', return_prob),
    number('risk', risk_score),
    ...directionCells(row),
  ];
  return cells.filter((text) => text !== '').join('  ');
}

/** Probabilities of an instrument’s signal, which only its text has. */
function directionCells({ body }: SignalRow): string[] {
  if (body === null) return [];
  const { ml_up_prob, ml_down_prob, ml_range_prob } = JSON.parse(`${body}}`) as Partial<InstrumentBody>;
  if (ml_up_prob === undefined || ml_up_prob === null) return [];
  const names = { up: ml_up_prob, down: ml_down_prob, range: ml_range_prob };
  return Object.entries(names).map(([name, value]) => `${name} ${(value ?? NaN).toFixed(2)}`);
}

/** The columns and nothing else. */
function plain(row: SignalRow): object {
  return Object.fromEntries(COLUMNS.map((name) => [name, row[name]]));
}
