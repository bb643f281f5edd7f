import { parseDecimalText } from '../bar_file/decimal.ts';

/** How the numbers of a table are written. */
export interface NumberStyle {
  readonly decimal: '.' | ',';
  /** Between groups of three digits; null = none. */
  readonly thousands: '.' | ',' | null;
}

export const PLAIN_NUMBERS: NumberStyle = { decimal: '.', thousands: null };

/** Blanks and apostrophes between groups of three digits, in any style. */
const GROUPED = /^[+-]?\d{1,3}(?:[ \u00a0\u202f'’]\d{3})+(?:[.,]\d+)?$/;
const COMMA_GROUPS = /^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/;
const DOT_GROUPS = /^[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?$/;

/** The number of a cell in a style; NaN when it is none. */
export function numberOf(cell: string, { decimal, thousands }: NumberStyle): number {
  if (decimal === '.' && !cell.includes(',')) {
    const plain = parseDecimalText(cell);
    return Number.isNaN(plain) ? ofGroups(cell, decimal) : plain;
  }
  if (/[ \u00a0\u202f'’]/.test(cell)) return ofGroups(cell, decimal);
  if (decimal === '.') return thousands === ',' && COMMA_GROUPS.test(cell) ? Number(cell.replaceAll(',', '')) : NaN;
  if (cell.includes('.') && !(thousands === '.' && DOT_GROUPS.test(cell))) return NaN;
  return parseDecimalText(cell.replaceAll('.', '').replace(',', '.'));
}

function ofGroups(cell: string, decimal: '.' | ','): number {
  if (!GROUPED.test(cell)) return NaN;
  return parseDecimalText(cell.replace(/[ \u00a0\u202f'’]/g, '').replace(decimal, '.'));
}

/** What the cells of a column of numbers show: a style, or that they fit two of them. */
export type StyleVerdict =
  | { readonly style: NumberStyle; readonly evidence: string | null }
  | { readonly style: null; readonly example: string };

/**
 * The style in which numbers are written, by a sample of them. `1,08123`, `0,5` and `1.234,5` have decimal commas;
 * `1,234.5` and `1,234,567` group thousands; when all there is looks like `154,321`, both fit.
 */
export function styleOf(cells: Iterable<string>): StyleVerdict {
  let decimalComma: string | null = null;
  let commaGroups: string | null = null;
  let either: string | null = null;
  let dotGroups = false;
  for (const cell of cells) {
    if (!cell.includes(',')) {
      // 1.234.567
      if (/^\d{1,3}(?:\.\d{3}){2,}$/.test(cell)) dotGroups = true;
      // A number of four digits or more without a group: commas do not group here.
      else if (/^\d{4,}$/.test(cell) && either !== null) decimalComma ??= either;
      continue;
    }
    const [, whole, fraction] = /^[+-]?(\d*),(\d+)(?:[eE][+-]?\d+)?$/.exec(cell) ?? [];
    if (whole !== undefined && fraction !== undefined) {
      const isGroup = fraction.length === 3 && whole !== '' && !whole.startsWith('0') && whole.length <= 3;
      if (isGroup) either ??= cell;
      else decimalComma ??= cell;
    } else if (DOT_GROUPS.test(cell) && cell.includes('.')) {
      decimalComma ??= cell;
      dotGroups = true;
    } else if (COMMA_GROUPS.test(cell)) commaGroups ??= cell;
  }
  if (decimalComma !== null && commaGroups === null) {
    const thousands = dotGroups ? '.' : null;
    return { style: { decimal: ',', thousands: thousands ?? '.' }, evidence: `decimal comma by “${decimalComma}”` };
  }
  if (commaGroups !== null && decimalComma === null)
    return { style: { decimal: '.', thousands: ',' }, evidence: `commas between thousands by “${commaGroups}”` };
  const example = decimalComma ?? either;
  return example === null ? { style: PLAIN_NUMBERS, evidence: null } : { style: null, example };
}

/** Digits after the point of a number: `8.512e-06` has nine. The noise of binary fractions does not count. */
export function decimalsOf(cell: string, style: NumberStyle = PLAIN_NUMBERS): number {
  const isPlain = style.decimal === '.' && /^\d+\.?\d{0,10}$/.test(cell);
  if (isPlain) {
    const dot = cell.indexOf('.');
    return dot < 0 ? 0 : cell.length - dot - 1;
  }
  const value = numberOf(cell, style);
  if (!Number.isFinite(value) || value === 0) return 0;
  // The digits as written, where they are few; else those that a binary fraction holds.
  const written = style.decimal === ',' ? cell.replaceAll('.', '').replace(',', '.') : cell.replaceAll(/[,' ]/g, '');
  const [number, exponent = '0'] = written.toLowerCase().split('e') as [string, string?];
  const fraction = number.split('.')[1] ?? '';
  const significant = String(Number(number.replaceAll(/[^\d]/g, ''))).length;
  if (significant <= 10) return Math.max(0, fraction.length - Number(exponent));
  const [mantissa, power] = value.toExponential(14).split('e') as [string, string];
  let places = mantissa.length - 2;
  while (places > 0 && mantissa[places + 1] === '0') places--;
  return Math.max(0, places - Number(power));
}
