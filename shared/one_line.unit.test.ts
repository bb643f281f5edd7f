import { expect, it } from 'vitest';
import { oneLine } from './one_line.ts';

it('joins the lines of a text, whatever breaks them, and leaves one line as it is', () => {
  for (const text of ['a\nb', 'a\r\nb', ' a \r\r b\n', 'a\u2028b', 'a\u2029b', 'a\u0085b', 'a\u000b\u000cb'])
    expect(oneLine(text), JSON.stringify(text)).toBe('a b');
  expect(oneLine('wider  stop, -0.15')).toBe('wider  stop, -0.15');
  expect(oneLine('\n')).toBe('');
});
