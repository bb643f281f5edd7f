/**
 * Storage of archives: names with slashes, each with bytes. All errors are ARCHIVE_UNREACHABLE, ARCHIVE_REFUSED or
 * ARCHIVE_FULL.
 */
export interface ArchivePlace {
  /** Kind and address, without secrets: `LOCAL:machine:/srv/archive`, `S3:bucket/prefix`. */
  readonly id: string;
  /** null when there is none of this name. */
  read(name: string): Promise<Buffer | null>;
  /**
   * Writes all of it under this name, replacing earlier content, or nothing; it survives a power cut when this
   * resolves.
   */
  write(name: string, bytes: Uint8Array): Promise<void>;
  close(): void;
}
