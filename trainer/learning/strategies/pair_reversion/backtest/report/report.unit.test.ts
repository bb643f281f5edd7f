import { expect, it } from 'vitest';
import type { BundleResult } from '../period.ts';
import { verdict } from './report.ts';

function verdictOf(candidates: number, refusals: Readonly<Record<string, number>>): string {
  const total = { trades: 0, candidates, refusals };
  return verdict({ all_pairs: { total }, edge_pairs: { total }, noEdge: ['A_B'] } as unknown as BundleResult, 1, true);
}

it('a backtest without a trade says what refused its candidates', () => {
  expect(verdictOf(10, { RISK_HIGH: 3, COST_HIGH: 7 })).toBe(
    'Nothing was entered: all 10 candidates were refused, 7 of them by COST_HIGH. 1 of 1 pairs are NO_EDGE.',
  );
  expect(verdictOf(1, { RISK_HIGH: 1 })).toMatch(/^Nothing was entered: the only candidate was refused by RISK_HIGH\./);
  expect(verdictOf(4, { RISK_HIGH: 4 })).toMatch(/^Nothing was entered: all 4 candidates were refused by RISK_HIGH\./);
  expect(verdictOf(0, {})).toMatch(/^Nothing was entered: no pair was at its entry level\./);
});
