/** Steps of a test run: each is timed, reported and counted. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runShown } from './programs.mjs';
import { ROOT, print } from './project.mjs';

/** @typedef {() => Promise<boolean | number | void>} Work false or a nonzero exit code: failed */
/** @typedef {{ reason: string, tests: number, files: string[] }} Skipped */
/** @typedef {{ wall_s: number, processor_s: number | null }} Took */
/** @typedef {{ file: string, test: string, message: string }} Failure `file` is relative to the project's root */
/** @typedef {{ name: string, node: string, root: string, env: NodeJS.ProcessEnv, failures: Failure[] }} FailedRun */

/** @type {string[]} Failed steps, tests aside. */
const failedSteps = [];
let passedTests = 0;
/** @type {Skipped[]} */
const skippedTests = [];
/** @type {Record<string, Took>} What each file took that ran beside others. */
const filesTook = {};
/** @type {FailedRun[]} Runs of vitest in which only tests failed. */
const failedRuns = [];
/** @type {string[]} Tests that failed beside others and passed alone. */
const flaky = [];
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
  const { isGood, passed, skipped, failures, took } = await runVitest(name, args, { node, root, env });
  passedTests += passed;
  skippedTests.push(...skipped);
  Object.assign(filesTook, took);
  // An error outside any test, or no report at all.
  if (!isGood && failures.length === 0) failedSteps.push(name);
  if (failures.length > 0) failedRuns.push({ name, node, root, env, failures });
}

/**
 * Runs the files of failed tests once more, with nothing beside them. Each test that passes then counts as passed and
 * is named in the result as flaky, which is a defect of the test or of what it tests. A failure in most of a run is not
 * repeated.
 */
export async function repeatFailedAlone() {
  for (const run of failedRuns.slice()) {
    const files = [...new Set(run.failures.map(({ file }) => file))];
    if (files.length > REPEATED_FILES) continue;
    const name = `${run.name}, failed files alone`;
    const again = await runVitest(name, ['--maxWorkers=1', ...files], run);
    // An error outside any test says nothing of single tests.
    if (!again.isGood && again.failures.length === 0) continue;
    // Of a file that could not be loaded the first time, no test has a name: it is judged by the whole repetition.
    const isPassed = (/** @type {Failure} */ { file, test }) =>
      again.isGood || (again.passedNames[file] ?? []).includes(test);
    const passed = run.failures.filter(isPassed);
    passedTests += passed.length;
    flaky.push(...passed.map(describeFailure));
    run.failures = run.failures.filter((failure) => !isPassed(failure));
    if (run.failures.length === 0) failedRuns.splice(failedRuns.indexOf(run), 1);
  }
}

/** @param {Failure} failure */
const describeFailure = ({ file, test, message }) => `  ${file}: ${test}\n      ${message}`;

/**
 * @typedef {{ passed: number, skipped: Skipped[], failures: Failure[], passedNames: Record<string, string[]>,
 *   took: Record<string, Took> }} Report as test/run_reporter.ts writes it
 */
const NO_REPORT = { passed: 0, skipped: [], failures: [], passedNames: {}, took: {} };

/**
 * @param {string} name
 * @param {string[]} args of vitest
 * @param {{ node: string, root: string, env: NodeJS.ProcessEnv }} where
 * @returns {Promise<Report & { isGood: boolean }>}
 */
async function runVitest(name, args, { node, root, env }) {
  const reportPath = join(ROOT, 'var', `test-report-${process.pid}-${name.replaceAll(' ', '_')}.json`);
  mkdirSync(join(ROOT, 'var'), { recursive: true });
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporter = join(ROOT, 'test', 'run_reporter.ts');
  let isGood = false;
  await step(name, async () => {
    const code = await runShown(node, [vitest, 'run', '--reporter', reporter, ...args], {
      cwd: root,
      env: { ...process.env, ...env, TEST_RUN_REPORT: reportPath },
    });
    isGood = code === 0;
    return code;
  });
  return { ...readReport(reportPath), isGood };
}

/** @param {string} path @returns {Report} nothing where there is none */
function readReport(path) {
  try {
    const report = JSON.parse(readFileSync(path, 'utf8'));
    rmSync(path, { force: true });
    return report;
  } catch {
    return NO_REPORT;
  }
}

