import { expect, it } from 'vitest';
import { csvCell } from './csv_cell.ts';

it.each([
  ['=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
  ['+1+cmd|calc', "'+1+cmd|calc"],
  ['-2+3', "'-2+3"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\tx', "'\tx"],
  ['＝1+1', "'＝1+1"],
  ['-1.5', '-1.5'],
  ['+2e-3', '+2e-3'],
  [-1.5, '-1.5'],
  [true, 'true'],
  [null, ''],
  ['a,b', '"a,b"'],
  ['\u001b[2Jclosed\u009b1m\u202e', '\ufffd[2Jclosed\ufffd1m\ufffd'],
])('%j is the cell %j', (value, cell) => expect(csvCell(value)).toBe(cell));
