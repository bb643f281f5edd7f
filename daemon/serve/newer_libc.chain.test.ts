import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../shared/root.ts';

const LIBRARY = join(packageRoot(), 'bin', 'newer_libc.mjs');
const VITEST = join(packageRoot(), 'node_modules', 'vitest', 'vitest.mjs');
/** Files with tests of every engine, and titles of those that depend on it. */
const FILES = ['daemon/serve/serve', 'daemon/publish/websocket', 'daemon/main.chain'];
const TITLES = 'on uwebsockets|the choice of the engine';
const TIMEOUT_MS = 900_000;

/** What vitest writes with `--reporter=json`. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Path of a Node that loads uWebSockets.js here, or why there is none. */
let made: { readonly node: string } | { readonly reason: string };
beforeAll(async () => {
  const { nodeWithUwebsockets } = (await import(pathToFileURL(LIBRARY).href)) as {
    nodeWithUwebsockets(): Promise<string>;
  };
  try {
    made = { node: await nodeWithUwebsockets() };
  } catch (error) {
    if (process.env['CI'] !== undefined && process.platform === 'linux') throw error;
    made = { reason: (error as Error).message };
  }
}, TIMEOUT_MS);

const folder = mkdtempSync(join(tmpdir(), 'minutehand-engine-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('uWebSockets.js, where needed with the C library of a newer system', () => {
  it('is loaded by a Node whose children are like it', ({ skip }) => {
    if (!('node' in made)) return skip(made.reason);
    const loads = `require('@btc-vision/uwebsockets.js').App().constructor.name`;
    const again = `require('node:child_process').execFileSync(process.execPath, ['-p', ${JSON.stringify(loads)}]) + ''`;
    expect(execFileSync(made.node, ['-p', again], { encoding: 'utf8' }).trim()).toBe('uWS.App');
  });

  it(
    'passes all tests of the server, of its publisher and of a daemon on it',
    ({ skip }) => {
      if (!('node' in made)) return skip(made.reason);
      const file = join(folder, 'report.json');
      const args = [VITEST, 'run', '--reporter=json', '--outputFile', file, '--maxWorkers=1', '-t', TITLES, ...FILES];
      // The child's coverage would be counted as this run's.
      const env = { ...process.env, NODE_V8_COVERAGE: '' };
      const { status, stderr } = spawnSync(made.node, args, { cwd: packageRoot(), env, encoding: 'utf8' });
      const { testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report;
      const ran = testResults.map(({ name, assertionResults }) => ({
        name,
        of: assertionResults.filter(({ status: verdict }) => verdict !== 'skipped'),
      }));
      const failed = ran.flatMap(({ of }) => of.filter(({ status: verdict }) => verdict !== 'passed'));
      expect(failed).toEqual([]);
      // Where it did not load, its tests would not be there.
      for (const name of FILES) {
        const own = ran.filter((one) => one.name.includes(`/${name}`)).flatMap(({ of }) => of);
        expect([name, own.some(({ fullName }) => fullName.includes('on uwebsockets'))]).toEqual([name, true]);
      }
      expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
    },
    TIMEOUT_MS,
  );
});
