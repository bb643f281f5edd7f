import { createHash } from 'node:crypto';
import { sql, type Selectable } from 'kysely';
import { MinutehandError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports.ts';
import type { Store } from '../store/store.ts';
import type { SignalDaysTable } from '../store/tables.ts';
import {
  ARCHIVE_SCHEMA,
  checkFile,
  dataName,
  manifestName,
  manifestText,
  pack,
  parseManifest,
  partName,
  sha256Of,
  unpack,
  type Manifest,
  type Packed,
} from './archive_file.ts';
import type { ArchivePlace } from './archive_place.ts';
import { DAY_MS, dayStartMs } from './day.ts';
import { rowOfLine, signalLine, type SignalRow } from './signal_row.ts';
import type { SignalTables } from './signal_tables.ts';

export interface ArchivedDay {
  readonly market: string;
  readonly day: string;
  /** Every part of the day that the archive has now. */
  readonly parts: readonly Manifest[];
  /** The part that was written for it; null when the archive had all rows. */
  readonly written: Manifest | null;
}

/**
 * `ok`: every file is what its manifest says, and has every row that the history still has of the day. `missing`: a part that was written is not there. `damaged`: a file or a
 * manifest is another than was written. `open`: the history has rows that the archive does not have (yet).
 */
export type DayState = 'ok' | 'missing' | 'damaged' | 'open';

export interface VerifiedDay {
  readonly market: string;
  readonly day: string;
  readonly state: DayState;
  /** Rows in the archive, and of these or others in the history. */
  readonly archived: number;
  readonly stored: number;
  /** What is wrong; empty when nothing is. */
  readonly detail: string;
}

export interface RestoredDay {
  readonly day: string;
  /** Rows of the archive, and how many of them the history did not have. */
  readonly rows: number;
  readonly added: number;
}

/** Days of signals between the history and an archive. Of all who archive into one place, one does it at a time: see `alone`. */
export interface SignalArchive {
  /**
   * Writes what the archive does not have of a day yet: a file, or another part of it for rows that came later. Each part is read back, decompressed and held against the
   * rows before the day counts as archived.
   * @throws MinutehandError ARCHIVE_*; nothing is lost, and doing it again goes on
   */
  archive(market: string, day: string): Promise<ArchivedDay>;
  /**
   * Deletes the rows of a day from the history, when the archive holds every one of them as it is read now, and none has come meanwhile.
   * @returns how many were deleted; null when the archive lacks rows, and nothing was deleted
   */
  prune(market: string, day: string): Promise<number | null>;
  /** Holds the archive of a day against its manifests, the record of what was written, and the history. Damage is told, not thrown. */
  verify(market: string, day: string): Promise<VerifiedDay>;
  /**
   * Brings the rows of a day back into the history. They stay for `signals_history_days` from now on.
   * @returns null when the day was never archived here
   * @throws MinutehandError ARCHIVE_MISSING when what was written is gone, ARCHIVE_DAMAGED
   */
  restore(market: string, day: string): Promise<RestoredDay | null>;
  /** The lines of a day, part by part; none when it was never archived here. @throws MinutehandError as restore */
  lines(market: string, day: string): AsyncGenerator<readonly string[]>;
  /** Days that have rows which the archive lacks, oldest first, up to `lastDay`. */
  due(market: string, lastDay: string): Promise<readonly string[]>;
  /** Archived days before `day` that still have rows in the history; those that were brought back since `restoredSinceMs` are left alone. */
  prunable(market: string, day: string, restoredSinceMs: number): Promise<readonly string[]>;
}

interface Part {
  readonly manifest: Manifest;
  readonly bytes: Buffer;
}

const RESTORE_ROWS = 1000;

export function createArchive(store: Store, tables: SignalTables, place: ArchivePlace, clock: Clock): SignalArchive {
  const { db } = store;

  const dayRow = (market: string, day: string): Promise<Selectable<SignalDaysTable> | undefined> =>
    db
      .selectFrom('core.signal_days')
      .selectAll()
      .where('history_table', '=', tables.history)
      .where('market', '=', market)
      .where('day', '=', day)
      .executeTakeFirst();

  const ofDay = (market: string, day: string) => {
    const fromMs = dayStartMs(day);
    return { market, fromMs, toMs: fromMs + DAY_MS };
  };

  async function* storedLines(market: string, day: string): AsyncGenerator<readonly string[]> {
    for await (const rows of tables.pages(ofDay(market, day))) yield rows.map(signalLine);
  }

  /** @returns null when there is no such part; a file without a manifest is one whose writing was cut off */
  async function readPart(market: string, day: string, part: number): Promise<Part | null> {
    const name = partName(market, day, part);
    const text = await place.read(manifestName(name));
    if (text === null) return null;
    const manifest = parseManifest(text.toString('utf8'), manifestName(name), { market, day, part });
    const bytes = await place.read(dataName(name));
    if (bytes === null)
      throw new MinutehandError('ARCHIVE_DAMAGED', { seen: `${dataName(name)} is gone, its manifest is there` });
    await checkFile(bytes, manifest, dataName(name));
    return { manifest, bytes };
  }

  /** How many parts of a day were written into this place, as far as is recorded. */
  async function recordedParts(market: string, day: string): Promise<ReadonlyMap<number, string>> {
    const rows = await db
      .selectFrom('core.signal_archives')
      .select(['part', 'sha256'])
      .where('place', '=', place.id)
      .where('market', '=', market)
      .where('day', '=', day)
      .execute();
    return new Map(rows.map(({ part, sha256 }) => [part, sha256]));
  }

  /** All parts of a day, each checked. @throws MinutehandError ARCHIVE_MISSING when one that is recorded is not there, ARCHIVE_DAMAGED */
  async function readParts(market: string, day: string): Promise<Part[]> {
    const recorded = await recordedParts(market, day);
    const last = Math.max(0, ...recorded.keys());
    const parts: Part[] = [];
    for (let number = 1; ; number++) {
      const part = await readPart(market, day, number);
      if (part === null) {
        if (number > last) return parts;
        const seen = `${manifestName(partName(market, day, number))} of ${place.id} is not there`;
        throw new MinutehandError('ARCHIVE_MISSING', { seen, expected: `the part that was written, sha256 ${recorded.get(number)}` }); // prettier-ignore
      }
      const expected = recorded.get(number);
      if (expected !== undefined && expected !== part.manifest.sha256)
        throw new MinutehandError('ARCHIVE_DAMAGED', {
          seen: `${dataName(partName(market, day, number))} has sha256 ${part.manifest.sha256}`,
          expected: `${expected}, as was written`,
        });
      parts.push(part);
    }
  }

  /** Whether the archive has a line: compared by what the whole day hashes to where it can be, else line by line. */
  async function missingLines(parts: readonly Part[], market: string, day: string): Promise<LineTest> {
    const [only] = parts;
    if (only === undefined) return () => true;
    if (parts.length === 1) {
      const hash = createHash('sha256');
      for await (const lines of storedLines(market, day)) hash.update(`${lines.join('\n')}\n`);
      if (hash.digest('hex') === only.manifest.content_sha256) return () => false;
    }
    const known = new Set<string>();
    for (const { manifest, bytes } of parts)
      for await (const lines of unpack(bytes, manifest.file)) for (const line of lines) known.add(digestOf(line));
    return (line) => !known.has(digestOf(line));
  }

  async function* lacking(market: string, day: string, isMissing: LineTest): AsyncGenerator<readonly string[]> {
    for await (const lines of storedLines(market, day)) yield lines.filter(isMissing);
  }

  async function writePart(market: string, day: string, part: number, packed: Packed): Promise<Part> {
    const name = partName(market, day, part);
    const { bytes, rows, contentBytes, contentSha256, first, last } = packed;
    const manifest: Manifest = {
      schema: ARCHIVE_SCHEMA,
      market,
      day,
      part,
      file: dataName(name).slice(name.lastIndexOf('/') + 1),
      rows,
      bytes: bytes.length,
      sha256: sha256Of(bytes),
      content_bytes: contentBytes,
      content_sha256: contentSha256,
      first_ms: rowOfLine(first).generated_at_ms,
      last_ms: rowOfLine(last).generated_at_ms,
    };
    await place.write(dataName(name), bytes);
    // The manifest last: a file without one is not believed, and written again.
    await place.write(manifestName(name), Buffer.from(manifestText(manifest)));
    const back = await readPart(market, day, part);
    if (back === null || manifestText(back.manifest) !== manifestText(manifest))
      throw new MinutehandError('ARCHIVE_DAMAGED', { seen: `${name} reads back otherwise than it was written` });
    return back;
  }

  /** What is known of a day of which `parts` are all that the archive has. */
  async function settle(market: string, day: string, parts: readonly Part[], added: number): Promise<void> {
    await store.transaction(async (on) => {
      for (const { manifest } of parts) {
        const { part, rows, bytes, content_bytes, sha256 } = manifest;
        await on
          .insertInto('core.signal_archives')
          .values({
            place: place.id,
            market,
            day,
            part,
            rows,
            bytes,
            content_bytes,
            sha256,
            archived_ms: clock.nowMs(),
          })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
      }
      await on
        .updateTable('core.signal_days')
        .set({ archived: added })
        .where('history_table', '=', tables.history)
        .where('market', '=', market)
        .where('day', '=', day)
        .execute();
    });
  }

  async function* linesOf(market: string, day: string): AsyncGenerator<readonly string[]> {
    const parts = await readParts(market, day);
    for (const { manifest, bytes } of parts) yield* unpack(bytes, manifest.file);
  }

  return {
    async archive(market, day) {
      // Read before the rows are: what comes meanwhile counts as not archived.
      const added = (await dayRow(market, day))?.added ?? 0;
      const parts = await readParts(market, day);
      const packed = await pack(lacking(market, day, await missingLines(parts, market, day)));
      const written = packed.rows === 0 ? null : await writePart(market, day, parts.length + 1, packed);
      const all = written === null ? parts : [...parts, written];
      await settle(market, day, all, added);
      return { market, day, parts: all.map(({ manifest }) => manifest), written: written?.manifest ?? null };
    },

    async prune(market, day) {
      const before = await dayRow(market, day);
      const parts = await readParts(market, day);
      const isMissing = await missingLines(parts, market, day);
      for await (const lines of lacking(market, day, isMissing)) if (lines.length > 0) return null;
      return store.transaction(async (on) => {
        // Whoever adds rows to a day changes its row too, and waits here: rows that were not compared are never deleted.
        const locked = await on
          .updateTable('core.signal_days')
          .set({ pruned_ms: clock.nowMs(), restored_ms: null })
          .where('history_table', '=', tables.history)
          .where('market', '=', market)
          .where('day', '=', day)
          .where('added', '=', before?.added ?? -1)
          .returning('day')
          .execute();
        if (locked.length === 0) return null;
        const { fromMs, toMs } = ofDay(market, day);
        return tables.remove(on, market, fromMs, toMs);
      });
    },

    async verify(market, day) {
      const stored = await tables.count(ofDay(market, day));
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
        parts = await readParts(market, day);
      } catch (error) {
        if (!(error instanceof MinutehandError)) throw error;
        if (error.code === 'ARCHIVE_MISSING') return answer('missing', 0, error.message);
        if (error.code === 'ARCHIVE_DAMAGED') return answer('damaged', 0, error.message);
        throw error;
      }
      const archived = parts.reduce((sum, { manifest }) => sum + manifest.rows, 0);
      const isMissing = await missingLines(parts, market, day);
      let lacks = 0;
      for await (const lines of lacking(market, day, isMissing)) lacks += lines.length;
      return lacks === 0
        ? answer('ok', archived, '')
        : answer('open', archived, `${lacks} rows of the history are not in the archive yet`);
    },

    async restore(market, day) {
      let [rows, added] = [0, 0];
      const parts = await readParts(market, day);
      if (parts.length === 0) return null;
      // First, so that what a killed process has brought back is not left over for ever.
      const restored = { restored_ms: clock.nowMs(), pruned_ms: null };
      await db
        .insertInto('core.signal_days')
        .values({ history_table: tables.history, market, day, added: 0, archived: 0, ...restored })
        .onConflict((conflict) => conflict.columns(['history_table', 'market', 'day']).doUpdateSet(restored))
        .execute();
      const put = async (signals: readonly SignalRow[]): Promise<void> => {
        rows += signals.length;
        added += await store.transaction((on) => tables.add(on, signals));
      };
      for (const { manifest, bytes } of parts)
        for await (const lines of unpack(bytes, manifest.file))
          for (let first = 0; first < lines.length; first += RESTORE_ROWS)
            await put(lines.slice(first, first + RESTORE_ROWS).map(rowOfLine));
      await settle(market, day, parts, (await dayRow(market, day))!.archived);
      return { day, rows, added };
    },

    lines: linesOf,

    async due(market, lastDay) {
      const rows = await db
        .selectFrom('core.signal_days')
        .select('day')
        .where('history_table', '=', tables.history)
        .where('market', '=', market)
        .where('day', '<=', lastDay)
        .where(sql.ref('added'), '>', sql.ref('archived'))
        .orderBy('day')
        .execute();
      return rows.map(({ day }) => day);
    },

    async prunable(market, day, restoredSinceMs) {
      const rows = await db
        .selectFrom('core.signal_days')
        .select('day')
        .where('history_table', '=', tables.history)
        .where('market', '=', market)
        .where('day', '<', day)
        .where('pruned_ms', 'is', null)
        .where(sql.ref('added'), '=', sql.ref('archived'))
        .where((is) => is.or([is('restored_ms', 'is', null), is('restored_ms', '<', restoredSinceMs)]))
        .orderBy('day')
        .execute();
      return rows.map(({ day: one }) => one);
    },
  };
}

type LineTest = (line: string) => boolean;

/** As text of one byte a character: half a million of them are kept at a time. */
function digestOf(line: string): string {
  return createHash('sha256').update(line).digest('binary');
}
