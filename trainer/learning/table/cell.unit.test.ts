import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMissing, numberOf, readFloat32, readText, skipCell, type Cursor } from './cell.ts';

const utf8 = new TextEncoder();

function read(text: string, behind = ',7\n'): { value: number; isText: boolean; rest: string } {
  const bytes = utf8.encode(text + behind);
  const cursor: Cursor = { at: 0, isText: false };
  const value = readFloat32(bytes, cursor);
  return { value, isText: cursor.isText, rest: new TextDecoder().decode(bytes.subarray(cursor.at)) };
}

function expectNumber(text: string): void {
  for (const behind of [',7\n', '\n', '\r\n']) {
    expect(read(text, behind), JSON.stringify(text)).toEqual({
      value: Math.fround(Number(text)),
      isText: false,
      rest: behind,
    });
  }
}

/** The digits of a fraction of a power of two, to the last. */
function exactDecimal(mantissa: bigint, halvings: number): string {
  const digits = (mantissa * 5n ** BigInt(halvings)).toString().padStart(halvings + 1, '0');
  return `${digits.slice(0, -halvings)}.${digits.slice(-halvings)}`;
}

describe('readFloat32', () => {
  it('equals Number, rounded to float32: numbers as programs write them', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expectNumber(String(value));
        expectNumber(value.toExponential(18));
        expectNumber(value.toPrecision(20));
        expectNumber(String(Math.fround(value)).replace('Infinity', '1e40'));
      }),
      { numRuns: 3000 },
    );
  });

  it('equals Number, rounded to float32: digits, points and exponents of any kind', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 40 });
    const exponent = fc.oneof(
      fc.constant(''),
      fc.integer({ min: -400, max: 400 }).map((e) => `e${e}`),
      fc.constant('E+07'),
    );
    const number = fc.tuple(fc.constantFrom('', '-', '+'), digits, fc.constantFrom('', '.'), digits, exponent);
    fc.assert(
      fc.property(number, ([sign, whole, point, decimals, power]) => {
        if (whole + (point === '' ? '' : decimals) === '') return;
        expectNumber(sign + whole + point + (point === '' ? '' : decimals) + power);
      }),
      { numRuns: 5000 },
    );
  });

  it('is right on ties between two float32, and a digit far to the right decides them', () => {
    for (const [odd, halvings] of [
      [16777217n, 24],
      [16777219n, 30],
      [33554433n, 60],
    ] as const) {
      const tie = exactDecimal(odd, halvings);
      expectNumber(tie);
      // Number rounds to a double first: the same tie, unless earlier digits break it.
      expectNumber(tie.slice(0, 20));
      expectNumber(`${tie}1`);
      expectNumber(`${tie}${'0'.repeat(30)}1`);
    }
    expectNumber('1.000000059604644775390625');
    expectNumber('1.00000005960464477539062500000000000000000000001');
    expectNumber('7.006492321624085354618e-46');
    expectNumber('3.4028235677973366e38');
    expectNumber('3.4028235677973365e38');
  });

  it.each(['', 'NaN', 'nan', 'NA', 'na', 'null', 'NULL', '""', '" "', '  ', '"NaN"'])('reads %j as missing', (text) => {
    for (const behind of [',7\n', '\n', '\r\n'])
      expect(read(text, behind)).toEqual({ value: NaN, isText: false, rest: behind });
  });

  it.each([
    ['inf', Infinity],
    ['-Inf', -Infinity],
    ['+Infinity', Infinity],
    ['"-INFINITY"', -Infinity],
    ['1e39', Infinity],
    [' 1.5 ', 1.5],
    ['"1.5"', 1.5],
    ['"-2e3" ', -2000],
    ['.5', 0.5],
    ['5.', 5],
    ['007', 7],
    ['-0', -0],
  ])('reads %j', (text, expected) => {
    expect(read(text)).toEqual({ value: expected, isText: false, rest: ',7\n' });
    expect(read(text, '\r\n')).toEqual({ value: expected, isText: false, rest: '\r\n' });
  });

  it.each([
    'x',
    '1x',
    '1e',
    '1e+',
    '-',
    '.',
    '1.2.3',
    '0x10',
    '1 2',
    'none',
    'n/a',
    '--1',
    '"1',
    '"1"2',
    '1"',
    'infinite',
    '1,5'.replace(',', '٫'),
  ])('reads %j as text, and stops after it', (text) => {
    expect(read(text)).toMatchObject({ isText: true, rest: ',7\n' });
  });
});

describe('readText and skipCell', () => {
  it.each([
    ['plain', 'plain'],
    ['  blanks around ', 'blanks around'],
    ['"a, b"', 'a, b'],
    ['"say ""yes"""', 'say "yes"'],
    [' "x" ', 'x'],
    ['日本', '日本'],
    ['', ''],
  ])('read %j', (written, text) => {
    for (const behind of [',7\n', '\n', '\r\n']) {
      const bytes = utf8.encode(written + behind);
      const cursor: Cursor = { at: 0, isText: false };
      expect(readText(bytes, cursor)).toBe(text);
      expect(cursor).toEqual({ at: bytes.length - behind.length, isText: false });
      const skipper: Cursor = { at: 0, isText: false };
      skipCell(bytes, skipper);
      expect(skipper).toEqual(cursor);
    }
  });

  it('are marked when quotes do not close, or something follows them', () => {
    for (const written of ['"open', '"x"y']) {
      const cursor: Cursor = { at: 0, isText: false };
      expect(readText(utf8.encode(`${written}\n`), cursor)).toBe(written);
      expect(cursor).toEqual({ at: written.length, isText: true });
    }
  });
});

describe('numberOf and isMissing', () => {
  it('reject words', () => {
    expect([numberOf('1e3'), numberOf('-inf'), numberOf('one'), numberOf('')]).toEqual([1000, -Infinity, NaN, NaN]);
    expect([isMissing('NA'), isMissing(''), isMissing('none')]).toEqual([true, true, false]);
  });
});
