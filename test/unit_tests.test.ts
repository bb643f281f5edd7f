import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

/** Calls that start Redis, PostgreSQL, a server of a bucket, a daemon, or a program of this folder. */
const STARTS = /redis_server|postgres_server|s3rver|\bstartDaemon\(|\bcreateServer\(|cli_process|\bbuildProgram\(/;

const filesOf = (project: string): string[] => {
  const vitest = join(packageRoot(), 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'list', '--project', project, '--filesOnly', '--json'];
  const output = execFileSync(process.execPath, args, { cwd: packageRoot(), encoding: 'utf8' });
  return (JSON.parse(output) as { file: string }[]).map(({ file }) => file);
};

describe('npm run test:unit', () => {
  it('starts no server and no daemon', () => {
    const files = filesOf('together');
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter((file) => STARTS.test(readFileSync(file, 'utf8')))).toEqual([]);
  });
});
