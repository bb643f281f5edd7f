import { MinutehandError } from '../../shared/errors.ts';
import { MAX_REST_MS } from '../../shared/outgoing.ts';

const MINUTE_MS = 60_000;
/** Wait after a refusal for too many requests that states no time. */
const BUSY_MS = MINUTE_MS;
/** Wait after a refusal by region: it lasts. */
const REFUSED_MS = 10 * MINUTE_MS;
/** The clocks of both sides differ, and a request that is a moment early lengthens a ban. */
const MARGIN_MS = 1000;

/** The exchange has refused requests until a time; one before it lengthens the ban. */
export class ExchangeRest extends MinutehandError {
  /** Epoch ms. */
  readonly untilMs: number;
  /** It refuses what was asked, as of one symbol, and may answer the rest. */
  readonly isOfAsked: boolean;

  constructor(seen: string, { untilMs, next, isOfAsked }: Rest, cause?: unknown) {
    super('COLLECT_EXCHANGE', { seen, next, cause });
    this.untilMs = untilMs;
    this.isOfAsked = isOfAsked;
  }
}

interface Rest {
  /** Epoch ms. */
  readonly untilMs: number;
  /** The next step. */
  readonly next: string;
  /** Only what was asked is refused. */
  readonly isOfAsked: boolean;
}

/**
 * The message of an exchange, without the address that was asked, which is longer than what was answered; of an HTML
 * page that a proxy sent instead of it, the title alone.
 */
export function saidBy(text: string): string {
  const message = text.replace(/\b(?:GET|POST) https?:\S+\s*/, '');
  const page = /<(?:!doctype|html|head|body)\b/i.exec(message);
  if (page === null) return message.replace(/\s+/g, ' ').slice(0, 200);
  const title = /<title>([^<]{1,200})<\/title>/i.exec(message)?.[1]?.trim() ?? 'without a title';
  return `${message.slice(0, page.index).replace(/\s+/g, ' ').slice(0, 100)}a page: ${title.replace(/\s+/g, ' ').slice(0, 100)}`;
}

/**
 * The time until which an exchange refuses requests, by its refusal of one.
 * @param refusal name and text of ccxt's error, which has the status and the body of the answer
 * @param retryAfterMs by the answer's header; null: it has none
 * @returns null for a refusal that limits no later request
 */
export function restAfter(refusal: string, retryAfterMs: number | null, nowMs: number): Rest | null {
  const rest = (ms: number, next: (until: string) => string, isOfAsked = false): Rest => {
    const untilMs = nowMs + Math.min(Math.max(0, ms) + MARGIN_MS, MAX_REST_MS);
    return { untilMs, next: next(new Date(untilMs).toISOString()), isOfAsked };
  };
  const wait = (until: string): string => `It is asked again at ${until}. If this lasts, name fewer symbols.`;
  const banned = /banned until (\d{13})/.exec(refusal)?.[1];
  if (banned !== undefined) return rest(Number(banned) - nowMs, wait);
  if (/\b(451|403)\b|restricted location/i.test(refusal))
    return rest(
      REFUSED_MS,
      (until) =>
        `It is blocked in this region, or for this address: use an exchange that serves it. It is asked again at ${until}.`,
      true,
    );
  const maintenance = (until: string): string => `It is in maintenance, and is asked again at ${until}.`;
  if (retryAfterMs !== null && /\b503\b/.test(refusal)) return rest(retryAfterMs, maintenance);
  if (!/\b(418|429)\b|RateLimitExceeded|DDoSProtection/.test(refusal)) return null;
  return rest(retryAfterMs ?? BUSY_MS, wait);
}
