import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newEvolution, type EvolutionState } from './evolution.ts';
import { readSearches, writeSearches } from './evolution_file.ts';
import { SEARCH_BLOCKS } from './judge.ts';

describe('the file of an evolution', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'evolution'));
    path = join(folder, 'state.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const searches = (generation: number): Record<string, EvolutionState> => ({
    [SEARCH_BLOCKS[0]!]: { ...newEvolution(), generation, population: ['a', 'b'] },
  });

  it('keeps the generations of a search, the newest ones, and nothing beside', () => {
    expect(readSearches(path, 'one')).toEqual({});
    writeSearches(path, 'one', searches(1));
    writeSearches(path, 'one', searches(2));
    expect(readSearches(path, 'one')).toEqual(searches(2));
    expect(readdirSync(folder)).toEqual(['state.json']);
  });

  it('is refused for another search, other blocks, and where it is damaged', () => {
    writeSearches(path, 'one', searches(1));
    const code = expect.objectContaining({ code: 'SEARCH_JOURNAL' }) as unknown;
    expect(() => readSearches(path, 'other')).toThrow(code as Error);
    writeSearches(path, 'one', { 999: newEvolution() });
    expect(() => readSearches(path, 'one')).toThrow(code as Error);
    writeFileSync(path, '{"format":');
    expect(() => readSearches(path, 'one')).toThrow(code as Error);
  });
});
