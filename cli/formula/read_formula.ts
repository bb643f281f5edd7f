import { FormulaError } from '../../shared/core/formula/formula_error.ts';
import { parseFormula, type Formula } from '../../shared/core/formula/formula.ts';
import type { Sources } from '../../shared/core/formula/sources.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { faultText } from '../../shared/policy/formula_fault.ts';

/**
 * Parses a formula for a person.
 * @param note receives the formula with a mark below the position of a fault
 * @throws MinutehandError with the code of the fault
 */
export function readFormula(text: string, sources: Sources, note: (text: string) => void): Formula {
  try {
    return parseFormula(text, sources);
  } catch (error) {
    if (!(error instanceof FormulaError)) throw error;
    note(marked(text, error.column));
    throw new MinutehandError(error.code, { seen: faultText(error) });
  }
}

/** The line of the text that holds the column, and a mark below it. */
export function marked(text: string, column: number): string {
  const begin = text.lastIndexOf('\n', column - 2) + 1;
  const found = text.indexOf('\n', column - 1);
  const line = text.slice(begin, found < 0 ? undefined : found);
  // Tabs take the same room above and below.
  const before = line.slice(0, column - 1 - begin).replace(/[^\t]/g, ' ');
  return `  ${line}\n  ${before}^`;
}
