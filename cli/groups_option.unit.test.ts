import { describe, expect, it } from 'vitest';
import { loadSettings } from '../shared/policy/policy.ts';
import { parseGroups } from './groups_option.ts';

const settings = loadSettings({ env: {} });
const groupsOf = (list: string): unknown => parseGroups(list, settings);

describe('--groups', () => {
  it('gives the named groups, or none', () => {
    const groups = { metals: ['XAUUSD_XAGUSD'], fx: ['EURUSD_GBPUSD', 'EURUSD_USDCHF'] };
    expect(groupsOf('metals=XAUUSD_XAGUSD; fx=EURUSD_GBPUSD, EURUSD_USDCHF')).toEqual(groups);
    expect(groupsOf('none')).toEqual({});
  });

  it.each([
    ['metals', '--groups metals'],
    ['metals=', '--groups metals='],
    ['Metals=XAUUSD_XAGUSD', '--groups Metals=XAUUSD_XAGUSD'],
    ['../x=XAUUSD_XAGUSD', '--groups ../x=XAUUSD_XAGUSD'],
    ['a=XAUUSD_XAGUSD;a=EURUSD_GBPUSD', '--groups a=EURUSD_GBPUSD'],
    ['a=XAUUSD_XAGUSD;b=XAUUSD_XAGUSD', '--groups: pair 1 of b is "XAUUSD_XAGUSD", which is in group a already'],
    [
      'a=EURUSD_GBPUSD,XAUUSD_XAGUSB',
      '--groups: pair 2 of a is "XAUUSD_XAGUSB", which is not in pairs (did you mean "XAUUSD_XAGUSD"?)',
    ],
  ])('refuses %s', (list, seen) => {
    expect(() => groupsOf(list)).toThrow(expect.objectContaining({ code: 'USAGE', seen }));
  });
});