/** Files that took most, shown at the end. */
const SLOWEST = 10;
/**
 * Seconds of processor time of a file's processes, and their share of those of all files of a run: another machine, or
 * a busy one, makes all of them slower. The greater of the two is the budget.
 */
const FILE_BUDGET = { seconds: 60, share: 0.015 };
/** A file fails when it takes more than this times its budget: twice the same took up to 1.2 times as much. */
const BUDGET_MARGIN = 1.25;

/** @typedef {{ budgetShare: number, reason: string }} LargeFile a share of the run's sum, in place of the budget's */

/**
 * Prints the result as the last line of standard output.
 * @param {{ refusesSkip?: (reason: string) => boolean, large?: Readonly<Record<string, LargeFile>> }} [rules] a reason
 * for which a skipped test fails the run; of a run of all files, those with a budget of their own: with it, a file
 * above its budget fails the run
 * @returns {number} the exit code
 */
export function conclude({ refusesSkip = () => false, large } = {}) {
  if (large !== undefined) failedSteps.push(...filesAboveBudget(filesTook, large));
  for (const { reason } of skippedTests.filter((one) => refusesSkip(one.reason)))
    failedSteps.push(`tests skipped: ${reason}`);
  // Repeated at the end, because they may have failed long before the last test.
  const failures = failedRuns.flatMap((run) => run.failures).map(describeFailure);
  printTimes();
  const skipped = skippedTests.reduce((sum, { tests }) => sum + tests, 0);
  if (skipped > 0) print('\nskipped tests:');
  for (const { reason, tests } of skippedTests.toSorted((a, b) => b.tests - a.tests))
    print(`  ${String(tests).padStart(4)}  ${reason}`);
  if (flaky.length > 0) print(`\nflaky: failed beside other tests, passed alone:\n${flaky.join('\n')}`);
  if (failures.length > 0) print(`\nfailed tests:\n${failures.join('\n')}`);
  if (failedSteps.length > 0) print(`\nfailed: ${failedSteps.join(', ')}`);
  const failed = failures.length + failedSteps.length;
  const flakyCount = flaky.length > 0 ? `, ${flaky.length} flaky` : '';
  process.stdout.write(
    `${passedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}${flakyCount}\n`,
  );
  return failed === 0 ? 0 : 1;
}

/**
 * What fails a run of all files, a text for each.
 * @param {Readonly<Record<string, Took>>} took
 * @param {Readonly<Record<string, LargeFile>>} large
 * @returns {string[]}
 */
export function filesAboveBudget(took, large) {
  const sum = processorSeconds(took);
  /** @param {string} file */
  const budgetOf = (file) =>
    Math.max(FILE_BUDGET.seconds, (Object.hasOwn(large, file) ? large[file].budgetShare : FILE_BUDGET.share) * sum);
  const gone = Object.keys(large).filter((file) => !Object.hasOwn(took, file));
  const above = Object.entries(took).flatMap(([file, { processor_s: seconds }]) => {
    const most = BUDGET_MARGIN * budgetOf(file);
    return (seconds ?? 0) > most
      ? [`${file} took ${seconds?.toFixed(0)} s of processor time, at most ${most.toFixed(0)} s of ${sum.toFixed(0)}`]
      : [];
  });
  return [...above, ...gone.map((file) => `${file} has a budget of its own, and did not run`)];
}

/** @param {Readonly<Record<string, Took>>} took */
const processorSeconds = (took) =>
  Object.values(took).reduce((total, { processor_s: seconds }) => total + (seconds ?? 0), 0);

/** The sum of all files, and the slowest. */
function printTimes() {
  const files = Object.entries(filesTook);
  if (files.length < 2) return;
  const sorted = files.toSorted(([, a], [, b]) => (b.processor_s ?? 0) - (a.processor_s ?? 0));
  const sum = processorSeconds(filesTook).toFixed(0);
  print(`\n${files.length} test files took ${sum} s of processor time, with the programs they started. Most:`);
  for (const [file, { processor_s: seconds }] of sorted.slice(0, SLOWEST))
    print(`  ${(seconds ?? 0).toFixed(0).padStart(4)} s  ${file}`);
}
