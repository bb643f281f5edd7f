import { describe, expect, it } from 'vitest';
import { leaseOfTests, unknownVariables, unknownVariableText } from './environment.ts';

describe('unknownVariables', () => {
  it('finds every unknown MINUTEHAND_ variable and names within two edits of a known one', () => {
    const env = {
      MINUTEHAND_MARKET: 'live',
      MINUTEHAND_HOME: '/srv',
      MINUTEHAND_PROGRESS: '1',
      MINUTEHAND_TEST_SLOW_DISK: '1',
      NODE_ENV: 'test',
      PATH: '/bin',
      ARCHIVE_TARGETS: 'S3',
      ARCHIVE_TARGETXX: 'S3',
      ARCHIVE_TARGETXXX: 'S3',
      MINUTEHAND_MARKE: 'live',
      MINUTEHAND_LONGER: '1',
      MINUTEHAND_PORT: '7401',
      MY_MINUTEHAND_LONG: '1',
      MINUTEHAND_TEST_: '1',
    };
    expect(unknownVariables(env)).toEqual([
      { variable: 'ARCHIVE_TARGETS', nearest: 'ARCHIVE_TARGET' },
      { variable: 'ARCHIVE_TARGETXX', nearest: 'ARCHIVE_TARGET' },
      { variable: 'MINUTEHAND_MARKE', nearest: 'MINUTEHAND_MARKET' },
      { variable: 'MINUTEHAND_LONGER', nearest: expect.stringMatching(/^MINUTEHAND_/) },
      { variable: 'MINUTEHAND_PORT', nearest: expect.stringMatching(/DAEMON_PORT or .*TRAINER_PORT/) },
      { variable: 'MINUTEHAND_TEST_', nearest: expect.stringMatching(/^MINUTEHAND_/) },
    ]);
  });

  it('finds variables of tests outside a test run, where they have no effect', () => {
    const env = { MINUTEHAND_TEST_LEASE_MS: '5' };
    expect(unknownVariables(env)).toEqual([
      { variable: 'MINUTEHAND_TEST_LEASE_MS', nearest: expect.stringMatching(/^MINUTEHAND_/) },
    ]);
    expect(leaseOfTests(env)).toBe(null);
    expect(leaseOfTests({ ...env, NODE_ENV: 'production' })).toBe(null);
    expect(leaseOfTests({ ...env, NODE_ENV: 'test' })).toBe(5);
    expect(leaseOfTests({ NODE_ENV: 'test' })).toBe(null);
  });

  it('shows each with the nearest known name', () => {
    expect(unknownVariableText({ variable: 'MINUTEHAND_MARKE', nearest: 'MINUTEHAND_MARKET' })).toBe(
      'MINUTEHAND_MARKE is not a variable of minutehand and has no effect (did you mean "MINUTEHAND_MARKET"?)',
    );
  });
});
