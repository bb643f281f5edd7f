import { describe, expect, it } from 'vitest';
import { asValue, describeDifference } from './values.ts';

describe('a value of the golden record', () => {
  it('has lists for typed arrays, text for what is no number, and no absent members', () => {
    const value = { a: [1, { b: null }], c: NaN, d: Float64Array.of(0.1, Infinity), e: undefined };
    expect(asValue(value)).toEqual({ a: [1, { b: null }], c: 'NaN', d: [0.1, 'Infinity'] });
  });

  it('refuses what JSON would drop', () => {
    expect(() => asValue({ f: () => 1 })).toThrow('no value of a record: function');
  });
});

describe('the line of a difference', () => {
  it('has both figures to their last digit, and says when there is none', () => {
    expect(describeDifference({ path: 'sharpe', recorded: 0.1 + 0.2, found: 0.3 })).toBe(
      'sharpe: recorded 0.30000000000000004, now 0.3',
    );
    expect(describeDifference({ path: 'gone', recorded: true, found: undefined })).toBe(
      'gone: recorded true, now nothing',
    );
  });

  it('shows the part of a long text that differs', () => {
    const text = 'a'.repeat(1000);
    const line = describeDifference({ path: 'body', recorded: `${text}b${text}`, found: `${text}c${text}` });
    expect(line.length).toBeLessThan(400);
    expect(line).toMatch(/recorded …a+ba+…, now …a+ca+…$/);
  });
});
