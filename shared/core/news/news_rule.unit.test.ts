import { describe, expect, it } from 'vitest';
import { parseSubject } from '../../pair.ts';
import type { NewsEvent } from './news_event.ts';
import { isNewsClose, isNewsTime, minutesOfNews } from './news_rule.ts';
import { newsSpans, newsWindows, type NewsPolicy } from './news_windows.ts';

const AT = 36_000;
const POLICY: NewsPolicy = { importance: 'high', secondsBefore: 600, secondsAfter: 300, closes: false };

function event(time: number, change: Partial<NewsEvent> = {}): NewsEvent {
  return { time, currency: 'USD', importance: 'high', name: 'x', knownFrom: 0, knownUntil: null, ...change };
}

const windowsOf = (events: readonly NewsEvent[], policy = POLICY) =>
  newsWindows({ ...policy, spans: newsSpans(policy, events) }, parseSubject('EURUSD_GBPUSD'));

describe('what is decided on a bar near news', () => {
  it('counts by its fill, at the open of the next bar, and so do the minutes that are left', () => {
    const windows = windowsOf([event(AT)]);
    const minutes = [-720, -660, 180, 240].map((offset) => [
      isNewsTime(windows, AT + offset),
      minutesOfNews(windows, AT + offset),
    ]);
    expect(minutes).toEqual([
      [false, 0],
      [true, 15],
      [true, 1],
      [false, 0],
    ]);
    expect([isNewsTime(null, AT), minutesOfNews(undefined, AT), isNewsClose(null)]).toEqual([false, 0, false]);
    expect([isNewsClose(windows), isNewsClose(windowsOf([], { ...POLICY, closes: true }))]).toEqual([false, true]);
  });

  it('counts to the end of the longest of the events that overlap, also where a short one lies within', () => {
    const within = event(AT + 120, { knownUntil: AT - 240 });
    const windows = windowsOf([event(AT), within]);
    expect(windows!.spans).toEqual(Float64Array.of(AT - 600, AT + 300));
    const other = event(AT + 120, { currency: 'GBP', knownUntil: AT - 240 });
    expect(windowsOf([event(AT), other])!.spans).toEqual(Float64Array.of(AT - 600, AT + 300));
  });
});
