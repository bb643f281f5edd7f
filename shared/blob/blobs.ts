/** SHA-256 of the bytes, 64 hex digits. */
export type ContentHash = string;

/** A result that was kept under a key. */
export interface KeptResult {
  readonly hash: ContentHash;
  /** Who made it, for a report about two different ones, and for the trace of a training. */
  readonly maker: string;
  /** Wall time that it took; absent of results of earlier versions, and of steps in the middle of a task. */
  readonly seconds?: number;
}

/**
 * Bytes by their content, and results by the key of the task that made them. Several machines read and write: every
 * write is of a whole object, and what is read is compared with its name.
 */
export interface Blobs {
  /** Stores bytes; nothing is written where they are known. */
  put(bytes: Uint8Array): Promise<ContentHash>;
  /** @throws MinutehandError BLOB_MISSING, BLOB_DAMAGED */
  get(hash: ContentHash): Promise<Uint8Array>;
  has(hash: ContentHash): Promise<boolean>;
  /** null: no result of this key. */
  result(key: string): Promise<KeptResult | null>;
  /** Keeps the first result of a key. @returns the one that is kept, which may be another's */
  keep(key: string, result: KeptResult): Promise<KeptResult>;
  /** Removes files that were not read or written for `unusedMs`; a bucket has lifecycle rules. @returns how many */
  prune(unusedMs: number): Promise<number>;
}

/** Of a blob and of a result's key. */
const HASH = /^[0-9a-f]{64}$/;

/** A name from outside becomes part of a path only if it is a hash. @throws RangeError */
export function checkHash(hash: string): string {
  if (!HASH.test(hash)) throw new RangeError(`${JSON.stringify(hash)} is no SHA-256`);
  return hash;
}
