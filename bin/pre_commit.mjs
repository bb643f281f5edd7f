#!/usr/bin/env node
/**
 * Checks a commit: format and lint of the staged files, and types of the whole project if one of them is TypeScript. It
 * reads the working tree, and names staged files with unstaged changes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, SetupError, print } from './project.mjs';
import { checkInstalled, run } from './setup.mjs';

/** @param {string[]} args of `git diff` @returns {string[]} paths from the root */
function changed(args) {
  const { status, stdout, stderr } = spawnSync('git', ['diff', '--name-only', '-z', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new SetupError(`git diff failed: ${stderr}`);
  return stdout.split('\0').filter((path) => path !== '');
}

/** @param {string} name @param {string} script @param {string[]} args @returns {boolean} whether it passed */
function holds(name, script, args) {
  const command = [join(ROOT, 'node_modules', script), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) print(`${stdout}${stderr}pre-commit: ${name} failed`);
  return status === 0;
}

await run(async () => {
  checkInstalled('development');
  const staged = changed(['--cached', '--diff-filter=ACMR']).filter((path) => existsSync(join(ROOT, path)));
  if (staged.length === 0) return 0;
  const further = new Set(changed([]));
  const partial = staged.filter((path) => further.has(path));
  if (partial.length > 0) print(`pre-commit: checked with the changes that are not staged: ${partial.join(', ')}`);
  const scripts = staged.filter((path) => /\.(ts|mts|js|mjs)$/.test(path));
  const isTyped = staged.some((path) => path.endsWith('.ts') || /^(package|tsconfig.*)\.json$/.test(path));
  const results = [
    holds('oxfmt', 'oxfmt/bin/oxfmt', ['--check', '--no-error-on-unmatched-pattern', ...staged]),
    scripts.length === 0 || holds('eslint', 'eslint/bin/eslint.js', ['--no-warn-ignored', ...scripts]),
    scripts.length === 0 || holds('oxlint', 'oxlint/bin/oxlint', ['--type-aware', ...scripts]),
    !isTyped || holds('tsc', 'typescript7/bin/tsc', ['--noEmit']),
  ];
  if (results.every(Boolean)) return 0;
  print('pre-commit: `npm run format` formats; `git commit --no-verify` commits anyway.');
  return 1;
});
