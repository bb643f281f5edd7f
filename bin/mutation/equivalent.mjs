import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A place where a mutant changes nothing that a test could see.
 * @typedef {object} EquivalentPlace
 * @property {string} file from the root
 * @property {string} line its text without indentation
 * @property {string} [after] the text of the line above it, where the line alone stands in the file more than once
 * @property {string} [until] the last line of the place, where it has several: the first one below `line`, and indented
 *   as it is, with this text
 * @property {'all' | string[]} mutators names of Stryker's mutators
 * @property {string} reason
 */

/** @typedef {{ mutatorName: string, status: string, location: { start: { line: number } } }} Mutant */

/** @type {readonly EquivalentPlace[]} */
export const EQUIVALENT = JSON.parse(readFileSync(join(import.meta.dirname, 'equivalent.json'), 'utf8'));

/**
 * @param {EquivalentPlace} place @param {string} source of its file
 * @returns {{ first: number, last: number } | null} numbers of its lines, from 1; null where it does not stand there
 *   exactly once
 */
export function linesOf({ line, after, until }, source) {
  const raw = source.split('\n');
  const lines = raw.map((text) => text.trim());
  const found = [...lines.keys()].filter((i) => lines[i] === line && (after === undefined || lines[i - 1] === after));
  if (found.length !== 1) return null;
  const at = found[0];
  const end = until === undefined ? at : raw.indexOf(`${/^\s*/.exec(raw[at])?.[0]}${until}`, at);
  return end < 0 ? null : { first: at + 1, last: end + 1 };
}

/**
 * @param {Record<string, { source: string, mutants: Mutant[] }>} files of a report of Stryker, by path from the root
 * @returns {Mutant[]} the mutants that a test could kill
 */
export function killable(files) {
  return Object.entries(files).flatMap(([file, { source, mutants }]) => {
    const places = EQUIVALENT.filter((place) => place.file === file).map((place) => ({
      mutators: place.mutators,
      lines: linesOf(place, source),
    }));
    return mutants.filter(
      ({ mutatorName, location: { start } }) =>
        !places.some(
          ({ mutators, lines }) =>
            lines !== null &&
            start.line >= lines.first &&
            start.line <= lines.last &&
            (mutators === 'all' || mutators.includes(mutatorName)),
        ),
    );
  });
}
