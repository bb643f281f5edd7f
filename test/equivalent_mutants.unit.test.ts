import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

/** As `bin/mutation/equivalent.mjs` describes it. */
interface Place {
  readonly file: string;
  readonly line: string;
  readonly after?: string;
  readonly until?: string;
  readonly mutators: 'all' | readonly string[];
  readonly reason: string;
}

interface Mutant {
  readonly mutatorName: string;
  readonly status: string;
  readonly location: { readonly start: { readonly line: number } };
}

const { EQUIVALENT, killable, linesOf } = (await import(
  pathToFileURL(join(packageRoot(), 'bin/mutation/equivalent.mjs')).href
)) as {
  EQUIVALENT: readonly Place[];
  killable: (files: Record<string, { source: string; mutants: Mutant[] }>) => Mutant[];
  linesOf: (place: Place, source: string) => { first: number; last: number } | null;
};

const sourceOf = (file: string): string => readFileSync(join(packageRoot(), file), 'utf8');

/** A mutant of a line, as a report of Stryker has it. */
const mutant = (line: number, mutatorName: string): Mutant => ({
  mutatorName,
  status: 'Survived',
  location: { start: { line } },
});

describe('the list of equivalent mutants', () => {
  it('names lines that stand once in their files, with a reason', () => {
    expect(EQUIVALENT.length).toBeGreaterThan(0);
    const wrong = EQUIVALENT.filter((place) => linesOf(place, sourceOf(place.file)) === null || place.reason === '');
    expect(wrong.map(({ file, line }) => `${file}: ${line}`)).toEqual([]);
  });

  it('takes out the named mutators of a line, and all of a place of several lines', () => {
    const [one] = EQUIVALENT.filter(({ mutators }) => mutators !== 'all');
    const [several] = EQUIVALENT.filter(({ until }) => until !== undefined);
    for (const place of [one!, several!]) {
      const { file, mutators } = place;
      const source = sourceOf(file);
      const { first, last } = linesOf(place, source)!;
      const named = mutators === 'all' ? 'OptionalChaining' : mutators[0]!;
      const others = [mutant(first - 1, named), mutant(last + 1, named)];
      const own = [mutant(first, named), mutant(last, named)];
      expect(killable({ [file]: { source, mutants: [...own, ...others] } })).toEqual(others);
      if (mutators !== 'all')
        expect(killable({ [file]: { source, mutants: [mutant(first, 'Regex')] } })).toHaveLength(1);
      expect(killable({ 'shared/other.ts': { source, mutants: own } })).toEqual(own);
    }
  });
});
