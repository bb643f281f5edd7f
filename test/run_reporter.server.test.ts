import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import type { RunReport } from './run_reporter.ts';

const VITEST = join(packageRoot(), 'node_modules', 'vitest', 'vitest.mjs');
const REPORTER = join(packageRoot(), 'test', 'run_reporter.ts');

let folder: string;
beforeAll(() => {
  // Inside node_modules, so that vitest is found.
  const cache = join(packageRoot(), 'node_modules', '.cache');
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, 'skip-reporter-'));
  writeFileSync(join(folder, 'vitest.config.mjs'), `export default { test: { include: ['*.check.mjs'] } };`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a test file with these lines. */
function run(
  lines: string,
  ...flags: string[]
): { code: number | null; output: string; shown: string; report: RunReport } {
  writeFileSync(join(folder, 'one.check.mjs'), `import { beforeAll, describe, it } from 'vitest';\n${lines}`);
  const args = [VITEST, 'run', '--root', folder, '--reporter', REPORTER, ...flags];
  const reportFile = join(folder, 'report.json');
  const env = { ...process.env, TEST_RUN_REPORT: reportFile };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
  const report = JSON.parse(readFileSync(reportFile, 'utf8')) as RunReport;
  return { code: status, output: stderr, shown: stripVTControlCharacters(stdout), report };
}

const REASONED = `
  it('passes', () => undefined);
  it('asks', ({ skip }) => skip('no server (yet)'));
  describe.skip('an engine (skipped: no library (apt-get install it))', () => { it('works', () => 0); it('ends', () => 0); });
`;
const BARE = `it.skip('without a reason', () => undefined);`;

describe('the reporter of a run', () => {
  it('prints each reason with its number of tests, and the run passes', () => {
    const { code, output } = run(REASONED);
    expect(output).toContain('skipped 1: no server (yet) (one.check.mjs)\n');
    expect(output).toContain('skipped 2: no library (apt-get install it) (one.check.mjs)\n');
    expect(code).toBe(0);
  });

  it('fails a run with a test that is skipped without a reason, unless tests were picked by name', () => {
    const { code, output } = run(REASONED + BARE);
    expect(output).toContain('skipped 1: NO REASON GIVEN for "without a reason" (one.check.mjs)\n');
    expect(code).toBe(1);
    expect(run(REASONED + BARE, '-t', 'passes').code).toBe(0);
  });

  it('says of tests whose set-up failed that it did, and counts the failure once', () => {
    const { code, output, report } = run(
      `describe('a server', () => {
         beforeAll(() => { throw new Error('no port'); });
         it('answers', () => 0); it('ends', () => 0);
       });`,
    );
    expect(output).toContain('skipped 2: the set-up of its suite or file failed (one.check.mjs)\n');
    expect(report.failures).toEqual([{ file: 'one.check.mjs', test: 'the file itself', message: 'no port' }]);
    expect(code).toBe(1);
  });

  it('names a failure when it happens, and each file that is done with its tests and times', () => {
    const { code, shown } = run(`it('holds', () => { throw new Error('not today'); }); it('works', () => 0);`);
    expect(code).toBe(1);
    const failure = shown.indexOf('FAILED one.check.mjs: holds\n       not today\n');
    const done = shown.search(/^× 1\/1 one\.check\.mjs \(2 tests, 1 failed\) \d+\.\d s$/m);
    expect(failure).toBeGreaterThan(-1);
    expect(done).toBeGreaterThan(failure);
  });

  it('writes what the last lines of the run are made of', () => {
    const { report } = run(REASONED + `it('holds', () => { throw new Error('not today'); });`);
    expect(report).toEqual({
      passed: 1,
      skipped: [
        { reason: 'no server (yet)', tests: 1, files: ['one.check.mjs'] },
        { reason: 'no library (apt-get install it)', tests: 2, files: ['one.check.mjs'] },
      ],
      failures: [{ file: 'one.check.mjs', test: 'holds', message: 'not today' }],
      passedNames: { 'one.check.mjs': ['passes'] },
      took: { 'one.check.mjs': { wall_s: expect.any(Number) as number, processor_s: null } },
    });
    const broken = run(`throw new Error('not loaded');`).report;
    expect(broken.failures).toEqual([{ file: 'one.check.mjs', test: 'the file itself', message: 'not loaded' }]);
  });
});
