import type { DaemonClient } from './daemon_client.ts';
import type { Exchange } from './exchange.ts';
import type { Outbox } from './outbox.ts';

export interface CollectorOptions {
  readonly exchange: Exchange;
  readonly daemon: DaemonClient;
  readonly symbols: readonly string[];
  readonly outbox: Outbox;
  /** Minutes of history that a daemon without bars gets. */
  readonly historyMinutes: number;
  /** Length of the bars into which liquidations are summed. */
  readonly liquidationBarMs: number;
  /** Interval between requests for funding and open interest. */
  readonly pollMs: number;
  /** Ends the collector. */
  readonly ending: AbortSignal;
  nowMs(): number;
  print(line: string): void;
}
