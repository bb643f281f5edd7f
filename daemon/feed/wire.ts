import { SECONDS_PER_BAR, type Bar, type OpenTime } from '../../shared/bar.ts';
import { MinutehandError } from '../../shared/errors.ts';

/** A minute of a symbol as it came in: a bar, or the word that there was no trade. */
export type WireMinute =
  | { readonly kind: 'bar'; readonly bar: Bar }
  | { readonly kind: 'empty'; readonly symbol: string; readonly time: OpenTime };

const MS_PER_BAR = SECONDS_PER_BAR * 1000;
/** Epoch seconds of any date since 1973 look like this as milliseconds: a day early in 1970. */
const LATEST_MISTAKEN_SECONDS = 20_000_000_000;

/**
 * JSON of one message. Bare NaN and Infinity, which many JSON writers let out, become null, so that only the bar
 * that has them is refused and not the whole message.
 * @throws MinutehandError BODY_NOT_JSON
 */
export function parseMessage(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (first) {
    try {
      return JSON.parse(text.replace(/-?\b(?:NaN|Infinity)\b/g, 'null'));
    } catch {
      const seen = first instanceof Error ? first.message : String(first);
      throw new MinutehandError('BODY_NOT_JSON', { seen: seen.slice(0, 200), cause: first });
    }
  }
}

/**
 * Checks one minute from outside and never guesses.
 * @param latestOpenMs the newest bar open that can have closed; a later bar is from the future
 * @throws MinutehandError BAR_MALFORMED, BAR_NOT_FINITE, BAR_NOT_POSITIVE, BAR_RANGE, BAR_OFF_MINUTE, BAR_FUTURE
 */
export function parseWireMinute(value: unknown, latestOpenMs: number): WireMinute {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MinutehandError('BAR_MALFORMED', {
      seen: JSON.stringify(value)?.slice(0, 80) ?? String(value),
      expected: 'an object',
    });
  }
  const fields = value as Record<string, unknown>;
  const { symbol } = fields;
  if (typeof symbol !== 'string' || symbol === '')
    throw new MinutehandError('BAR_MALFORMED', { seen: `symbol ${JSON.stringify(symbol)}`, expected: 'a name' });
  const time = parseTime(fields['time'], latestOpenMs);
  if (fields['empty'] === true) return { kind: 'empty', symbol, time };
  const [open, high, low, close] = ['open', 'high', 'low', 'close'].map((name) => price(fields, name)) as [
    number,
    number,
    number,
    number,
  ];
  const volume = notNegative(fields, 'volume');
  const spread =
    fields['spread'] === undefined || fields['spread'] === null ? undefined : notNegative(fields, 'spread');
  if (high < Math.max(open, close, low) || low > Math.min(open, close)) {
    throw new MinutehandError('BAR_RANGE', {
      seen: `open ${open}, high ${high}, low ${low}, close ${close}`,
      expected: 'low <= open, close <= high',
    });
  }
  return {
    kind: 'bar',
    bar: { symbol, time, open, high, low, close, volume, ...(spread === undefined ? {} : { spread }) },
  };
}

function parseTime(value: unknown, latestOpenMs: number): OpenTime {
  const ms = typeof value === 'string' ? Date.parse(value) : value;
  if (typeof ms !== 'number' || !Number.isFinite(ms)) {
    throw new MinutehandError('BAR_MALFORMED', {
      seen: `time ${JSON.stringify(value)}`,
      expected: 'ISO 8601 with a zone, or epoch milliseconds',
    });
  }
  if (typeof value === 'string' && !/(?:Z|[+-]\d{2}:?\d{2})$/.test(value)) {
    throw new MinutehandError('BAR_MALFORMED', {
      seen: `time "${value}" without a zone`,
      expected: 'ISO 8601 in UTC, ending in Z',
    });
  }
  if (ms % MS_PER_BAR !== 0 || ms < 0) {
    const looksLikeSeconds =
      typeof value === 'number' && value % SECONDS_PER_BAR === 0 && value < LATEST_MISTAKEN_SECONDS;
    throw new MinutehandError('BAR_OFF_MINUTE', {
      seen: `time ${JSON.stringify(value)}`,
      ...(looksLikeSeconds ? { next: 'This looks like epoch seconds: multiply by 1000.' } : {}),
    });
  }
  if (ms > latestOpenMs) {
    throw new MinutehandError('BAR_FUTURE', {
      seen: `a bar that opens at ${new Date(ms).toISOString()}`,
      expected: `at most ${new Date(latestOpenMs).toISOString()}`,
    });
  }
  return (ms / 1000) as OpenTime;
}

function finite(fields: Record<string, unknown>, name: string): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (value === undefined)
    throw new MinutehandError('BAR_MALFORMED', { seen: `no ${name}`, expected: 'open, high, low, close and volume' });
  throw new MinutehandError('BAR_NOT_FINITE', {
    seen: `${name} ${JSON.stringify(value)}`,
    expected: 'a finite number',
  });
}

function price(fields: Record<string, unknown>, name: string): number {
  const value = finite(fields, name);
  if (value <= 0) throw new MinutehandError('BAR_NOT_POSITIVE', { seen: `${name} ${value}` });
  return value;
}

function notNegative(fields: Record<string, unknown>, name: string): number {
  const value = finite(fields, name);
  if (value < 0) throw new MinutehandError('BAR_NOT_POSITIVE', { seen: `${name} ${value}` });
  return value;
}

/** The newest bar open whose bar can have closed at `nowMs`, allowing for a source whose clock is `skewMs` ahead. */
export function latestClosedOpenMs(nowMs: number, skewMs: number): number {
  return nowMs + skewMs - MS_PER_BAR;
}
