import { describe, expect, test } from 'vitest';
import { EVENTS } from '../../store/schema/events.ts';
import { checkSilencePattern } from './silence_pattern.ts';

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
