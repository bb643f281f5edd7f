import type { LeaseRecord, LeaseRequest } from './lease.ts';

/** The row of one shard on a lease server. Each request is one atomic step there. */
export interface LeaseStore {
  /** @returns the row after the request. @throws when the server does not answer or refuses */
  exchange(request: LeaseRequest): Promise<LeaseRecord>;
  /** The clock of the server, epoch ms; absent where it has none. @throws as exchange */
  clockMs?(): Promise<number>;
  /**
   * The id of the server for all who use it; absent where it has none.
   * @param offered becomes the id when the server has none yet, or no longer
   * @throws as exchange
   */
  serverId?(offered: string): Promise<string>;
  /** Called when a connection has ended: what was seen before may be lost. */
  onLost(listener: () => void): void;
  /** Ends the connection; the next request opens another one. */
  reset(): void;
  close(): Promise<void>;
}

export interface LeaseAddress {
  readonly url: string;
  /** `<market>:<shard>` */
  readonly name: string;
  readonly holder: string;
  readonly timeoutMs: number;
}
