import { expect, it } from 'vitest';
import { earnersOnPlacebo, placeboVerdict } from './placebo_verdict.ts';

const entrants = [
  { name: 'gbdt', edges: ['XAUUSD_XAGUSD'] },
  { name: 'prior', edges: [] },
];

it('an edge on a market of coins is a failure of the league that names who and where', () => {
  const earners = earnersOnPlacebo('coins', entrants);
  expect(earners).toEqual([{ entrant: 'gbdt', subjects: ['XAUUSD_XAGUSD'] }]);
  expect(placeboVerdict(earners)).toBe(
    'FAILED: on a market of coins nobody can earn, and these show an edge: gbdt (XAUUSD_XAGUSD). Do not trust this league.',
  );
});

it('an edge on the recorded market is none', () => {
  expect(earnersOnPlacebo('recorded', entrants)).toEqual([]);
  expect(placeboVerdict([])).toBeNull();
});
