import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import onlyLong from './only_long.json' with { type: 'json' };

interface PartsModule {
  readonly PARTS: number;
  readonly SLOW_FILES: Readonly<Record<string, number>>;
  readonly partsOf: (seconds: Readonly<Record<string, number>>, parts: number) => string[][];
  readonly chosenPart: (wanted: string | undefined) => { name: string; leftOut: string[] };
}
const PATH = join(packageRoot(), 'bin', 'parts.mjs');
const { PARTS, SLOW_FILES, partsOf, chosenPart } = (await import(PATH)) as PartsModule;

describe('the parts of the slow test files', () => {
  const parts = partsOf(SLOW_FILES, PARTS);

  it('have each file once, and about the same time', () => {
    expect(parts.flat().sort()).toEqual(Object.keys(SLOW_FILES).sort());
    const seconds = parts.map((files) => files.reduce((sum, file) => sum + SLOW_FILES[file]!, 0));
    expect(Math.max(...seconds) / Math.min(...seconds)).toBeLessThan(1.1);
  });

  it('are files that exist, and that CI does not leave out anyway', () => {
    expect(Object.keys(SLOW_FILES).filter((file) => !existsSync(join(packageRoot(), file)))).toEqual([]);
    expect(onlyLong.filter((file) => file in SLOW_FILES)).toEqual([]);
  });

  it('are run one by one: what each leaves out is in the others', () => {
    const run = Array.from({ length: PARTS }, (_, index) => {
      const { leftOut } = chosenPart(`${index + 1}/${PARTS}`);
      return Object.keys(SLOW_FILES).filter((file) => !leftOut.includes(file));
    });
    expect(run.map((files) => files.sort())).toEqual(parts.map((files) => files.sort()));
    expect(chosenPart('all').leftOut).toEqual([]);
  });

  it('are chosen by the number of commits; another choice that is none is refused', () => {
    expect(chosenPart(undefined).name).toMatch(/^[1-6]\/6$/);
    for (const wanted of ['7/6', '0/6', '1/3', 'first', '']) expect(() => chosenPart(wanted)).toThrow('TEST_PART');
  });
});

it('CI on several machines runs every part', () => {
  const workflow = readFileSync(join(packageRoot(), '.github', 'workflows', 'ci.yml'), 'utf8');
  const part = Array.from({ length: PARTS }, (_, index) => `${index + 1}/${PARTS}`).join(', ');
  expect(workflow).toContain(`part: [${part}]`);
  expect(workflow).toContain('TEST_PART: ${{ matrix.part }}');
});
