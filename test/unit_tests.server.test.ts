import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

/** Calls that start Redis, PostgreSQL, a bucket server, a daemon, or a program of this project. */
const STARTS = /redis_server|postgres_server|s3rver|\bstartDaemon\(|\bcreateServer\(|cli_process|\bbuildProgram\(/;

const FOLDERS = ['shared', 'daemon', 'trainer', 'cli', 'bench', 'sim', 'test', 'mt5'];
const IS_LONG = /from '(?:\.\.\/)*(?:\.\/)?(?:test\/)?long\.ts'/;

const filesOf = (project: string): string[] => {
  const vitest = join(packageRoot(), 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'list', '--project', project, '--filesOnly', '--json'];
  const output = execFileSync(process.execPath, args, { cwd: packageRoot(), encoding: 'utf8' });
  return (JSON.parse(output) as { file: string }[]).map(({ file }) => file);
};

describe('npm run test:unit', () => {
  it('starts no server and no daemon', () => {
    const files = filesOf('unit');
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((file) => STARTS.test(readFileSync(file, 'utf8')))).toEqual([]);
  });
});

describe('the name of a test file', () => {
  it('ends with its kind, by which vitest.config.ts runs it', () => {
    const files = [...FOLDERS, 'dashboard'].flatMap((folder) =>
      readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
        .map((name) => `${folder}/${name}`),
    );
    expect(files.length).toBeGreaterThan(400);
    expect(files.filter((file) => !/\.(unit|server|chain|slow)\.test\.ts$/.test(file))).toEqual([]);
  });
});

describe('npm run test:long', () => {
  it('runs every file that has tests for it', () => {
    const list = ['bin/test_long.mjs', 'test/only_long.json']
      .map((path) => readFileSync(join(packageRoot(), path), 'utf8'))
      .join();
    const files = FOLDERS.flatMap((folder) =>
      readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' }).map(
        (name) => `${folder}/${name}`,
      ),
    ).filter((file) => file.endsWith('.test.ts') && IS_LONG.test(readFileSync(join(packageRoot(), file), 'utf8')));
    expect(files.length).toBeGreaterThan(9);
    // Those of Windows are long by themselves, and run by npm run test:windows.
    const others = files.filter((file) => !file.startsWith('test/windows/'));
    expect(others.filter((file) => ![`'`, '"'].some((quote) => list.includes(`${quote}${file}${quote}`)))).toEqual([]);
  });
});
