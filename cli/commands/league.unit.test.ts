import { expect, it } from 'vitest';
import type { LeagueOutcome } from '../../trainer/jobs/kinds/run_league.ts';
import { earningOnCoins } from './league.ts';

it('an entrant that shows an edge fails a league on coins, and no other one', () => {
  const entrant = (name: string, edges: readonly string[] | null) =>
    ({ name, net: edges === null ? null : { edges } }) as LeagueOutcome['entrants'][number];
  const entrants = [entrant('gbdt', []), entrant('vote', ['A_B', 'C_D']), entrant('tabpfn', null)];
  expect(earningOnCoins({ market: 'coins', entrants })).toEqual(['vote (A_B, C_D)']);
  expect(earningOnCoins({ market: 'coins', entrants: entrants.slice(0, 1) })).toEqual([]);
  expect(earningOnCoins({ market: 'recorded', entrants })).toEqual([]);
});
