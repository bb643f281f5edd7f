import { describe, expect, it } from 'vitest';
import { isEntryClosed, parseEntryWindows } from './entry_window.ts';

/** In New York's winter: UTC − 5 hours. */
const at = (text: string): number => Date.parse(text) / 1000;

describe('entry windows', () => {
  it('are of one day or of every day, in minutes of the week', () => {
    expect(parseEntryWindows(['Sun 17:00-18:30', 'Sat 23:59-24:00'])).toEqual([
      { from: 1020, to: 1110 },
      { from: 10_079, to: 10_080 },
    ]);
    const daily = parseEntryWindows(['00:05-01:00']);
    expect(daily.map(({ from }) => from)).toEqual([5, 1445, 2885, 4325, 5765, 7205, 8645]);
    expect(daily.map(({ to }) => to)).toEqual([60, 1500, 2940, 4380, 5820, 7260, 8700]);
  });

  it.each(['9:00-10:00', '16:45-18:60', 'Sun 24:00-24:00', 'Day 10:00-11:00', ' 10:00-11:00', '10:00-11:00 '])(
    'are not %o',
    (text) => expect(() => parseEntryWindows([text])).toThrow(new RangeError(`${text} is no window`)),
  );

  it('close entries from their begin up to their end, which is open', () => {
    const windows = parseEntryWindows(['Mon 10:00-10:01', 'Wed 16:45-18:15']);
    const times = ['21:44:59', '21:45:00', '23:14:59', '23:15:00'].map((time) => at(`2024-01-03T${time}Z`));
    expect(times.map((time) => isEntryClosed(windows, time))).toEqual([false, true, true, false]);
    expect(times.map((time) => isEntryClosed([], time))).toEqual([false, false, false, false]);
  });
});
