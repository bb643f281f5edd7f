import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../shared/root.ts';
import { WEEKLY } from './weekly.ts';

/** Calls that start Redis, PostgreSQL, a bucket server, a daemon, or a program of this project. */
const STARTS = /redis_server|postgres_server|s3rver|\bstartDaemon\(|\bcreateServer\(|cli_process|\bbuildProgram\(/;

/** It may not import from test/. */
const RESAMPLER = 'shared/core/resample/bar_resampler.unit.test.ts';
const FOLDERS = ['shared', 'daemon', 'trainer', 'cli', 'bench', 'sim', 'test', 'mt5'];
const HAS_LONG_FORM = /\b(IS_WEEKLY|WEEKLY_NOTE)\b.* from '.*weekly\.ts'/;

const testFiles = (): string[] =>
  [...FOLDERS, 'dashboard'].flatMap((folder) =>
    readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
      .map((name) => `${folder}/${name}`),
  );

/** What vitest runs without a filter, and with one. */
const filesOf = (...filter: string[]): string[] => {
  const vitest = join(packageRoot(), 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'list', ...filter, '--filesOnly', '--json'];
  const output = execFileSync(process.execPath, args, { cwd: packageRoot(), encoding: 'utf8' });
  return (JSON.parse(output) as { file: string }[]).map(({ file }) => file);
};

describe('npm test', () => {
  it('runs every test file exactly once', () => {
    const run = filesOf().map((file) => relative(packageRoot(), file));
    expect(run.sort()).toEqual(testFiles().sort());
  });
});

describe('npm run test:unit', () => {
  it('starts no server and no daemon', () => {
    const files = filesOf('.unit.test.ts');
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((file) => STARTS.test(readFileSync(file, 'utf8')))).toEqual([]);
  });
});

describe('the name of a test file', () => {
  it('ends with its kind, by which vitest.config.ts runs it', () => {
    const files = testFiles();
    expect(files.length).toBeGreaterThan(400);
    expect(files.filter((file) => !/\.(unit|server|chain|slow)\.test\.ts$/.test(file))).toEqual([]);
  });
});

describe('npm run test:weekly', () => {
  const listed = Object.keys(WEEKLY).sort();

  it('runs every file that has a long form', () => {
    const files = testFiles().filter((file) => HAS_LONG_FORM.test(readFileSync(join(packageRoot(), file), 'utf8')));
    expect([...files, RESAMPLER].sort()).toEqual(listed);
  });

  it('runs when something changes in the folder of such a file', () => {
    const text = readFileSync(join(packageRoot(), '.github', 'workflows', 'weekly.yml'), 'utf8');
    const { on } = parse(text) as { on: { push: { paths: string[] } } };
    const folders = listed.map((file) => `${dirname(file)}/**`);
    expect(folders.filter((folder) => !on.push.paths.some((path) => folder.startsWith(path.slice(0, -2))))).toEqual([]);
  });
});
