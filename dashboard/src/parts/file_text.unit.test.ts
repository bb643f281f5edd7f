import { describe, expect, it } from 'vitest';
import { firstLines, looksDamaged } from './file_text.ts';

describe('the part of a file that is looked at before its import', () => {
  it('ends with a whole line, so that no row seems to be malformed', () => {
    expect(firstLines('a,1\nb,2\nc,3\n', 6)).toBe('a,1\n');
    expect(firstLines('a,1\nb,2\nc,3\n', 8)).toBe('a,1\nb,2\n');
  });

  it('is all of a short file, also without a last line end, and the first part of one line', () => {
    expect(firstLines('a,1\nb,2', 7)).toBe('a,1\nb,2');
    expect(firstLines('abcdef', 4)).toBe('abcd');
  });

  it('is no text where a compressed file was named or cut wrongly', () => {
    expect([looksDamaged('time,open'), looksDamaged('\x1f\x8b\b\0')]).toEqual([false, true]);
  });
});
