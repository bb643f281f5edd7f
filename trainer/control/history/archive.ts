import { MinutehandError } from '../../../shared/errors.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { Store } from '../../store/store.ts';
import { type Manifest, pack } from './archive_file.ts';
import { ArchiveIndex } from './archive_index.ts';
import { linesOf, type Part, readParts, writePart } from './archive_parts.ts';
import type { ArchivePlace } from './archive_place.ts';
import { DAY_MS, dayStartMs } from './day.ts';
import { rowOfLine, signalLine, type SignalRow } from './signal_row.ts';
import type { SignalTables } from './signal_tables.ts';
import { createHash } from 'node:crypto';

/** Lines of a day in the history, in pages; each call reads them again. */
type StoredLines = () => AsyncGenerator<readonly string[]>;

/** Lines of the history that are not in the archive, in pages. */
async function* missingLines(parts: readonly Part[], stored: StoredLines): AsyncGenerator<readonly string[]> {
  const isMissing = await lineTest(parts, stored);
  for await (const lines of stored()) yield lines.filter(isMissing);
}

/**
 * Returns a test of whether a line is not in the archive: by the hash of the whole day if possible, otherwise line by
 * line.
 */
async function lineTest(parts: readonly Part[], stored: StoredLines): Promise<(line: string) => boolean> {
  const [only] = parts;
  if (only === undefined) return () => true;
  if (parts.length === 1) {
    const hash = createHash('sha256');
    for await (const lines of stored()) hash.update(`${lines.join('\n')}\n`);
    if (hash.digest('hex') === only.manifest.content_sha256) return () => false;
  }
  const known = new Set<string>();
  for await (const lines of linesOf(parts)) for (const line of lines) known.add(digestOf(line));
  return (line) => !known.has(digestOf(line));
}

/** As a Latin-1 string, to save memory: half a million are kept at a time. */
function digestOf(line: string): string {
  return createHash('sha256').update(line).digest('binary');
}

export interface ArchivedDay {
  readonly market: string;
  readonly day: string;
  /** All parts of the day in the archive. */
  readonly parts: readonly Manifest[];
  /** The part written by this call; null if the archive already had all rows. */
  readonly written: Manifest | null;
}

/**
 * `ok`: every file matches its manifest, and has every row of the day that is still in the history. `missing`: a
 * written part does not exist. `damaged`: a file or manifest differs from what was written. `open`: the history has
 * rows that are not in the archive (yet).
 */
export type DayState = 'ok' | 'missing' | 'damaged' | 'open';

export interface VerifiedDay {
  readonly market: string;
  readonly day: string;
  readonly state: DayState;
  /** Rows in the archive; and rows in the history, which may be the same. */
  readonly archived: number;
  readonly stored: number;
  /** Description of the fault; empty without one. */
  readonly detail: string;
}

export interface RestoredDay {
  readonly day: string;
  /** Rows of the archive, and how many of them were not in the history. */
  readonly rows: number;
  readonly added: number;
}

/**
 * Moves days of signals between the history and an archive. Archiving into one place is exclusive: see `archiveAlone`.
 */
export interface SignalArchive {
  /**
   * Writes the rows of a day that are not archived yet: as a file, or as another part for rows that came later. Each
   * part is read back, decompressed and compared with the rows before the day counts as archived.
   * @throws MinutehandError ARCHIVE_*; nothing is lost, and a repeated call continues
   */
  archive(market: string, day: string): Promise<ArchivedDay>;
  /**
   * Deletes a day's rows from the history if the archive, read now, contains all of them and no row was added
   * meanwhile.
   * @returns number of deleted rows; null if the archive lacks rows, in which case nothing is deleted
   */
  prune(market: string, day: string): Promise<number | null>;
  /**
   * Compares the archived day with its manifests, the records of what was written, and the history. Returns damage
   * rather than throwing.
   */
  verify(market: string, day: string): Promise<VerifiedDay>;
  /**
   * Restores a day's rows into the history, for `signals_history_days` from now.
   * @returns null if the day was never archived here
   * @throws MinutehandError ARCHIVE_MISSING if a written part is gone, ARCHIVE_DAMAGED
   */
  restore(market: string, day: string): Promise<RestoredDay | null>;
  /** Lines of a day, part by part; none if it was never archived here. @throws MinutehandError as `restore` */
  lines(market: string, day: string): AsyncGenerator<readonly string[]>;
  /** Days with unarchived rows, oldest first, up to `lastDay`. */
  due(market: string, lastDay: string): Promise<readonly string[]>;
  /** Archived days before `day` with rows in the history, excluding those restored since `restoredSinceMs`. */
  prunable(market: string, day: string, restoredSinceMs: number): Promise<readonly string[]>;
}

const RESTORE_ROWS = 1000;

export function createArchive(store: Store, tables: SignalTables, place: ArchivePlace, clock: Clock): SignalArchive {
  return new PlacedArchive(store, tables, place, new ArchiveIndex(store, tables.history, place.id, clock));
}

