/** Steps of a test run: each is timed, reported and counted. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runShown } from './programs.mjs';
import { ROOT, print } from './project.mjs';

/** @typedef {() => Promise<boolean | number | void>} Work false or a nonzero exit code: failed */
/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/** @type {string[]} Failed steps, tests aside. */
const failedSteps = [];
/** @type {Counts} */
const tests = { passed: 0, failed: 0, skipped: 0 };

/** @param {string} name @param {Work} work @returns {Promise<boolean>} whether it passed */
export async function step(name, work) {
  const startMs = performance.now();
  print(`\n== ${name}`);
  let result;
  try {
    result = await work();
  } catch (error) {
    print(error instanceof Error ? error.message : String(error));
    result = false;
  }
  const isGood = result === undefined || result === true || result === 0;
  print(`== ${name}: ${isGood ? 'ok' : 'FAILED'} (${((performance.now() - startMs) / 1000).toFixed(1)} s)`);
  return isGood;
}

/** A step whose failure counts. @param {string} name @param {Work} work @returns {Promise<boolean>} */
export async function mustHold(name, work) {
  const isGood = await step(name, work);
  if (!isGood) failedSteps.push(name);
  return isGood;
}

/**
 * Runs vitest and counts its tests.
 * @param {string} name
 * @param {string[]} args of vitest
 * @param {{ node?: string, root?: string, env?: NodeJS.ProcessEnv }} [where] another Node, another copy of this
 * project, further variables
 */
export async function testsHold(name, args, { node = process.execPath, root = ROOT, env = {} } = {}) {
  const reportPath = join(ROOT, 'var', `test-report-${process.pid}-${name.replaceAll(' ', '_')}.json`);
  const report = ['--reporter=default', '--reporter=./test/skip_reporter.ts', '--reporter=json'];
  report.push(`--outputFile.json=${reportPath}`);
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  let isGood = false;
  await step(name, async () => {
    const code = await runShown(node, [vitest, 'run', ...report, ...args], {
      cwd: root,
      env: { ...process.env, ...env },
    });
    isGood = code === 0;
    return code;
  });
  const counts = readReport(reportPath);
  for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) tests[key] += counts[key];
  // An error outside any test, or no report at all.
  if (!isGood && counts.failed === 0) failedSteps.push(name);
}

/** Prints the result as the last line of standard output. @returns {number} the exit code */
export function conclude() {
  const failed = tests.failed + failedSteps.length;
  const skipped = tests.skipped > 0 ? `, ${tests.skipped} skipped` : '';
  // Repeated at the end, because they may have failed long before the last test.
  print(failedSteps.length > 0 ? `\nfailed: ${failedSteps.join(', ')}` : '');
  process.stdout.write(`${tests.passed} passed, ${failed} failed${skipped}\n`);
  return failed === 0 ? 0 : 1;
}

/**
 * Counts tests; a file that could not be loaded counts as one failed test.
 * @param {string} path
 * @returns {Counts}
 */
function readReport(path) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return counts;
  }
  rmSync(path, { force: true });
  for (const file of report.testResults) {
    const statuses = file.assertionResults.map((/** @type {{ status: string }} */ test) => test.status);
    const failed = statuses.filter((/** @type {string} */ status) => status === 'failed').length;
    counts.passed += statuses.filter((/** @type {string} */ status) => status === 'passed').length;
    counts.failed += failed === 0 && file.status === 'failed' ? 1 : failed;
    counts.skipped += statuses.filter((/** @type {string} */ status) =>
      ['pending', 'skipped', 'todo'].includes(status),
    ).length;
  }
  return counts;
}
