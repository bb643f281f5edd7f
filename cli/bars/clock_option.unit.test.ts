import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../shared/bar_file/verdict/finding.ts';
import { offsetZone, parseTimeZone, shiftedZone } from '../../shared/bar_file/time_zone.ts';
import { clockHint, type ClockOption } from './clock_option.ts';

const finding = (values: Finding['values'], by = 'week_edges'): Finding => ({ code: 'SHIFTED', by, values });
const read = (clock_option: ClockOption, timezone: string) => ({ clock_option, timezone });

describe('the hint for stamps of another clock', () => {
  it('has the option of such stamps, and the clock that puts them right', () => {
    expect(clockHint(finding({ hours: 2 }), [read('--epoch-timezone', 'UTC')])).toBe(
      'State the clock: --epoch-timezone +02:00.',
    );
    expect(clockHint(finding({ hours: -1 }), [read('--timezone', '+03:00/US')])).toBe(
      'State the clock: --timezone +02:00/US.',
    );
    expect(clockHint(finding({ hours: 7 / 60 }), [read('--epoch-timezone', 'UTC')])).toContain(
      '--epoch-timezone +00:07.',
    );
    expect(clockHint(finding({ hours: 1, or_close_stamped: 1 }), [read('--epoch-timezone', 'UTC')])).toContain(
      '--epoch-timezone +01:00, or --stamp close',
    );
    expect(clockHint(finding({ zone: '+02:00/US' }), [read('--epoch-timezone', 'UTC')])).toContain(
      '--epoch-timezone +02:00/US.',
    );
  });

  it('names no clock where none is known', () => {
    for (const [values, zone] of [
      [{ zone: 'of no known place' }, 'UTC'],
      [{ hours: 2 }, 'Asia/Tokyo'],
      [{ rows: 3, last: 0 }, 'UTC'],
    ] as const)
      expect(clockHint(finding(values), [read('--timezone', zone)])).toBe('State the clock: --timezone <zone>.');
  });

  it('parts weeks of another clock from the others, and files that were read in two ways', () => {
    expect(clockHint(finding({ hours: 2, weeks: 1, of: 4 }, 'single_weeks'), [read('--timezone', 'UTC')])).toBe(
      'Import these weeks as a file of their own, with --timezone +02:00.',
    );
    expect(clockHint(finding({ hours: 2 }), [read('--timezone', 'UTC'), read('--epoch-timezone', 'UTC')])).toMatch(
      /^Import file by file/,
    );
  });
});

it('a clock that is ahead of an offset shows later by as much, all year', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -6, max: 6 }),
      fc.constantFrom('US' as const, 'EU' as const, null),
      fc.integer({ min: -300, max: 300 }),
      fc.integer({ min: 1.4e9, max: 1.9e9 }),
      (hours, rule, minutes, time) => {
        const zone = offsetZone(hours * 3600, rule);
        const ahead = shiftedZone(zone, minutes * 60)!;
        expect(ahead.offsetAt(time) - zone.offsetAt(time)).toBe(minutes * 60);
        expect(parseTimeZone(ahead.name).offsetAt(time)).toBe(ahead.offsetAt(time));
      },
    ),
  );
  expect(shiftedZone(parseTimeZone('+12:00'), 3 * 3600)).toBeNull();
});
