import type { Candidate } from './candidates.ts';

/**
 * A feature file with these formulas at its end; everything before stays as it is.
 * @param text of the file; empty when there is none
 */
export function withEntries(text: string, chosen: readonly Candidate[], note: string): string {
  const start = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  // A description is a YAML string in double quotes, which JSON's are.
  const entries = chosen.map(
    ({ name, text: formula }) =>
      `${name}:\n  formula: ${JSON.stringify(formula)}\n  description: ${JSON.stringify(note)}\n`,
  );
  return `${start}${entries.join('')}`;
}
