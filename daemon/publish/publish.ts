/** One pair's signal, ready to leave: `text` is the one-line JSON object, without a newline, checksum included. */
export interface Publication {
  readonly pairId: string;
  readonly text: string;
  /** The same in UTF-8, where it is there already. Never changed. */
  readonly bytes?: Buffer;
}

/**
 * One transport for signals. `publish` takes all signals of a loop turn, never throws, and never waits for an answer of
 * a network; failures are counted in `failures` and reported to the callbacks that the publisher was created with.
 *
 * The WebSocket and Redis publishers come first in the hot path and the file publisher a loop turn later: the sockets
 * are only flushed when the turn ends, and a synchronous write before that would delay every client.
 */
export interface Publisher<Name extends string = string> {
  readonly name: Name;
  /**
   * Number of attempts that failed since the start: files not written, batches Redis refused, messages that did not
   * leave.
   */
  readonly failures: number;
  /** Number of retries since the start, where there are any. */
  readonly retries?: number;
  /** At most so many signals in the first piece of a batch, one `publish` each; otherwise a batch comes whole. */
  readonly firstPiece?: number;
  publish(batch: readonly Publication[]): void;
  /** The lease is lost and ends in so many milliseconds: of a transport that keeps data, none may leave after that. */
  withdraw?(inMs: number): void;
  /** Lets go of sockets and timers. Publishing afterward does nothing. */
  close(): Promise<void>;
}
