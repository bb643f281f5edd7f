import { expect, it } from 'vitest';
import { EN } from './en.ts';
import { filled, placeholdersOf } from './filled.ts';

it('a count of one has its noun in the singular', () => {
  expect(filled('{pairs:pair|pairs} of {all}', { pairs: 1, all: 'ten' })).toBe('1 pair of ten');
  expect(filled('{pairs:pair|pairs}', { pairs: '1,234' })).toBe('1,234 pairs');
  expect(filled('{pairs:pair|pairs}', { pairs: 0 })).toBe('0 pairs');
  expect(placeholdersOf('{pairs:pair|pairs} of {all}')).toEqual(['all', 'pairs']);
});

/** Words that end in s after a value and are no plural of it, and counts that are never one. */
const NO_PLURALS = [
  /^policy\.proposed$/,
  /^tile\./,
  /^overview\.refused$/,
  /^runs\.(?:current|bestTrials|begun)$/,
  /^preview\.looking$/,
  /^imports\.(?:questionOpen|undone)$/,
  /^backtests\.refused$/,
  /^strategies\.begun$/,
  /^rollout\.abort\.confirm$/,
  /^jobs\.waits\.order$/,
  /^trades\./,
  /^models\.allPassed$/,
];

it('no text has a plural behind a count that may be one', () => {
  const plurals = Object.entries(EN)
    .filter(([key, text]) => /\{\w+\} (?:trading )?[a-z]+s\b/.test(text) && !NO_PLURALS.some((one) => one.test(key)))
    .map(([key]) => key);
  expect(plurals).toEqual([]);
});
