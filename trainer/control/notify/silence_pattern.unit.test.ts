import { describe, expect, test } from 'vitest';
import { maskSecrets } from '../../../shared/secrets.ts';
import { EVENTS } from '../../store/schema/events.ts';
import { checkSilencePattern } from './silence_pattern.ts';

test.each(
  Object.keys(EVENTS).flatMap((event) => [
    `${event}:main@box-1.example.org`,
    `${event}:trainer@box:redis`,
    `"${event}:minutehand-daemon@main.service@box",`,
  ]),
)('the alert key %s, which has the form of a password without a scheme, is shown whole', (key) => {
  expect(maskSecrets(`acknowledged ${key} by ann`)).toBe(`acknowledged ${key} by ann`);
  expect(maskSecrets(`${key},redis:s3cret-word@host`)).not.toContain('s3cret');
});

describe('pattern of a silence', () => {
  test.each([
    ...[
      '*',
      'disk',
      'disk*',
      'disk:main@host',
      'daemon_*',
      'd*k*',
      'dependency:*:REDIS_SILENT',
      'kpi_halt:EURUSD_GBPUSD',
    ],
    ...Object.keys(EVENTS),
  ])('"%s" can match a key', (pattern) => {
    expect(() => checkSilencePattern(pattern)).not.toThrow();
  });

  test.each([
    '',
    'disks',
    'Disk',
    'demon_*',
    'disk full',
    'password=hunter2',
    'EURUSD_GBPUSD',
    'kpi_halts:*',
    ':disk*',
  ])('"%s" can match none', (pattern) => {
    expect(() => checkSilencePattern(pattern)).toThrow(expect.objectContaining({ code: 'SILENCE_PATTERN' }));
  });
});
