import { expect, it } from 'vitest';
import { maskPasswords } from './password.ts';

it.each([
  ['redis://127.0.0.1:6379', 'redis://127.0.0.1:6379'],
  ['redis://user:secret@127.0.0.1:6379/0', 'redis://***@127.0.0.1:6379/0'],
  ['rediss://:se@c/ret@host', 'rediss://***@host'],
  ['{"url":"redis://u:p@h","other":"a@b"}', '{"url":"redis://***@h","other":"a@b"}'],
  ['no answer at redis://u:p@h: mail admin@h', 'no answer at redis://***@h: mail admin@h'],
])('%s is shown as %s', (text, shown) => {
  expect(maskPasswords(text)).toBe(shown);
});
