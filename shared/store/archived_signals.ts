import { basename } from 'node:path';
import * as z from 'zod';
import { replaceDurably } from '../durable_file.ts';
import type { FileSystem } from '../ports.ts';

/** All signals of a journal up to a row that were published before a time are in the archive. */
export interface ArchivedSignals {
  readonly signal_row: number;
  /** `signalFingerprint` of that row: another journal may have replaced this one. */
  readonly fingerprint: string;
  readonly published_before_ms: number;
}

const SCHEMA = 'minutehand.archived_signals/1';
const file = z.strictObject({
  schema: z.literal(SCHEMA),
  journals: z.record(
    z.string(),
    z.strictObject({ signal_row: z.int(), fingerprint: z.string(), published_before_ms: z.int() }),
  ),
});

/**
 * Archived part of a journal; null when unknown, or when the file cannot be read: then nothing counts as archived.
 */
export function readArchivedSignals(files: FileSystem, path: string, journal: string): ArchivedSignals | null {
  return readAll(files, path)[basename(journal)] ?? null;
}

/** Records the archived rows of some journals; the records of others stay. All or nothing. */
export function noteArchivedSignals(
  files: FileSystem,
  path: string,
  archived: ReadonlyMap<string, ArchivedSignals>,
): void {
  const journals = { ...readAll(files, path) };
  for (const [journal, signals] of archived) journals[basename(journal)] = signals;
  replaceDurably(files, path, `${JSON.stringify({ schema: SCHEMA, journals })}\n`);
}

function readAll(files: FileSystem, path: string): Readonly<Record<string, ArchivedSignals>> {
  try {
    return file.parse(JSON.parse(files.read(path).toString('utf8'))).journals;
  } catch {
    return {};
  }
}
