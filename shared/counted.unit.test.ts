import { expect, it } from 'vitest';
import { counted } from './counted.ts';

it('a count has its noun in singular for one, and in plural for none and for several', () => {
  expect([0, 1, 2].map((count) => counted(count, 'position'))).toEqual(['0 positions', '1 position', '2 positions']);
  expect([1, 2].map((count) => counted(count, 'entry', 'entries'))).toEqual(['1 entry', '2 entries']);
});
