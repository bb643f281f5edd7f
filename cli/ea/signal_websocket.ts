import { WebSocket } from 'ws';
import { jsonOrNull } from '../../shared/json_or_null.ts';
import type { OnText, SignalSource } from './signal_source.ts';

const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 5000;
/** The daemon pings a silent client; without any sign of it for so long the connection is dead. */
const SILENCE_MS = 180_000;

/** What the daemon says of the request itself; null: the message is a signal. */
export function errorIn(text: string): string | null {
  if (!text.startsWith('{"error":')) return null;
  const { error } = (jsonOrNull(text) as { error?: { code: string; message: string; next: string } } | null) ?? {};
  return error === undefined ? null : `${error.code}: ${error.message} ${error.next}`;
}

/** Follows `/signals` of a daemon and connects again for ever. @param url `ws://127.0.0.1:7400/signals?pairs=…` */
export function followWebSocket(url: string, receive: OnText): SignalSource {
  let socket: WebSocket | null = null;
  let retryMs = FIRST_RETRY_MS;
  let timer: NodeJS.Timeout | undefined;
  let silence: NodeJS.Timeout | undefined;
  let stopped = false;
  let state = `connecting to ${url}`;

  function alive(): void {
    clearTimeout(silence);
    silence = setTimeout(() => socket?.terminate(), SILENCE_MS);
  }

  function connect(): void {
    const opened = (socket = new WebSocket(url));
    alive();
    opened.on('open', () => {
      retryMs = FIRST_RETRY_MS;
      state = `connected to ${url}`;
      alive();
    });
    opened.on('ping', alive);
    opened.on('message', (data: Buffer) => {
      alive();
      const text = data.toString();
      const error = errorIn(text);
      if (error === null) receive(text);
      else state = `${url}: ${error}`;
    });
    opened.on('error', (error) => (state = `${url}: ${error.message}`));
    opened.on('close', () => {
      clearTimeout(silence);
      if (stopped) return;
      if (state.startsWith('connected')) state = `${url}: the connection was closed`;
      timer = setTimeout(connect, retryMs);
      retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
    });
  }

  connect();
  return {
    state: () => state,
    stop() {
      stopped = true;
      clearTimeout(timer);
      clearTimeout(silence);
      // Ending a connection that is not yet open emits an error.
      socket?.on('error', () => undefined).terminate();
      return Promise.resolve();
    },
  };
}
