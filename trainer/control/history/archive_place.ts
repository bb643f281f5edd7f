/**
 * Storage of archives: names with slashes, each with bytes. All errors are ARCHIVE_UNREACHABLE, ARCHIVE_REFUSED or
 * ARCHIVE_FULL.
 */
export interface ArchivePlace {
  /** Kind and address, without secrets: `LOCAL:machine:/srv/archive`, `S3:bucket/prefix`. */
  readonly id: string;
  /** null if there is no such name. */
  read(name: string): Promise<Buffer | null>;
  /** Atomically writes this name, replacing earlier content; durable once this resolves. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  close(): void;
}
