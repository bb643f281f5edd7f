import { expect, it } from 'vitest';
import { groupProblems } from './subject_groups.ts';

it('a pair of a group is configured, and in no other group', () => {
  const pairs = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD'];
  expect(groupProblems({ metals: ['XAUUSD_XAGUSD'], currencies: ['EURUSD_GBPUSD'] }, pairs)).toEqual([]);
  const found = groupProblems({ metals: ['XAUUSD_XAGUSD'], all: ['EURUSD_GBPUS', 'XAUUSD_XAGUSD'] }, pairs);
  expect(found.map(({ group, index }) => [group, index])).toEqual([
    ['all', 0],
    ['all', 1],
  ]);
  expect(found[0]!.text).toMatch(/^is "EURUSD_GBPUS", which is not in pairs.*EURUSD_GBPUSD/);
  expect(found[1]!.text).toBe('is "XAUUSD_XAGUSD", which is in group metals already');
});
