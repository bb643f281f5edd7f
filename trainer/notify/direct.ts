import type { Market } from '../../shared/bar_file/bar_sink.ts';
import type { Channel, SendFailure } from './channels/channel.ts';
import { EVENTS } from './events.ts';
import type { AlertMessage } from './message.ts';
import type { Notice } from './outbox.ts';

const TRIES = 3;
const PAUSE_MS = 2000;
const SEND_MS = 10_000;

export interface DirectResult {
  readonly channel: Channel['name'];
  /** null when it was taken. */
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

function messageOf(market: Market, notice: Notice, nowMs: number): AlertMessage {
  const { key, event, subject, text, version = null, details = {}, isOnce = false, sinceMs = nowMs } = notice;
  const { severity = EVENTS[event].severity, command = EVENTS[event].command } = notice;
  return {
    ...{ message_id: 0, alert_id: 0, action: 'trigger', key, market, event, severity, subject, text, command, version },
    ...{ details, is_once: isOnce, opened_ms: sinceMs, created_ms: nowMs, acked_by: null, resolved_ms: null },
  };
}
