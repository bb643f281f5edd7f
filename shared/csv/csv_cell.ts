/** What a spreadsheet takes for a formula when a cell begins with it (OWASP, CSV injection). */
const FORMULA_START = /^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
/** Move a terminal's cursor or change the order of letters; tabs and line breaks are quoted instead. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/**
 * A value as a cell of CSV (RFC 4180): quoted where it must be, empty for null. A text that a spreadsheet would run as
 * a formula has an apostrophe before it, which shows it as a text.
 */
export function csvCell(value: string | number | boolean | null): string {
  if (value === null) return '';
  const plain = String(value).replace(CONTROLS, '\ufffd');
  const isFormula = typeof value === 'string' && FORMULA_START.test(plain) && !NUMBER.test(plain);
  const text = isFormula ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
