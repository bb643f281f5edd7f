import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSubject } from '../../pair.ts';
import { newsCurrencies } from './news_currencies.ts';
import { IMPORTANCES, type NewsEvent } from './news_event.ts';
import { newsEnd, newsSpans, newsWindows, type NewsPolicy } from './news_windows.ts';

/** Slow on purpose, from the sentence in the guide: looks at every event, shares no code with the windows. */
function isStopped(policy: NewsPolicy, events: readonly NewsEvent[], currencies: readonly string[], at: number) {
  const rank = { low: 1, medium: 2, high: 3 };
  return events.some((event) => {
    const isKnown = event.knownFrom <= at && (event.knownUntil === null || at < event.knownUntil);
    const isNear = at >= event.time - policy.secondsBefore && at < event.time + policy.secondsAfter;
    const matters = currencies.includes(event.currency) && rank[event.importance] >= rank[policy.importance];
    return isKnown && isNear && matters;
  });
}

const minute = fc.integer({ min: 0, max: 300 }).map((n) => n * 60);
const eventArbitrary: fc.Arbitrary<NewsEvent> = fc.record({
  time: minute.map((t) => t + 30_000),
  currency: fc.constantFrom('USD', 'EUR', 'JPY'),
  importance: fc.constantFrom(...IMPORTANCES),
  name: fc.constant('x'),
  knownFrom: fc.oneof(
    fc.constant(0),
    minute.map((t) => t + 25_000),
  ),
  knownUntil: fc.option(minute.map((t) => t + 30_000)),
});
const policyArbitrary: fc.Arbitrary<NewsPolicy> = fc.record({
  importance: fc.constantFrom(...IMPORTANCES),
  secondsBefore: fc.integer({ min: 0, max: 60 }).map((n) => n * 60),
  secondsAfter: fc.integer({ min: 0, max: 60 }).map((n) => n * 60),
  closes: fc.boolean(),
});

describe('the windows of news of a subject', () => {
  it('cover exactly the times at which a known event of one of its currencies is near', () => {
    fc.assert(
      fc.property(
        policyArbitrary,
        fc.array(eventArbitrary, { maxLength: 12 }),
        fc.constantFrom('EURUSD_GBPUSD', 'XAUUSD_XAGUSD', 'USDJPY_USDCHF', 'AUDNZD_AUDCAD'),
        (policy, events, id) => {
          const subject = parseSubject(id);
          const { spans } = newsWindows({ ...policy, spans: newsSpans(policy, events) }, subject)!;
          const isIn = (at: number): boolean => isStopped(policy, events, newsCurrencies(subject), at);
          for (let at = 24_000; at < 53_000; at += 180) {
            const end = newsEnd(spans, at);
            expect(end > at).toBe(isIn(at));
            if (end === 0) continue;
            // Until then it never opens, and then it does.
            for (let later = at; later < end; later += 60) expect(isIn(later)).toBe(true);
            expect(isIn(end)).toBe(false);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('begin with the policy’s minutes before an event, and end with those after it, excluded', () => {
    const policy: NewsPolicy = { importance: 'high', secondsBefore: 1800, secondsAfter: 900, closes: false };
    const event = { time: 10_000, currency: 'USD', importance: 'high', name: 'NFP', knownFrom: 0, knownUntil: null };
    const spans = newsSpans(policy, [event as NewsEvent])['USD']!;
    expect([...spans]).toEqual([8200, 10_900]);
    expect([8199, 8200, 10_899, 10_900].map((at) => newsEnd(spans, at))).toEqual([0, 10_900, 10_900, 0]);
    expect(newsWindows(undefined, parseSubject('EURUSD_GBPUSD'))).toBeNull();
  });
});

describe('the currencies of a subject', () => {
  it.each([
    ['EURUSD_GBPUSD', ['EUR', 'GBP', 'USD']],
    ['XAUUSD_XAGUSD', ['USD']],
    ['SPXUSD_NSXUSD', ['USD']],
    ['USDCAD_BCOUSD', ['CAD', 'USD']],
    ['USDNOK_USDSEK', ['NOK', 'SEK', 'USD']],
    ['XAUEUR_XAUUSD', ['EUR', 'USD']],
    ['USDCNH_USDJPY', ['CNY', 'JPY', 'USD']],
    ['ETHBTC_BTCUSDT', ['USD']],
    ['BTCUSDT@1h', ['USD']],
    ['BTCEUR@1h', ['EUR']],
  ])('of %s', (id, expected) => {
    expect(newsCurrencies(parseSubject(id))).toEqual(expected);
  });
});
