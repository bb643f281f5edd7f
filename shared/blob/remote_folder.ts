export interface RemoteFile {
  readonly name: string;
  readonly bytes: number;
}

/** A folder on another machine or in a bucket. Names have slashes; all errors are DELIVERY_*. */
export interface RemoteFolder {
  /** Regular files; none where there is no such folder. */
  list(folder: string): Promise<RemoteFile[]>;
  /** null if there is no such file. @throws MinutehandError DELIVERY_DAMAGED above `maxBytes` */
  read(name: string, maxBytes: number): Promise<Buffer | null>;
  /**
   * Writes a file that never changes, and reads it back. Nobody sees a part of it.
   * @throws MinutehandError DELIVERY_DAMAGED when the read-back differs
   */
  upload(name: string, bytes: Uint8Array): Promise<void>;
  /** Replaces a file: a reader sees the old or the new bytes. */
  replace(name: string, bytes: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}