class PlacedArchive implements SignalArchive {
  readonly #store: Store;
  readonly #tables: SignalTables;
  readonly #place: ArchivePlace;
  readonly #index: ArchiveIndex;

  constructor(store: Store, tables: SignalTables, place: ArchivePlace, index: ArchiveIndex) {
    this.#store = store;
    this.#tables = tables;
    this.#place = place;
    this.#index = index;
  }

  async archive(market: string, day: string): Promise<ArchivedDay> {
    // Read before the rows, so that rows added meanwhile count as not archived.
    const added = (await this.#index.day(market, day))?.added ?? 0;
    const parts = await this.#parts(market, day);
    const packed = await pack(this.#missing(parts, market, day));
    const number = parts.length + 1;
    const written = packed.rows === 0 ? null : await writePart(this.#place, market, day, number, packed);
    const manifests = [...parts, ...(written === null ? [] : [written])].map(({ manifest }) => manifest);
    await this.#index.record(market, day, manifests, added);
    return { market, day, parts: manifests, written: written?.manifest ?? null };
  }

  async prune(market: string, day: string): Promise<number | null> {
    const before = await this.#index.day(market, day);
    const parts = await this.#parts(market, day);
    for await (const lines of this.#missing(parts, market, day)) if (lines.length > 0) return null;
    return this.#store.transaction(async (on) => {
      // Adding rows to a day also changes its record and waits here, so rows that were not compared are never deleted.
      if (!(await this.#index.markPruned(on, market, day, before?.added ?? -1))) return null;
      const { fromMs, toMs } = ofDay(market, day);
      return this.#tables.remove(on, market, fromMs, toMs);
    });
  }

  async verify(market: string, day: string): Promise<VerifiedDay> {
    const stored = await this.#tables.count(ofDay(market, day));
    const answer = (state: DayState, archived: number, detail: string): VerifiedDay => ({
      market,
      day,
      state,
      archived,
      stored,
      detail,
    });
    let parts: Part[];
    try {
      parts = await this.#parts(market, day);
    } catch (error) {
      if (!(error instanceof MinutehandError)) throw error;
      if (error.code === 'ARCHIVE_MISSING') return answer('missing', 0, error.message);
      if (error.code === 'ARCHIVE_DAMAGED') return answer('damaged', 0, error.message);
      throw error;
    }
    const archived = parts.reduce((sum, { manifest }) => sum + manifest.rows, 0);
    let lacks = 0;
    for await (const lines of this.#missing(parts, market, day)) lacks += lines.length;
    return lacks === 0
      ? answer('ok', archived, '')
      : answer('open', archived, `${lacks} rows of the history are not in the archive yet`);
  }

  async restore(market: string, day: string): Promise<RestoredDay | null> {
    let rows = 0;
    let added = 0;
    const parts = await this.#parts(market, day);
    if (parts.length === 0) return null;
    // Marked first, so that rows restored by a killed process do not stay forever.
    await this.#index.markRestored(market, day);
    const put = async (signals: readonly SignalRow[]): Promise<void> => {
      rows += signals.length;
      added += await this.#store.transaction((on) => this.#tables.add(on, signals));
    };
    for await (const lines of linesOf(parts))
      for (let first = 0; first < lines.length; first += RESTORE_ROWS)
        await put(lines.slice(first, first + RESTORE_ROWS).map(rowOfLine));
    const { archived } = (await this.#index.day(market, day))!;
    const manifests = parts.map(({ manifest }) => manifest);
    await this.#index.record(market, day, manifests, archived);
    return { day, rows, added };
  }

  async *lines(market: string, day: string): AsyncGenerator<readonly string[]> {
    yield* linesOf(await this.#parts(market, day));
  }

  due(market: string, lastDay: string): Promise<readonly string[]> {
    return this.#index.due(market, lastDay);
  }

  prunable(market: string, day: string, restoredSinceMs: number): Promise<readonly string[]> {
    return this.#index.prunable(market, day, restoredSinceMs);
  }

  async #parts(market: string, day: string): Promise<Part[]> {
    return readParts(this.#place, market, day, await this.#index.parts(market, day));
  }

  /** Rows of a day in the history that are not in these parts. */
  #missing(parts: readonly Part[], market: string, day: string): AsyncGenerator<readonly string[]> {
    return missingLines(parts, () => this.#stored(market, day));
  }

  async *#stored(market: string, day: string): AsyncGenerator<readonly string[]> {
    for await (const rows of this.#tables.pages(ofDay(market, day))) yield rows.map(signalLine);
  }
}

function ofDay(
  market: string,
  day: string,
): { readonly market: string; readonly fromMs: number; readonly toMs: number } {
  const fromMs = dayStartMs(day);
  return { market, fromMs, toMs: fromMs + DAY_MS };
}
