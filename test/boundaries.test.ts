import { join } from 'node:path';
import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

// Type-aware rules need files that exist; the boundaries do not.
const eslint = new ESLint({
  cwd: packageRoot(),
  overrideConfig: {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: false, project: null } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-misused-promises': 'off',
      '@typescript-eslint/await-thenable': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': 'off',
      '@typescript-eslint/no-unused-vars': 'off',
    },
  },
});

async function rulesBroken(path: string, code: string): Promise<(string | null)[]> {
  const [result] = await eslint.lintText(code, { filePath: join(packageRoot(), path) });
  return result!.messages.map(({ ruleId, message }) => ruleId ?? message);
}

describe('the import rule', () => {
  it.each([
    ['daemon/feed/x.ts', "import '../../trainer/pipeline.ts';"],
    ['daemon/x.ts', "import '../cli/main.ts';"],
    ['trainer/learn/x.ts', "import '../../daemon/pipeline.ts';"],
    ['shared/store/x.ts', "import '../../daemon/pipeline.ts';"],
    ['shared/x.ts', "import '../trainer/pipeline.ts';"],
    ['shared/store/x.ts', "import 'better-sqlite3';"],
    ['trainer/store/x.ts', "import 'better-sqlite3-12';"],
    ['test/x.ts', "import type { Database } from 'better-sqlite3';"],
    ['shared/core/decide/x.ts', "import '../../store/journal.ts';"],
    ['shared/core/decide/x.ts', "import 'node:fs';"],
    ['shared/core/decide/x.ts', "import 'zod';"],
  ])('refuses in %s: %s', async (path, code) => {
    expect(await rulesBroken(path, code)).toEqual(['no-restricted-imports']);
  });

  it.each([
    ['daemon/feed/x.ts', "import '../../shared/bar.ts';"],
    ['trainer/learn/x.ts', "import '../../shared/bar.ts';"],
    ['shared/core/decide/x.ts', "import '../../bar.ts';"],
    ['cli/x.ts', "import '../daemon/main.ts';"],
  ])('allows in %s: %s', async (path, code) => {
    expect(await rulesBroken(path, code)).toEqual([]);
  });
});

describe('folders', () => {
  it('are made by shared/folder.ts, which does not loop below /proc', async () => {
    const code = "mkdirSync('x', { recursive: true });";
    expect(await rulesBroken('daemon/x.ts', code)).toEqual(['no-restricted-syntax']);
    expect(await rulesBroken('daemon/x.test.ts', code)).toEqual([]);
  });
});

describe('shared/core', () => {
  it.each([
    ['no-restricted-properties', 'export const x = Math.random();'],
    ['no-restricted-properties', 'export const x = Date.now();'],
    ['no-restricted-syntax', 'export const x = new Date();'],
    ['no-restricted-globals', 'export const x = process.env;'],
    ['no-restricted-globals', 'export const x = performance.now();'],
    ['no-restricted-globals', 'setTimeout(() => undefined, 1);'],
  ])('may not use ambient time, randomness or environment (%s): %s', async (rule, code) => {
    expect(await rulesBroken('shared/core/decide/x.ts', code)).toEqual([rule]);
    expect(await rulesBroken('daemon/x.ts', code)).toEqual([]);
  });

  it('may make a date of a time it was given', async () => {
    expect(await rulesBroken('shared/core/decide/x.ts', 'export const x = new Date(0);')).toEqual([]);
  });
});
