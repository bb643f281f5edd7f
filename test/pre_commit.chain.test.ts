import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { skipNote } from './skip_note.ts';

// The checkers start slowly on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

const CONFIGURATION = [
  'package.json',
  'package-lock.json',
  '.npmrc',
  '.gitignore',
  '.oxfmtrc.json',
  '.oxlintrc.json',
  'tsconfig.json',
  'eslint.config.js',
  'bin',
];
const hasGit = spawnSync('git', ['--version']).status === 0;
const isSkipped = !hasGit && !process.env['CI'];

describe.skipIf(isSkipped)(`the pre-commit hook${skipNote(isSkipped, 'git not found')}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'minutehand-hook-'));
    for (const name of CONFIGURATION) cpSync(join(packageRoot(), name), join(folder, name), { recursive: true });
    symlinkSync(join(packageRoot(), 'node_modules'), join(folder, 'node_modules'));
    mkdirSync(join(folder, 'shared'));
    git('init', '-q');
    git('config', 'user.name', 'test');
    git('config', 'user.email', 'test@localhost');
    expect(spawnSync('npm', ['run', 'hooks'], { cwd: folder }).status).toBe(0);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function git(...args: string[]): { status: number | null; stderr: string } {
    // Git variables of a hook that runs this test.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
    return spawnSync('git', args, { cwd: folder, env, encoding: 'utf8' });
  }

  /** Stages one file with this text, and commits. */
  function commit(path: string, text: string): { status: number | null; stderr: string } {
    git('reset', '-q');
    writeFileSync(join(folder, path), text);
    git('add', path);
    return git('commit', '-q', '-m', path);
  }

  it('accepts a valid file', () => {
    expect(commit('shared/sound.ts', "export const name: string = 'sound';\n")).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  it('refuses what oxfmt, oxlint and tsc refuse, and names the tool', () => {
    writeFileSync(join(folder, 'shared', 'typed.ts'), "export const count: number = 'one';\n");
    writeFileSync(join(folder, 'notes.md'), 'a\n\n\n\nb\n');
    git('add', 'shared/typed.ts', 'notes.md');
    writeFileSync(
      join(folder, 'shared', 'equal.ts'),
      'export const isOne = (value: unknown): boolean => value == 1;\n',
    );
    git('add', 'shared/equal.ts');
    const { status, stderr } = git('commit', '-q', '-m', 'faults');
    expect([status, ...stderr.matchAll(/pre-commit: (\w+) failed/g)].map(String)).toEqual([
      '1',
      ...['oxfmt', 'oxlint', 'tsc'].map((tool) => `pre-commit: ${tool} failed,${tool}`),
    ]);
    rmSync(join(folder, 'shared', 'typed.ts'));
    git('reset', '-q');
  });

  it('checks only staged files, and names those whose working copy differs', () => {
    writeFileSync(join(folder, 'later.md'), 'a\n\n\n\nb\n');
    expect(commit('first.md', 'first\n')).toMatchObject({ status: 0, stderr: '' });
    git('reset', '-q');
    writeFileSync(join(folder, 'both.md'), 'staged\n');
    git('add', 'both.md');
    writeFileSync(join(folder, 'both.md'), 'staged\n\nand more\n');
    expect(git('commit', '-q', '-m', 'both').stderr).toContain('not staged: both.md');
  });
});
