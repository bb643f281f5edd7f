/** Steps of a test run: each is timed, reported and counted. */
import { readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { runShown } from './programs.mjs';
import { ROOT, print } from './project.mjs';

/** @typedef {() => Promise<boolean | number | void>} Work false or a nonzero exit code: failed */
/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */
/** @typedef {{ file: string, test: string, message: string }} Failure `file` is relative to the project's root */
/** @typedef {{ name: string, node: string, root: string, failed: number, failures: Failure[] }} FailedRun */

/** @type {string[]} Failed steps, tests aside. */
const failedSteps = [];
/** @type {Counts} */
const tests = { passed: 0, failed: 0, skipped: 0 };
/** @type {FailedRun[]} Runs of vitest in which only tests failed. */
const failedRuns = [];
/** @type {string[]} Tests that failed beside others and passed alone. */
const passedAlone = [];
/** More failed files than this are not a matter of a busy machine. */
const REPEATED_FILES = 4;

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
  const { isGood, counts, failures } = await runVitest(name, args, { node, root, env });
  for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) tests[key] += counts[key];
  // An error outside any test, or no report at all.
  if (!isGood && counts.failed === 0) failedSteps.push(name);
  if (counts.failed > 0) failedRuns.push({ name, node, root, failed: counts.failed, failures });
}

/**
 * Runs the files of failed tests once more, with nothing beside them. Each test that passes then counts as passed and
 * is named in the result: it depends on how busy the machine is, which is a fault of the test, not of the change. A
 * failure in most of a run is not repeated.
 */
export async function repeatFailedAlone() {
  for (const run of failedRuns.slice()) {
    const files = [...new Set(run.failures.map(({ file }) => file))];
    if (files.length > REPEATED_FILES) continue;
    const name = `${run.name}, failed files alone`;
    const again = await runVitest(name, ['--maxWorkers=1', ...files], { node: run.node, root: run.root, env: {} });
    // An error outside any test says nothing of single tests.
    if (!again.isGood && again.failures.length === 0) continue;
    // Of a file that could not be loaded the first time, no test has a name: it is judged by the whole repetition.
    const isPassed = (/** @type {Failure} */ failure) => again.isGood || again.passedNames.has(nameOf(failure));
    const passed = run.failures.filter(isPassed);
    tests.failed -= passed.length;
    tests.passed += passed.length;
    passedAlone.push(...passed.map(describeFailure));
    run.failures = run.failures.filter((failure) => !isPassed(failure));
    if (run.failures.length === 0) failedRuns.splice(failedRuns.indexOf(run), 1);
  }
}

/** @param {Pick<Failure, 'file' | 'test'>} failure */
const nameOf = ({ file, test }) => `${file}: ${test}`;

/** @param {Failure} failure */
const describeFailure = ({ file, test, message }) => `  ${file}: ${test}\n      ${message}`;

/**
 * @param {string} name
 * @param {string[]} args of vitest
 * @param {{ node: string, root: string, env: NodeJS.ProcessEnv }} where
 * @returns {Promise<{ isGood: boolean, counts: Counts, failures: Failure[], passedNames: ReadonlySet<string> }>}
 */
async function runVitest(name, args, { node, root, env }) {
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
  return { isGood, ...readReport(reportPath, root) };
}

/** Prints the result as the last line of standard output. @returns {number} the exit code */
export function conclude() {
  const failed = tests.failed + failedSteps.length;
  const skipped = tests.skipped > 0 ? `, ${tests.skipped} skipped` : '';
  // Repeated at the end, because they may have failed long before the last test.
  const failures = failedRuns.flatMap((run) => run.failures).map(describeFailure);
  if (passedAlone.length > 0) print(`\nfailed beside other tests and passed alone:\n${passedAlone.join('\n')}`);
  if (failures.length > 0) print(`\nfailed tests:\n${failures.join('\n')}`);
  print(failedSteps.length > 0 ? `\nfailed: ${failedSteps.join(', ')}` : '');
  process.stdout.write(`${tests.passed} passed, ${failed} failed${skipped}\n`);
  return failed === 0 ? 0 : 1;
}

/**
 * Counts tests; a file that could not be loaded counts as one failed test.
 * @param {string} path
 * @param {string} root of the project in which the tests ran
 * @returns {{ counts: Counts, failures: Failure[], passedNames: ReadonlySet<string> }} names as by {@link nameOf}
 */
function readReport(path, root) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  /** @type {Failure[]} */
  const failures = [];
  /** @type {Set<string>} */
  const passedNames = new Set();
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return { counts, failures, passedNames };
  }
  rmSync(path, { force: true });
  for (const file of report.testResults) {
    const statuses = file.assertionResults.map((/** @type {{ status: string }} */ test) => test.status);
    const failed = statuses.filter((/** @type {string} */ status) => status === 'failed').length;
    const ofFile = relative(root, file.name);
    for (const { status, fullName: test, failureMessages } of file.assertionResults) {
      if (status === 'failed') failures.push({ file: ofFile, test, message: firstLine(failureMessages?.[0]) });
      if (status === 'passed') passedNames.add(nameOf({ file: ofFile, test }));
    }
    if (failed === 0 && file.status === 'failed')
      failures.push({ file: ofFile, test: 'the file could not be loaded', message: firstLine(file.message) });
    counts.passed += statuses.filter((/** @type {string} */ status) => status === 'passed').length;
    counts.failed += failed === 0 && file.status === 'failed' ? 1 : failed;
    counts.skipped += statuses.filter((/** @type {string} */ status) =>
      ['pending', 'skipped', 'todo'].includes(status),
    ).length;
  }
  return { counts, failures, passedNames };
}

/** @param {string | undefined} text */
function firstLine(text) {
  return (text ?? '').trimStart().split('\n')[0]?.slice(0, 300) ?? '';
}
