import { describe, expect, it } from 'vitest';
import { loadSettings } from '../shared/policy/policy.ts';
import { withGroups } from './groups_option.ts';

const settings = loadSettings({ env: {} });
const groupsOf = (list: string | undefined): unknown => withGroups(settings, list).minutehand.train.groups;

describe('--groups', () => {
  it('gives the named groups in place of those of the configuration, or none', () => {
    const groups = { metals: ['XAUUSD_XAGUSD'], fx: ['EURUSD_GBPUSD', 'EURUSD_USDCHF'] };
    expect(groupsOf('metals=XAUUSD_XAGUSD; fx=EURUSD_GBPUSD, EURUSD_USDCHF')).toEqual(groups);
    const { train } = settings.minutehand;
    const configured = { ...settings, minutehand: { ...settings.minutehand, train: { ...train, groups } } };
    expect(withGroups(configured, undefined)).toBe(configured);
    expect(withGroups(configured, 'none').minutehand.train).toEqual(train);
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
