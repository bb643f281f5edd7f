import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cellsOf, type Delimiter } from './cells.ts';

function parsed(line: string, delimiter: Delimiter): string[] | null {
  try {
    const rows = parse(line, { delimiter, relaxColumnCount: true, trim: true, bom: true }) as string[][];
    return rows.length === 1 ? rows[0]! : null;
  } catch {
    return null;
  }
}

it('cells of a line with quotes are those of the CSV library, wherever quotes, blanks and separators stand', () => {
  const cell = fc.oneof(
    fc.constantFrom('1.08123', '', ' 7 ', '2025-01-06 17:00', '-'),
    fc.constantFrom('"1.08"', '""', '" a "', ' "x" ', '"a""b"', '"a,b"', '"a;b"', '"', 'a"b', '"a"b', '"a" "b"'),
    fc.string({ unit: fc.constantFrom('"', ',', ';', ' ', 'a', '1'), maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1, maxLength: 6 }), fc.constantFrom(',', ';'), (cells, delimiter) => {
      const line = cells.join(delimiter);
      fc.pre(line.includes('"'));
      expect(cellsOf(line, delimiter as Delimiter)).toEqual(parsed(line, delimiter as Delimiter));
    }),
    { numRuns: 3000 },
  );
});
