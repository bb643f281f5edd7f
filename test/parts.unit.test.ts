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
  readonly isInEveryRun: (file: string) => boolean;
  readonly secondsOfFiles: (log: string) => Readonly<Record<string, number>>;
}
const PATH = join(packageRoot(), 'bin', 'parts.mjs');
const { PARTS, SLOW_FILES, partsOf, chosenPart, isInEveryRun, secondsOfFiles } = (await import(PATH)) as PartsModule;

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
    expect(Object.keys(SLOW_FILES).filter(isInEveryRun)).toEqual([]);
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
    expect(chosenPart(undefined).name).toMatch(/^[1-9]\/9$/);
    for (const wanted of ['10/9', '0/9', '1/3', 'first', '']) expect(() => chosenPart(wanted)).toThrow('TEST_PART');
  });
});

it('the seconds of test files are read from what the tests print, colors or not', () => {
  const log = [
    ' \u001b[32m✓\u001b[39m \u001b[30m\u001b[42m shared \u001b[49m\u001b[39m test/home.server.test.ts \u001b[2m(3 tests)\u001b[22m\u001b[33m 12400\u001b[2mms\u001b[22m\u001b[39m',
    '     ✓ answers within its time 4000ms',
    ' ❯ chain  sim/sim.chain.test.ts (31 tests | 1 failed | 2 skipped) 65020ms',
  ];
  expect(secondsOfFiles(log.join('\n'))).toEqual({ 'test/home.server.test.ts': 12, 'sim/sim.chain.test.ts': 65 });
});

it('CI on several machines runs every part', () => {
  const workflow = readFileSync(join(packageRoot(), '.github', 'workflows', 'ci.yml'), 'utf8');
  const part = Array.from({ length: PARTS }, (_, index) => `${index + 1}/${PARTS}`).join(', ');
  expect(workflow).toContain(`part: [${part}]`);
  expect(workflow).toContain('TEST_PART: ${{ matrix.part }}');
});
