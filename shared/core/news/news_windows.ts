import type { Pair } from '../../pair.ts';
import { newsCurrencies } from './news_currencies.ts';
import { isAtLeast, type Importance, type NewsEvent } from './news_event.ts';

/** Ascending, disjoint spans of time: begin, end, begin, end …, epoch seconds, the ends excluded. */
export type Spans = Float64Array;

/** Which events stop entries, and for how long. */
export interface NewsPolicy {
  /** Events of at least this importance. */
  readonly importance: Importance;
  readonly secondsBefore: number;
  readonly secondsAfter: number;
  /** Whether open positions are closed as well. */
  readonly closes: boolean;
  /** By currency, of the events that are known; absent without a calendar. A daemon has them from its journal. */
  readonly spans?: Readonly<Record<string, Spans>>;
}

/** Where the news keep one subject from entering. */
export interface NewsWindows {
  readonly spans: Spans;
  readonly closes: boolean;
}

/**
 * The spans around the events, by currency: from `secondsBefore` an event, but not before it was known, up to
 * `secondsAfter` it, or to when it was called off.
 */
export function newsSpans(
  { importance, secondsBefore, secondsAfter }: Omit<NewsPolicy, 'spans'>,
  events: readonly NewsEvent[],
): Record<string, Spans> {
  const found = new Map<string, [number, number][]>();
  for (const event of events) {
    if (!isAtLeast(event.importance, importance)) continue;
    const begin = Math.max(event.time - secondsBefore, event.knownFrom);
    const end = Math.min(event.time + secondsAfter, event.knownUntil ?? Infinity);
    if (!(begin < end)) continue;
    const own = found.get(event.currency) ?? [];
    own.push([begin, end]);
    found.set(event.currency, own);
  }
  return Object.fromEntries([...found].map(([currency, own]) => [currency, joined(own)]));
}

/** The policy with the spans around these events. */
export function withCalendar(policy: NewsPolicy, events: readonly NewsEvent[]): NewsPolicy {
  return { ...policy, spans: newsSpans(policy, events) };
}

/** The windows of a subject; null where the policy asks for none. */
export function newsWindows(policy: NewsPolicy | undefined, subject: Pair): NewsWindows | null {
  if (policy === undefined) return null;
  const { spans = {}, closes } = policy;
  const own = newsCurrencies(subject).map((currency) => spans[currency] ?? NONE);
  return { spans: own.length === 1 ? own[0]! : joined(own.flatMap(pairsOf)), closes };
}

const NONE: Spans = new Float64Array(0);

/** Disjoint and ascending; spans that touch become one. */
function joined(spans: readonly (readonly [number, number])[]): Spans {
  const flat: number[] = [];
  for (const [begin, end] of [...spans].sort((a, b) => a[0] - b[0])) {
    if (flat.length > 0 && begin <= flat.at(-1)!) flat[flat.length - 1] = Math.max(flat.at(-1)!, end);
    else flat.push(begin, end);
  }
  return Float64Array.from(flat);
}

function pairsOf(spans: Spans): [number, number][] {
  return Array.from({ length: spans.length / 2 }, (_, i) => [spans[2 * i]!, spans[2 * i + 1]!]);
}

/**
 * The end of the span that a time is in; 0 when it is in none. On the way of a bar: it allocates nothing, and a
 * calendar of ten thousand events takes fourteen comparisons.
 * @param time epoch seconds
 */
export function newsEnd(spans: Spans, time: number): number {
  let low = 0;
  let high = spans.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[2 * middle]! <= time) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return 0;
  const end = spans[2 * low - 1]!;
  return time < end ? end : 0;
}
