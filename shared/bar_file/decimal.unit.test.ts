import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDecimal, parseDecimalText } from './decimal.ts';

function parse(text: string): number {
  const bytes = Buffer.from(`,${text},`, 'latin1');
  return parseDecimal(bytes, 1, bytes.length - 1);
}

describe('parseDecimal', () => {
  it('is Number() to the bit for every shortest form of a double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Object.is(parse(String(value)), Number(String(value)))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('is Number() to the bit for decimal texts of any length, also beyond 2^53 and 22 decimals', () => {
    const digits = (max: number) =>
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: max }).map((d) => d.join(''));
    fc.assert(
      fc.property(
        fc.constantFrom('', '-', '+'),
        digits(25),
        fc.option(digits(30), { nil: null }),
        (sign, whole, fraction) => {
          const text = sign + whole + (fraction === null ? '' : `.${fraction}`);
          expect(Object.is(parse(text), Number(text))).toBe(true);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('is Number() to the bit round 2^53', () => {
    for (const text of [
      '9007199254740991',
      '9007199254740992',
      '9007199254740993',
      '900719925474099.3',
      '.9007199254740993',
      '-0',
      '0.0',
    ])
      expect(Object.is(parse(text), Number(text))).toBe(true);
  });

  it('refuses text that is not a plain decimal number, even where Number() accepts it', () => {
    for (const text of [
      '',
      ' ',
      ' 1',
      '1 ',
      '.',
      '-',
      '+.',
      '1.2.3',
      '0x10',
      'Infinity',
      'nan',
      '1e',
      '1,2',
      '--1',
      '1_000',
      '9'.repeat(500),
    ])
      expect(parse(text), text).toBeNaN();
  });

  it('of text is the number of its bytes, to the bit', () => {
    const digits = fc.stringMatching(/^[+-]?\d{0,18}(\.\d{0,24})?(e-?\d{1,2})?$/);
    fc.assert(
      fc.property(digits, (text) => {
        expect(Object.is(parseDecimalText(text), parse(text))).toBe(true);
      }),
      {
        numRuns: 3000,
      },
    );
    for (const text of ['.', '', '-', '5.', '.5', '-0', '+1.5', ' 1', '1 ', '1,5', '0.1', '1e5', '9'.repeat(40)])
      expect([text, parseDecimalText(text)]).toEqual([text, parse(text)]);
  });

  it('accepts exponents, as JavaScript writes very small and very large numbers', () => {
    expect(parse('1e-7')).toBe(1e-7);
    expect(parse('1.5e+21')).toBe(1.5e21);
  });
});
