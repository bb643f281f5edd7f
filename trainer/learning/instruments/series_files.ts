import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { LATEST_TIME_S, type OpenTime } from '../../../shared/bar.ts';
import { readPlainBytes } from '../../../shared/bar_file/bar_file.ts';
import { createClockReader, type TimeZone } from '../../../shared/bar_file/time_zone.ts';
import { parseDecimalText } from '../../../shared/bar_file/decimal.ts';
import { SERIES_NAMES, type SeriesName } from '../../../shared/core/series/series_names.ts';
import type { SeriesHistory } from '../../../shared/core/series/series_cursor.ts';
import { replaceDurably } from '../../../shared/durable_file.ts';
import { cellsOf, delimiterOf } from '../../../shared/csv/cells.ts';
import { numberOf, styleOf, type NumberStyle } from '../../../shared/csv/numbers.ts';
import { dateOrderOf, epochSeconds, epochUnit, readStamp, type DateOrder } from '../../../shared/csv/stamps.ts';
import { decodedText } from '../../../shared/csv/text_encoding.ts';
import { cellText, openParquet, parquetCells, readableParquet } from '../../../shared/parquet_file.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES, isThere } from '../../../shared/files.ts';
import type { JournalStore } from '../../../shared/store/journal.ts';
import { parseObservation } from '../../../shared/store/observation.ts';

const PARQUET = Buffer.from('PAR1');
const HEADER = 'event_time,arrival_time,value';

export const NO_OBSERVATIONS: SeriesHistory = {
  length: 0,
  eventTime: new Float64Array(),
  arrivalTime: new Float64Array(),
  value: new Float64Array(),
};

/** An instrument without auxiliary series. */
export const NO_SERIES = Object.fromEntries(SERIES_NAMES.map((name) => [name, NO_OBSERVATIONS])) as Record<
  SeriesName,
  SeriesHistory
>;

/** How to read the columns of a file. */
export interface SeriesSource {
  readonly path: string;
  /** Header of the value column; and of event times: epoch numbers of any unit, or dates with their zone. */
  readonly valueColumn: string;
  readonly timeColumn: string;
  /** Header of the arrival-time column; null = event time + `lagSeconds`. */
  readonly arrivalColumn: string | null;
  readonly lagSeconds: number;
  /** The clock of dates that name no zone; absent: they are refused. */
  readonly zone?: TimeZone;
  /** Of dates such as 02/03/2027; absent: as they show it. */
  readonly dateOrder?: DateOrder;
  /** The mark before decimals; absent: as the values show it. */
  readonly decimal?: 'point' | 'comma';
}

export interface SeriesImport {
  readonly added: number;
  readonly duplicates: number;
  /** Observations with a different value for a known event time: both are kept, each from its arrival on. */
  readonly revisions: number;
  /** Empty cells. */
  readonly empty: number;
  /** Unit of the event times by their size; absent for seconds and dates. */
  readonly time_unit?: ReturnType<typeof epochUnit>;
}

function pathOf(folder: string, symbol: string, name: SeriesName): string {
  return pathInside(folder, `${symbol}.${name}.csv`);
}

/** Stored series of a symbol; those without a file are empty. @throws MinutehandError DATA_FORMAT */
export async function readSeriesFolder(
  folder: string | null,
  symbol: string,
): Promise<Readonly<Record<SeriesName, SeriesHistory>>> {
  const present = folder !== null && isThere(folder) ? new Set(readdirSync(folder)) : new Set<string>();
  const all = SERIES_NAMES.map(async (name): Promise<[SeriesName, SeriesHistory]> => [
    name,
    present.has(`${symbol}.${name}.csv`) ? await readStored(pathOf(folder!, symbol, name)) : NO_OBSERVATIONS,
  ]);
  return Object.fromEntries(await Promise.all(all)) as Record<SeriesName, SeriesHistory>;
}

/** @throws MinutehandError DATA_FORMAT */
function readStored(path: string): Promise<SeriesHistory> {
  return readSource({
    path,
    valueColumn: 'value',
    timeColumn: 'event_time',
    arrivalColumn: 'arrival_time',
    lagSeconds: 0,
  }).then(({ history }) => history);
}

interface SourceContent extends Pick<SeriesImport, 'empty' | 'time_unit'> {
  readonly history: SeriesHistory;
}

/**
 * Reads observations in order of arrival.
 * @throws MinutehandError DATA_FORMAT if a column is absent, a cell is not a number, a time is of no moment from 1970
 * to 2100 or names no zone, or a value arrived before its event
 */
