import { expect, it } from 'vitest';
import { keptText } from './bars_import.ts';

it('an interrupted import names its number once it has stored something, and says so where nothing is stored', () => {
  expect(keptText(null, false, 7)).toContain('`minutehand bars undo 7`');
  expect(keptText(null, false, null)).toContain('Nothing was stored');
  expect(keptText(null, true, null)).toContain('Nothing was stored');
  expect(keptText('./bars', false, null)).toContain('in the folder');
});
