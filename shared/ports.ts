import type { EpochMs } from './bar.ts';

/** Source of time. Live: the machine; in a simulation: the seed. */
export interface Clock {
  nowMs(): EpochMs;
  /** Monotonic microseconds, for durations only. */
  monotonicUs(): number;
}

/** Schedules work. Live: Node's event loop; in a simulation: the seed's. */
export interface Scheduler {
  /** Runs `work` when everything that arrived in this loop turn is there, and sockets have been flushed. */
  afterTurn(work: () => void): void;
  /** Runs `work` once. @returns a function that cancels it */
  after(ms: number, work: () => void): () => void;
  /** Runs `work` repeatedly. @returns a function that ends it */
  every(ms: number, work: () => void): () => void;
}

/** A seeded source of randomness. Same seed, same numbers, on every machine. */
export interface Rng {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
}

export interface FileEntry {
  readonly name: string;
  readonly isFolder: boolean;
}

export interface FileStat {
  /** Another file at the same path has another one. */
  readonly inode: number;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** Limits on reading a file; beyond them it is refused. */
export interface ReadLimits {
  readonly maxBytes: number;
  /** false: the path must not end in a symbolic link. */
  readonly followsLinks: boolean;
}

/**
 * Files, synchronously. Every call but `stat`, `list` and `remove` may throw an Error with a `code` (ENOENT, ENOSPC,
 * EACCES …). What was written survives a kill of the process at once, a power cut only after `sync`.
 */
export interface FileSystem {
  /**
   * Reads a regular file, and never waits for anything else, such as the writer of a pipe: codes EFTYPE, and with
   * `limits` EFBIG and ELOOP.
   */
  read(path: string, limits?: ReadLimits): Buffer;
  /** Creates a file; one of this name, or a link, is replaced and never written through. The folder must exist. */
  write(path: string, data: string | Uint8Array): void;
  /** Makes the content of a file, or the names in a folder, survive a power cut. */
  sync(path: string): void;
  /** Replaces `to` in one step. */
  rename(from: string, to: string): void;
  /** Makes the folder and those above it, where they are absent. */
  makeFolder(path: string): void;
  /** Removes a file, or a folder with all in it. Absent is fine; what cannot be removed stays. */
  remove(path: string): void;
  /** Contents of a folder; empty when it is absent or cannot be read. */
  list(path: string): readonly FileEntry[];
  /** null when there is nothing. */
  stat(path: string): FileStat | null;
}

/** One batch of signals for Redis: the port of `daemon/publish/redis.ts`. */
export interface BusMessage {
  readonly pairId: string;
  readonly text: string;
  /** The same in UTF-8, where it is there already. */
  readonly bytes?: Uint8Array;
}

/** Where Redis has a signal, as bits. */
export const SIGNAL_PARTS = { key: 1, pairChannel: 2, stream: 4, channel: 8 } as const;
/** Nothing is known to be there. */
export const ALL_PARTS = 15;

/** The part of a batch that Redis refused. */
export interface BusRefusal {
  /**
   * Of the first command that was refused, in the words of Redis: memory full, no permission, a key of another type …
   */
  readonly words: string;
  /** Signals of which at least one command was refused. */
  readonly signals: number;
  /** Of each signal of the batch: the parts that Redis lacks, a sum of SIGNAL_PARTS; 0 = taken. */
  readonly lacking: readonly number[];
}

/** A signal that Redis may lack. */
export interface ResentMessage extends BusMessage {
  /** A sum of SIGNAL_PARTS. */
  readonly lacking: number;
}

/** A connection to Redis that mends itself. Nothing is queued while it is down. */
export interface Bus {
  /** Whether a batch that is sent now is transmitted at once. */
  readonly ready: boolean;
  /** Another installation that publishes there, so that this one does not; null or absent = none. */
  readonly takenBy?: string | null;
  /**
   * Sends one batch at once. Resolves to null when all of it was taken, or to what was refused; rejects when the
   * connection ended before the answer, so that the outcome is unknown.
   */
  send(batch: readonly BusMessage[]): Promise<BusRefusal | null>;
  /**
   * Sends the parts that signals lack. A signal that was to lack its key, but is that key, is left as it is: an answer
   * was lost.
   */
  resend(messages: readonly ResentMessage[]): Promise<BusRefusal | null>;
  /** Discards unsent data and reconnects. */
  reset(): void;
  /** The listener receives the state, once it is known, and every change: up, or down with the reason. */
  onState(listener: (state: 'up' | 'down', detail: string) => void): void;
  close(): Promise<void>;
}