export async function readSource(source: SeriesSource): Promise<SourceContent> {
  const { path, valueColumn, timeColumn, arrivalColumn, lagSeconds } = source;
  const { header, rows: table } = await tableOf(path);
  const field = (name: string): number => {
    const at = header.indexOf(name);
    if (at < 0)
      throw new MinutehandError('DATA_FORMAT', {
        seen: `${path}: ${header.join(',').slice(0, 120)}`,
        expected: `a column ${name}`,
        next: 'Name the columns of the file: `--value`, `--time`, and `--arrival` where it has one.',
      });
    return at;
  };
  const value = field(valueColumn);
  const event = field(timeColumn);
  const arrival = arrivalColumn === null ? -1 : field(arrivalColumn);
  const styled = styleFor(
    source,
    (function* () {
      for (const cells of table) yield cells[value] ?? '';
    })(),
  );
  const eventAt = stampReader(source, table, event);
  const arrivalAt = arrival < 0 ? null : stampReader(source, table, arrival);
  const rows: Arrived[] = [];
  let empty = 0;
  let unit: ReturnType<typeof epochUnit> = 'seconds';
  table.forEach((cells, i) => {
    if (cells[value] === '') return empty++;
    const at = eventAt(cells[event] ?? '');
    const of = numberOf(cells[value] ?? '', styled);
    const known = arrivalAt === null ? at + lagSeconds : arrivalAt(cells[arrival] ?? '');
    if (!(at >= 0 && at < LATEST_TIME_S && Number.isFinite(of) && known >= at))
      throw new MinutehandError('DATA_FORMAT', {
        seen: `${path} line ${i + 2}: ${cells.join(',').slice(0, 120)}`,
        expected: 'numbers, times of 1970 to 2100, and an arrival that is not before the event',
        ...(Number.isNaN(at) &&
          source.zone === undefined && { next: 'Where its dates name no zone, give --timezone.' }),
      });
    if (i === 0) unit = epochUnit(parseDecimalText(cells[event]!));
    rows.push({ event: at, arrival: known, value: of });
    return 0;
  });
  return { history: historyOf(rows), empty, ...(unit !== 'seconds' && { time_unit: unit }) };
}

interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The cells of a text in any usual encoding, plain or .gz, or of a Parquet file. */
async function tableOf(path: string): Promise<Table> {
  const bytes = await readPlainBytes(path);
  if (bytes.subarray(0, 4).equals(PARQUET)) return parquetTable(path);
  const lines = decodedText(bytes).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const delimiter = delimiterOf(lines[0] ?? '');
  const [header = [], ...rows] = lines.map((line) => cellsOf(line, delimiter) ?? []);
  return { header, rows };
}

/** @throws MinutehandError DATA_FORMAT */
async function parquetTable(path: string): Promise<Table> {
  const opened = await readableParquet(path, openParquet(path));
  const { columns } = opened;
  const read = await readableParquet(path, parquetCells(opened, 0, opened.rows));
  return {
    header: columns.map(({ name }) => name),
    rows: read.map((row) => row.map((cell, i) => String(cellText(cell, columns[i]!)))),
  };
}

