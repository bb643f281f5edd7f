const ZERO = 48;
const NINE = 57;
const DOT = 46;
const PLUS = 43;
const MINUS = 45;
const EXACT_BELOW = 2 ** 53;
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, power) => Number(`1e${power}`));
const DECIMAL = /^[+-]?(\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/**
 * The decimal number written in `bytes[from, to)` (ASCII), equal to `Number(text)` to the bit, or NaN when the text is
 * not a plain decimal number: empty, blanks, hexadecimal, `Infinity` and words are refused although `Number` takes some
 * of them.
 *
 * The digits are summed into an integer and divided once by a power of ten. Both operands are exact below 2^53 and up
 * to 10^22, and IEEE division rounds correctly, so the quotient is the nearest double (Clinger, "How to read floating
 * point numbers accurately", PLDI 1990, fast path). Everything else goes through `Number`.
 */
export function parseDecimal(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  const sign = bytes[at]!;
  const negative = sign === MINUS;
  if (negative || sign === PLUS) at++;
  let integer = 0;
  let digits = 0;
  let decimals = -1;
  for (; at < to; at++) {
    const byte = bytes[at]!;
    if (byte >= ZERO && byte <= NINE) {
      integer = integer * 10 + (byte - ZERO);
      digits++;
      if (decimals >= 0) decimals++;
    } else if (byte === DOT && decimals < 0) {
      decimals = 0;
    } else {
      return parseSlowly(bytes, from, to);
    }
  }
  if (digits === 0) return NaN;
  if (integer >= EXACT_BELOW || decimals > 22) return parseSlowly(bytes, from, to);
  const value = decimals > 0 ? integer / POWERS_OF_TEN[decimals]! : integer;
  return negative ? -value : value;
}

/** `parseDecimal` for text that is already a string. */
export function parseDecimalText(text: string): number {
  const end = text.length;
  let integer = 0;
  let digits = 0;
  let decimals = -1;
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code >= ZERO && code <= NINE) {
      integer = integer * 10 + (code - ZERO);
      digits++;
      if (decimals >= 0) decimals++;
    } else if (code === DOT && decimals < 0) {
      decimals = 0;
    } else {
      return parseAnyText(text);
    }
  }
  if (digits === 0 || integer >= EXACT_BELOW || decimals > 22) return parseAnyText(text);
  return decimals > 0 ? integer / POWERS_OF_TEN[decimals]! : integer;
}

function parseAnyText(text: string): number {
  return DECIMAL.test(text) ? Number(text) : NaN;
}

function parseSlowly(bytes: Uint8Array, from: number, to: number): number {
  // A field of this length is not a price, and the text ends up in an error message.
  if (to - from > 400) return NaN;
  return parseAnyText(String.fromCharCode(...bytes.subarray(from, to)));
}
