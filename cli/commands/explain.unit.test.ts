import { expect, it } from 'vitest';
import { conditionText } from './explain.ts';

const failing = {
  name: 'z',
  reason: 'NO_SETUP',
  holds: false,
  value: 1.5,
  relation: '>=',
  limit: 2,
  change: 0.5,
  relative: 0.25,
} as const;

it('a condition that time fulfills says how long that takes, and no share of a week', () => {
  const session = {
    ...failing,
    name: 'session',
    reason: 'SESSION',
    value: 70,
    relation: '<=',
    limit: 0,
    change: -70,
    relative: 70 / 10_080,
  } as const;
  expect(conditionText(session)).toBe('session  70 minutes, must be <= 0: 70 to wait  SESSION');
  expect(conditionText({ ...session, name: 'news', reason: 'NEWS', value: 1, change: -1 })).toBe(
    'news  1 minute, must be <= 0: 1 to wait  NEWS',
  );
  const age = { ...failing, name: 'age', reason: 'MAX_AGE', value: 12, limit: 60, change: 48, relative: 0.8 };
  expect(conditionText(age)).toBe('age  12 bars, must be >= 60: 48 to wait  MAX_AGE');
  expect(conditionText({ ...age, holds: true, value: 60, change: 0, relative: 0 })).toBe(
    'age  60 bars, >= 60  MAX_AGE',
  );
});

it('another condition says by how much it fails', () => {
  expect(conditionText(failing)).toBe('z  1.5000, must be >= 2.0000: +0.5000 (25.0 %)  NO_SETUP');
});
