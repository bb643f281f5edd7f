/** Waits that servers ask for count to the longest ban that an exchange gives; one of years is a broken clock. */
export const MAX_REST_MS = 3 * 86_400_000;
/** Statuses whose `Retry-After` is an order: a ban, too many requests, maintenance. */
const RESTING_STATUSES: readonly number[] = [418, 429, 503];
const DEFAULT_MAX_BYTES = 1 << 20;
/** Of the answer that is no success. */
const MAX_ERROR_BYTES = 64 << 10;
/** Between two parts of an answer. */
const SILENCE_MS = 30_000;

export interface Asking extends Omit<RequestInit, 'signal'> {
  /** Longest time from the request to the end of the answer. */
  readonly withinMs: number;
  /** Ends it earlier. */
  readonly signal?: AbortSignal;
  /** Of the answer; more is an AnswerTooLarge. Default: 1 MiB. */
  readonly maxBytes?: number;
  /**
   * What a wait of the server concerns: no request of the same place is sent before it is over. Default: server and
   * path. null: nothing, for programs of ours, and where the caller keeps a time for each recipient.
   */
  readonly place?: string | null;
}

/** An answer whose body has been read. */
export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /** Of an answer that is no success, its first 64 KiB. */
  readonly body: Buffer;
  /** The wait that the server asks for, by its header; null without one. */
  readonly retryAfterMs: number | null;
}

/** The server has asked for no request until a time: none was sent. */
export class ServerRests extends Error {
  readonly code = 'SERVER_RESTS';
  /** Epoch ms. */
  readonly untilMs: number;

  constructor(host: string, untilMs: number) {
    super(`${host} asks for no request before ${new Date(untilMs).toISOString()}`);
    this.untilMs = untilMs;
  }
}

export class AnswerTooLarge extends Error {
  constructor(bytes: number, maxBytes: number) {
    super(`${bytes} bytes, expected at most ${maxBytes}`);
  }
}

/** Epoch ms until which a place is not asked. */
const rests = new Map<string, number>();

/**
 * The one way to another program by HTTP (lint forbids others): through the proxy of the environment
 * (http/outgoing_proxy.ts), within a time, with a bounded answer, and never while the server asks for patience.
 * @throws ServerRests, AnswerTooLarge; without an answer what `fetch` throws
 */
export async function ask(url: string | URL, asking: Asking): Promise<Answer> {
  const { withinMs, signal, maxBytes = DEFAULT_MAX_BYTES, place: own, ...init } = asking;
  const { host, origin, pathname } = new URL(url);
  const place = own === undefined ? `${origin}${pathname}` : own;
  const untilMs = place === null ? 0 : (rests.get(place) ?? 0);
  if (untilMs > Date.now()) throw new ServerRests(host, untilMs);
  const silence = new AbortController();
  const signals = [silence.signal, AbortSignal.timeout(withinMs), ...(signal === undefined ? [] : [signal])];
  const response = await fetch(url, { ...init, signal: AbortSignal.any(signals) });
  const { ok, status, statusText, headers } = response;
  const wait = retryAfterMs(headers.get('retry-after'), Date.now());
  if (place !== null && wait !== null && RESTING_STATUSES.includes(status)) rest(place, Date.now() + wait);
  const body = await bodyOf(response, ok ? maxBytes : MAX_ERROR_BYTES, silence);
  return { ok, status, statusText, headers, body, retryAfterMs: wait };
}

/** @returns the JSON of an answer; null when it is none */
export function jsonOf({ body }: Answer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

function rest(place: string, untilMs: number): void {
  const nowMs = Date.now();
  for (const [known, knownUntilMs] of rests) if (knownUntilMs <= nowMs) rests.delete(known);
  rests.set(place, Math.max(untilMs, rests.get(place) ?? 0));
}

/** Seconds or a date (RFC 9110, 10.2.3), three days at most; null when there is none or it cannot be read. */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null || header.trim() === '') return null;
  const seconds = Number(header);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(Math.max(0, ms), MAX_REST_MS);
}

/** @throws AnswerTooLarge where more counts as a failure; else the rest is left */
async function bodyOf(response: Response, maxBytes: number, silence: AbortController): Promise<Buffer> {
  const reader = response.body?.getReader();
  if (reader === undefined) return Buffer.alloc(0);
  const announced = Number(response.headers.get('content-length') ?? 0);
  const parts: Uint8Array[] = [];
  let bytes = response.ok && announced > maxBytes ? announced : 0;
  const quiet = setTimeout(() => silence.abort(new DOMException('the answer stopped', 'TimeoutError')), SILENCE_MS);
  try {
    while (bytes <= maxBytes) {
      const { done, value } = await reader.read();
      if (done) return Buffer.concat(parts);
      quiet.refresh();
      parts.push(value);
      bytes += value.length;
    }
  } finally {
    clearTimeout(quiet);
  }
  await reader.cancel();
  if (!response.ok) return Buffer.concat(parts).subarray(0, maxBytes);
  throw new AnswerTooLarge(bytes, maxBytes);
}
