import * as z from 'zod';
import { MinutehandError } from '../../shared/errors.ts';
import { ask as askByHttp } from '../../shared/outgoing.ts';
import type { Outgoing } from './outbox.ts';

const TIMEOUT_MS = 15_000;
const MAX_ANSWER_BYTES = 64 << 20;

const refusal = z.object({ index: z.int(), code: z.string(), message: z.string(), next: z.string() });
const report = z.object({
  boot_id: z.string(),
  accepted: z.int(),
  duplicates: z.int(),
  rejected: z.array(refusal),
  stored: z.boolean(),
});
const failure = z.object({ error: z.object({ code: z.string(), message: z.string(), next: z.string() }) });
const health = z.object({ boot_id: z.string(), market: z.string(), last_bars: z.record(z.string(), z.string()) });

export type DaemonReport = z.infer<typeof report>;

/** One minute as `POST /bars` takes it. */
export type WireMinute =
  | {
      symbol: string;
      time: number;
      open: number;
      high: number;
      low: number;
      close: number;
      volume: number;
      taker_buy_volume: number;
      trades: number;
    }
  | { symbol: string; time: number; empty: true };

/** A daemon that takes bars and series. */
export interface DaemonClient {
  /** Epoch ms of the open of the newest minute of each symbol. @throws MinutehandError COLLECT_DAEMON */
  lastBars(): Promise<ReadonlyMap<string, number>>;
  /** @throws MinutehandError COLLECT_DAEMON when it does not take any */
  bars(minutes: readonly WireMinute[], backfill: boolean): Promise<DaemonReport>;
  /** @throws MinutehandError COLLECT_DAEMON when it does not take any */
  series(observations: readonly Outgoing[]): Promise<DaemonReport>;
}

/**
 * @param addressNow of the daemon, whose port may change with each start
 * @param token for a daemon on another machine
 */
export function openDaemonClient(addressNow: () => string, token: string | undefined): DaemonClient {
  async function ask<Answer>(path: string, shape: z.ZodType<Answer>, body?: unknown): Promise<Answer> {
    const url = addressNow();
    let status = 0;
    let text = '';
    try {
      const answer = await askByHttp(new URL(path, url), {
        method: body === undefined ? 'GET' : 'POST',
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        withinMs: TIMEOUT_MS,
        maxBytes: MAX_ANSWER_BYTES,
        place: null,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      status = answer.status;
      text = answer.body.toString('utf8');
    } catch (cause) {
      const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
      throw new MinutehandError('COLLECT_DAEMON', { seen: `${url}: ${reason}`, cause });
    }
    const found = shape.safeParse(jsonOf(text));
    if (found.success) return found.data;
    const refused = failure.safeParse(jsonOf(text));
    const seen = refused.success ? `${refused.data.error.code}: ${refused.data.error.message}` : `status ${status}`;
    throw new MinutehandError('COLLECT_DAEMON', {
      seen: `${url}${path}: ${seen}`,
      ...(refused.success && { next: refused.data.error.next }),
    });
  }
  return {
    async lastBars() {
      const { last_bars } = await ask('/healthz', health);
      return new Map(Object.entries(last_bars).map(([symbol, time]) => [symbol, Date.parse(time)]));
    },
    bars: (minutes, backfill) => ask(backfill ? '/bars?backfill=1' : '/bars', report, minutes),
    series: (observations) => ask('/series', report, observations),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
