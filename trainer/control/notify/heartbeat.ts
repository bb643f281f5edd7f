import type { Logger } from 'pino';
import { ask } from '../../../shared/outgoing.ts';
import { httpUrl } from './channels/channel_kind.ts';
import { reasonOf } from './channels/http_post.ts';

const EVERY_MS = 60_000;
const ANSWER_MS = 10_000;

export interface HeartbeatOptions {
  /** `MINUTEHAND_HEARTBEAT_URL`; the whole address is a secret. */
  readonly address: string | undefined;
  readonly log: Logger;
  isWell(): boolean;
  print(line: string): void;
  /** Default: a minute. */
  readonly everyMs?: number;
}

/**
 * Dead-man's switch: requests an address every minute while everything is healthy, so that an external service alerts
 * on silence.
 * @returns a function that stops it
 */
export function startHeartbeat({ address, log, isWell, print, everyMs = EVERY_MS }: HeartbeatOptions): () => void {
  if (address === undefined || address === '') return () => undefined;
  const url = httpUrl(address);
  if (url === null) {
    print('MINUTEHAND_HEARTBEAT_URL is not an http:// or https:// URL: no heartbeat is sent.');
    return () => undefined;
  }
  let failure = '';
  const beat = async (): Promise<void> => {
    if (!isWell()) return;
    try {
      const { ok, status } = await ask(url, { withinMs: ANSWER_MS });
      told(ok ? '' : `status ${status}`);
    } catch (error) {
      told(reasonOf(error));
    }
  };
  /** Logged once until the reason changes. */
  const told = (reason: string): void => {
    if (reason !== '' && reason !== failure) log.warn({ host: url.host, reason }, 'the heartbeat failed');
    failure = reason;
  };
  const timer = setInterval(() => void beat(), everyMs);
  // The first one follows the first checks.
  const first = setTimeout(() => void beat(), everyMs / 4);
  timer.unref();
  first.unref();
  return () => {
    clearInterval(timer);
    clearTimeout(first);
  };
}