/** @throws MinutehandError DATA_FORMAT where the values fit two ways of writing numbers */
function styleFor({ path, decimal }: SeriesSource, values: Iterable<string>): NumberStyle {
  if (decimal === 'comma') return { decimal: ',', thousands: '.' };
  if (decimal === 'point') return { decimal: '.', thousands: ',' };
  const verdict = styleOf(values);
  if (verdict.style !== null) return verdict.style;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path}: values such as ${verdict.example}`,
    expected: 'values that show whether the comma stands before decimals or between thousands',
    next: 'Give --decimal comma or --decimal point.',
  });
}

/**
 * Reads the cells of a column, in their order: a number of any unit since 1970, a date with its zone, or one on the
 * clock of the source; NaN for other texts.
 * @throws MinutehandError DATA_FORMAT where no date shows whether the day or the month comes first
 */
function stampReader(
  { path, zone, dateOrder }: SeriesSource,
  rows: Table['rows'],
  column: number,
): (text: string) => number {
  const shown = dateOrderOf(
    (function* () {
      for (const cells of rows) yield cells[column] ?? '';
    })(),
  );
  const order = shown ?? dateOrder ?? null;
  if (shown === null && order === null)
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path}: dates such as ${(rows[0]?.[column] ?? '').slice(0, 40)}`,
      expected: 'dates of which one shows whether the day or the month comes first',
      next: 'Give --date-order dmy (day first) or --date-order mdy (month first).',
    });
  if (shown !== null && shown !== undefined && dateOrder !== undefined && dateOrder !== shown)
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path}: dates that can only be ${shown}, and --date-order ${dateOrder}`,
      expected: `--date-order ${shown}`,
    });
  const clock = zone === undefined ? null : createClockReader(zone);
  return (text) => {
    const count = parseDecimalText(text);
    if (!Number.isNaN(count)) return epochSeconds(count);
    const { seconds, isUtc } = readStamp(text, order);
    return isUtc ? seconds : (clock?.toUtc(seconds) ?? NaN);
  };
}

/** One observation. Times are epoch seconds. */
export interface Arrived {
  readonly event: number;
  readonly arrival: number;
  readonly value: number;
}

/** Ordered by arrival, then event time. */
export function historyOf(rows: readonly Arrived[]): SeriesHistory {
  const sorted = [...rows].sort((a, b) => a.arrival - b.arrival || a.event - b.event);
  return {
    length: sorted.length,
    eventTime: Float64Array.from(sorted, ({ event }) => event),
    arrivalTime: Float64Array.from(sorted, ({ arrival }) => arrival),
    value: Float64Array.from(sorted, ({ value }) => value),
  };
}

function observationsOf({ length, eventTime, arrivalTime, value }: SeriesHistory): Arrived[] {
  return Array.from({ length }, (_, i) => ({ event: eventTime[i]!, arrival: arrivalTime[i]!, value: value[i]! }));
}

/**
 * Adds the observations of a file to a symbol's stored series. Existing ones are kept; a second value for an event time
 * is a revision with its own arrival.
 * @throws MinutehandError DATA_FORMAT as `readSource`, or if one event has two values with the same arrival time
 */
export async function importSeries(
  folder: string,
  symbol: string,
  name: SeriesName,
  source: SeriesSource,
): Promise<SeriesImport> {
  const { history, ...read } = await readSource(source);
  return { ...(await addObservations({ folder, symbol, name, of: source.path }, observationsOf(history))), ...read };
}

/** @param of origin of the observations, for errors */
async function addObservations(
  { folder, symbol, name, of }: { readonly folder: string; symbol: string; name: SeriesName; of: string },
  observations: readonly Arrived[],
): Promise<Omit<SeriesImport, 'empty' | 'time_unit'>> {
  const path = pathOf(folder, symbol, name);
  const stored = isThere(path) ? observationsOf(await readStored(path)) : [];
  const byKey = new Map(stored.map((own) => [`${own.event} ${own.arrival}`, own.value]));
  const events = new Map(stored.map((own) => [own.event, own.value]));
  let added = 0;
  let duplicates = 0;
  let revisions = 0;
  for (const own of observations) {
    const key = `${own.event} ${own.arrival}`;
    const known = byKey.get(key);
    if (known !== undefined && known !== own.value)
      throw new MinutehandError('DATA_FORMAT', {
        seen: `${of}: ${own.value} at event ${own.event}, arrival ${own.arrival}`,
        expected: `${known}, which is stored for the same times; a revision arrives later`,
      });
    if (known !== undefined) {
      duplicates++;
      continue;
    }
    if (events.has(own.event)) revisions++;
    events.set(own.event, own.value);
    byKey.set(key, own.value);
    stored.push(own);
    added++;
  }
  if (added > 0) writeStored(path, stored);
  return { added, duplicates, revisions };
}

function writeStored(path: string, observations: readonly Arrived[]): void {
  const all = observationsOf(historyOf(observations));
  MACHINE_FILES.makeFolder(dirname(path));
  const text = all.map(({ event, arrival, value }) => `${event},${arrival},${value}\n`).join('');
  replaceDurably(MACHINE_FILES, path, `${HEADER}\n${text}`);
}

/**
 * Adds a journal's auxiliary series to a folder for training, with the daemon's arrival times. Existing observations
 * count as duplicates.
 */
export async function archiveSeries(
  folder: string,
  journal: Pick<JournalStore, 'seriesBetween'>,
  of: string,
): Promise<{ readonly symbol: string; readonly name: SeriesName; readonly added: number }[]> {
  const bySeries = new Map<string, { symbol: string; name: SeriesName; observations: Arrived[] }>();
  for (const { subject } of journal.seriesBetween(0 as OpenTime, Number.MAX_SAFE_INTEGER as OpenTime)) {
    const { symbol, name, eventTime, arrivalTime, value } = parseObservation(subject);
    const key = `${symbol} ${name}`;
    const own = bySeries.get(key) ?? { symbol, name, observations: [] };
    bySeries.set(key, own);
    own.observations.push({ event: eventTime, arrival: arrivalTime, value });
  }
  const archived = [];
  for (const { symbol, name, observations } of bySeries.values()) {
    const { added } = await addObservations({ folder, symbol, name, of }, observations);
    archived.push({ symbol, name, added });
  }
  return archived;
}
