import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';

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
function run(lines: string, ...flags: string[]): { code: number | null; output: string } {
  writeFileSync(join(folder, 'one.check.mjs'), `import { describe, it } from 'vitest';\n${lines}`);
  const args = [VITEST, 'run', '--root', folder, '--reporter', REPORTER, ...flags];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return { code: status, output: stderr };
}

const REASONED = `
  it('passes', () => undefined);
  it('asks', ({ skip }) => skip('no server (yet)'));
  describe.skip('an engine (skipped: no library (apt-get install it))', () => { it('works', () => 0); it('ends', () => 0); });
`;
const BARE = `it.skip('without a reason', () => undefined);`;

describe('the reporter of skipped tests', () => {
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
});
