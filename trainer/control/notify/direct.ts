import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { Channel, SendFailure } from './channels/channel.ts';
import { EVENTS } from '../../store/schema/events.ts';
import type { AlertMessage } from './message.ts';
import type { Store } from '../../store/store.ts';
import { notify, type Notice, type OutboxScope } from './outbox.ts';

const TRIES = 3;
const PAUSE_MS = 2000;
const SEND_MS = 10_000;

export interface DirectResult {
  readonly channel: Channel['name'];
  /** null if accepted. */
  readonly failure: SendFailure | null;
}

/** Sends a notice at once on these channels, without store and trainer; each is tried three times. Never rejects. */
export function sendDirectly(
  channels: readonly Channel[],
  market: Market,
  notice: Notice,
  nowMs: number,
): Promise<readonly DirectResult[]> {
  const message = messageOf(market, notice, nowMs);
  return Promise.all(
    channels.map(async (channel) => {
      let failure: SendFailure | null = null;
      for (let attempt = 1; attempt <= TRIES; attempt++) {
        failure = await channel.send([message], AbortSignal.timeout(SEND_MS));
        if (failure === null || failure.isRefused || attempt === TRIES) break;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
      return { channel: channel.name, failure };
    }),
  );
}

/**
 * Records a directly sent notice in the outbox, so that the trainer retries failed channels and sends the resolution
 * everywhere.
 * @returns false if its alert was already open
 */
export function recordDirect(
  store: Store,
  scope: OutboxScope,
  notice: Notice,
  results: readonly DirectResult[],
): Promise<boolean> {
  const { nowMs } = scope;
  return store.transaction(async (tx) => {
    if (!(await notify(tx, scope, notice))) return false;
    const { newest } = await tx
      .selectFrom('core.alert_messages')
      .select(({ fn }) => fn.max('message_id').as('newest'))
      .executeTakeFirstOrThrow();
    const message_id = Number(newest);
    await tx
      .updateTable('core.alert_messages')
      .set({ routed_ms: nowMs })
      .where('message_id', '=', message_id)
      .execute();
    for (const { channel, failure } of results)
      await tx
        .insertInto('core.alert_deliveries')
        .values({
          message_id,
          channel,
          attempts: TRIES,
          due_ms: nowMs,
          created_ms: nowMs,
          ...(failure === null
            ? { status: 'sent' as const, sent_ms: nowMs, batch: `${nowMs}-${message_id}` }
            : { status: 'queued' as const, error: failure.reason }),
        })
        .execute();
    return true;
  });
}

function messageOf(market: Market, notice: Notice, nowMs: number): AlertMessage {
  const { key, event, subject, text, version = null, details = {}, isOnce = false, sinceMs = nowMs } = notice;
  const { severity = EVENTS[event].severity, command = EVENTS[event].command } = notice;
  return {
    message_id: 0,
    alert_id: 0,
    action: 'trigger',
    key,
    market,
    event,
    severity,
    subject,
    text,
    command,
    version,
    details,
    is_once: isOnce,
    opened_ms: sinceMs,
    created_ms: nowMs,
    acked_by: null,
    resolved_ms: null,
  };
}
