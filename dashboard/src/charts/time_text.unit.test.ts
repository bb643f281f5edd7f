import { describe, expect, it } from 'vitest';
import { timeText } from './time_text.ts';

const at = (text: string): number => Date.parse(text) / 1000;

describe('the labels of a time axis', () => {
  it('are the minute, the date where a day begins, and the month where a step is one', () => {
    expect(timeText(at('2024-01-22T18:53:00Z'), 60)).toBe('18:53');
    expect(timeText(at('2024-01-22T00:00:00Z'), 3600)).toBe('01-22');
    expect(timeText(at('2024-02-01T00:00:00Z'), 30 * 86_400)).toBe('2024-02');
  });

  it('do not repeat a minute where ticks are closer', () => {
    const ticks = [0, 15, 30, 45, 60].map((second) => timeText(at('2024-01-22T18:53:00Z') + second, 15));
    expect(ticks).toEqual(['18:53', '', '', '', '18:54']);
  });
});
