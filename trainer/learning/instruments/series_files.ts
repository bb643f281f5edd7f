import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { LATEST_TIME_S, type OpenTime } from '../../../shared/bar.ts';
import { readPlainBytes } from '../../../shared/bar_file/bar_file.ts';
import { parseDecimalText } from '../../../shared/bar_file/decimal.ts';
import { SERIES_NAMES, type SeriesName } from '../../../shared/core/series/series_names.ts';
import type { SeriesHistory } from '../../../shared/core/series/series_cursor.ts';
import { replaceDurably } from '../../../shared/durable_file.ts';
import { cellsOf, delimiterOf } from '../../../shared/csv/cells.ts';
import { epochSeconds, epochUnit, readStamp } from '../../../shared/csv/stamps.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { JournalStore } from '../../../shared/store/journal.ts';
import { parseObservation } from '../../../shared/store/observation.ts';

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
  const present = folder !== null && existsSync(folder) ? new Set(readdirSync(folder)) : new Set<string>();
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
  const lines = (await readPlainBytes(path)).toString('latin1').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const delimiter = delimiterOf(lines[0] ?? '');
  const header = cellsOf(lines[0] ?? '', delimiter) ?? [];
  const field = (name: string): number => {
    const at = header.indexOf(name);
    if (at < 0)
      throw new MinutehandError('DATA_FORMAT', {
        seen: `${path}: ${lines[0]!.slice(0, 120)}`,
        expected: `a column ${name}`,
        next: 'Name the columns of the file: `--value`, `--time`, and `--arrival` where it has one.',
      });
    return at;
  };
  const value = field(valueColumn);
  const event = field(timeColumn);
  const arrival = arrivalColumn === null ? -1 : field(arrivalColumn);
  const rows: Arrived[] = [];
  let empty = 0;
  let unit: ReturnType<typeof epochUnit> = 'seconds';
  lines.slice(1).forEach((line, i) => {
    const cells = cellsOf(line, delimiter) ?? [];
    if (cells[value] === '') return empty++;
    const at = secondsOf(cells[event] ?? '');
    const of = parseDecimalText(cells[value] ?? '');
    const known = arrival < 0 ? at + lagSeconds : secondsOf(cells[arrival] ?? '');
    if (!(at >= 0 && at < LATEST_TIME_S && Number.isFinite(of) && known >= at))
      throw new MinutehandError('DATA_FORMAT', {
        seen: `${path} line ${i + 2}: ${line.slice(0, 120)}`,
        expected: 'numbers, times of 1970 to 2100, and an arrival that is not before the event',
      });
    if (i === 0) unit = epochUnit(parseDecimalText(cells[event]!));
    rows.push({ event: at, arrival: known, value: of });
    return 0;
  });
  return { history: historyOf(rows), empty, ...(unit !== 'seconds' && { time_unit: unit }) };
}

/** Epoch seconds of a number in any unit, or of a date with its zone; NaN for other texts. */
function secondsOf(text: string): number {
  const count = parseDecimalText(text);
  if (!Number.isNaN(count)) return epochSeconds(count);
  const { seconds, isUtc } = readStamp(text, null);
  return isUtc ? seconds : NaN;
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
  const stored = existsSync(path) ? observationsOf(await readStored(path)) : [];
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
