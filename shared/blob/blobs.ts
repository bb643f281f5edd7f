import * as z from 'zod';
import { errorLine } from '../error_line.ts';
import { describeError } from '../errors.ts';

/** SHA-256 of the bytes, 64 hex digits. */
export type ContentHash = string;

/** Of a blob and of a result's key. */
const HASH = /^[0-9a-f]{64}$/;

const keptResult = z.object({
  hash: z.string().regex(HASH),
  /** Who made it, for a report about two different ones, and for the trace of a training. */
  maker: z.string().max(300),
  /** Wall time that it took; absent of results of earlier versions, and of steps in the middle of a task. */
  seconds: z.number().min(0).optional(),
});
/** A result that was kept under a key. */
export type KeptResult = Readonly<z.infer<typeof keptResult>>;

/** A kept result as text; null: it is damaged, and counts as absent. */
export function parseKeptResult(text: string): KeptResult | null {
  try {
    return keptResult.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/**
 * Bytes by their content, and results by the key of the task that made them. Several machines read and write: every
 * write is of a whole object, and what is read is compared with its name.
 */
export interface Blobs {
  /** Stores bytes. What has their name already is read: other bytes are replaced by these. */
  put(bytes: Uint8Array): Promise<ContentHash>;
  /** @throws MinutehandError BLOB_MISSING, BLOB_DAMAGED */
  get(hash: ContentHash): Promise<Uint8Array>;
  has(hash: ContentHash): Promise<boolean>;
  /** null: no result of this key that can be read. */
  result(key: string): Promise<KeptResult | null>;
  /** Keeps the first result of a key; a damaged one is replaced. @returns the one that is kept, maybe another's */
  keep(key: string, result: KeptResult): Promise<KeptResult>;
  /** Removes the result of a key, such as one whose bytes are not what its task makes. Its bytes stay. */
  drop(key: string): Promise<void>;
  /** Removes files that were not read or written for `unusedMs`; a bucket has lifecycle rules. @returns how many */
  prune(unusedMs: number): Promise<number>;
}

/**
 * Drops a result that is damaged, and says so: the next one that is made is kept in its place, so that it fails no
 * training for good.
 * @param error that reading it met @throws any but BLOB_DAMAGED
 */
export async function dropDamaged(error: unknown, key: string, { maker }: KeptResult, blobs: Blobs): Promise<void> {
  const report = describeError(error);
  if (report.code !== 'BLOB_DAMAGED') throw error;
  process.stderr.write(`${errorLine(report)} Made by ${maker}; it is dropped and made again.\n`);
  await blobs.drop(key);
}

/** A name from outside becomes part of a path only if it is a hash. @throws RangeError */
export function checkHash(hash: string): string {
  if (!HASH.test(hash)) throw new RangeError(`${JSON.stringify(hash)} is no SHA-256`);
  return hash;
}
