import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ESLint, type Linter } from 'eslint';
import parser from '@typescript-eslint/parser';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

interface LintConfig {
  readonly FUNCTION_LINES_MAX: number;
  readonly LONGER_FUNCTIONS_MAX: number;
  /** Lines of the longest function, by file. */
  readonly LONGER_FUNCTIONS: Readonly<Record<string, number>>;
  functionsOf(max: number): Linter.RulesRecord;
}

const config = (await import(pathToFileURL(join(packageRoot(), 'eslint.config.js')).href)) as LintConfig;

/** Counts the lines of every function like the lint rule. */
const counter = new ESLint({
  cwd: packageRoot(),
  overrideConfigFile: true,
  overrideConfig: {
    files: ['**/*.ts'],
    languageOptions: { parser },
    rules: config.functionsOf(0),
  },
});

async function longestFunction(code: string): Promise<number> {
  const [result] = await counter.lintText(code, { filePath: join(packageRoot(), 'x.ts') });
  return Math.max(
    0,
    ...result!.messages.map(({ ruleId, message }) => {
      const lines = /\((\d+)\)/.exec(message)?.[1];
      if (ruleId !== 'max-lines-per-function' || lines === undefined) throw new Error(message);
      return Number(lines);
    }),
  );
}

/** @param read returns the code of a file; null if it is gone */
async function staleEntries(
  entries: Readonly<Record<string, number>>,
  read: (file: string) => string | null,
): Promise<string[]> {
  const stale: string[] = [];
  for (const [file, max] of Object.entries(entries)) {
    const code = read(file);
    if (code === null) {
      stale.push(`${file}: the file is gone, remove the entry`);
      continue;
    }
    const longest = await longestFunction(code);
    if (longest <= config.FUNCTION_LINES_MAX)
      stale.push(`${file}: its longest function has ${longest} lines, remove the entry`);
    else if (longest < max)
      stale.push(`${file}: its longest function has ${longest} lines, lower the entry from ${max}`);
  }
  return stale;
}

describe('the list of files with long functions', () => {
  it('has no stale entry', async () => {
    const read = (file: string): string | null => {
      const path = join(packageRoot(), file);
      return existsSync(path) ? readFileSync(path, 'utf8') : null;
    };
    expect(await staleEntries(config.LONGER_FUNCTIONS, read)).toEqual([]);
  });

  it('has no more entries than eslint.config.js allows', () => {
    expect(Object.keys(config.LONGER_FUNCTIONS).length).toBeLessThanOrEqual(config.LONGER_FUNCTIONS_MAX);
  });
});

describe('the check of stale entries', () => {
  const lines = (count: number): string => `export function x(): void {\n${'  void 0;\n'.repeat(count - 2)}}\n`;
  const gone = (): null => null;

  it.each<[string, number, () => string | null, string[]]>([
    ['accepts the number of the longest function', 90, () => lines(80) + lines(90).replace('x(', 'y('), []],
    ['leaves a longer function to the lint rule', 90, () => lines(95), []],
    ['does not count blank lines and comments', 90, () => lines(90).replace('{\n', '{\n\n  // A word.\n'), []],
    [
      'refuses a higher number',
      90,
      () => lines(89),
      ['a.ts: its longest function has 89 lines, lower the entry from 90'],
    ],
    [
      'refuses a file whose functions fit',
      90,
      () => lines(70),
      ['a.ts: its longest function has 70 lines, remove the entry'],
    ],
    [
      'refuses a file without functions',
      90,
      () => 'export {};',
      ['a.ts: its longest function has 0 lines, remove the entry'],
    ],
    ['refuses a file that is gone', 90, gone, ['a.ts: the file is gone, remove the entry']],
  ])('%s', async (_name, max, read, expected) => {
    expect(await staleEntries({ 'a.ts': max }, read)).toEqual(expected);
  });
});

it.each(['daemon/pipeline.ts', 'trainer/pipeline.ts'])('%s is a page of at most 150 lines', (path) => {
  expect(readFileSync(join(packageRoot(), path), 'utf8').split('\n').length - 1).toBeLessThanOrEqual(150);
});
