#!/usr/bin/env node
/** Everything that has to hold before a change is good: build, types, lint, format, tests. Arguments go to vitest. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, aptInstallPostgres, hasPostgres, inPath } from './machine.mjs';
import { runShown } from './programs.mjs';
import { ROOT, say } from './project.mjs';
import { ensureBuilt, ensureInstalled, run } from './setup.mjs';

const inCi = process.env.CI === 'true';
const reportPath = join(ROOT, 'var', `test-report-${process.pid}.json`);

/** @param {string} name @param {string[]} args */
const tool = (name, args) => () => runShown(process.execPath, [join(ROOT, 'node_modules', name), ...args]);

await run(async () => {
  let failedSteps = 0;

  /** @param {string} name @param {() => Promise<boolean | number | void>} work false or a code other than 0: failed */
  async function step(name, work) {
    const startMs = performance.now();
    say(`\n== ${name}`);
    let result;
    try {
      result = await work();
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
      result = false;
    }
    const isGood = result === undefined || result === true || result === 0;
    say(`== ${name}: ${isGood ? 'ok' : 'FAILED'} (${((performance.now() - startMs) / 1000).toFixed(1)} s)`);
    return isGood;
  }
  /** @param {string} name @param {() => Promise<boolean | number | void>} work */
  async function mustHold(name, work) {
    if (!(await step(name, work))) failedSteps++;
  }

  let tests = { passed: 0, failed: 0, skipped: 0 };
  if (await step('install', ensureInstalled)) {
    await mustHold('redis-server', ensureRedis);
    await mustHold('postgresql', ensurePostgres);
    await mustHold('xgboost', ensureXgboost);
    await mustHold('g++', ensureCompiler);
    await mustHold('build', async () => void (await ensureBuilt()));
    // Each is busy on one core.
    await Promise.all([
      mustHold('types', tool('typescript/bin/tsc', ['--noEmit'])),
      mustHold('lint', tool('eslint/bin/eslint.js', ['.'])),
      mustHold('format', tool('prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.'])),
    ]);
    const report = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`];
    let vitestIsGood = false;
    await step('tests', async () => {
      const code = await tool('vitest/vitest.mjs', ['run', ...report, ...process.argv.slice(2)])();
      vitestIsGood = code === 0;
      return code;
    });
    tests = readReport();
    // An error outside of any test, or no report at all.
    if (!vitestIsGood && tests.failed === 0) failedSteps++;
  } else {
    failedSteps++;
  }

  const failed = tests.failed + failedSteps;
  const skipped = tests.skipped > 0 ? `, ${tests.skipped} skipped` : '';
  say('');
  process.stdout.write(`${tests.passed} passed, ${failed} failed${skipped}\n`);
  return failed === 0 ? 0 : 1;
});

async function ensureRedis() {
  if (inPath('redis-server') || (await aptInstall(['redis-server']))) return true;
  say(
    'redis-server is not installed: install it (Debian: apt-get install redis-server; macOS: brew install redis).' +
      (inCi ? '' : ' Without it the tests that need it are skipped.'),
  );
  return !inCi;
}

/** The expert advisor's logic is compiled and run here. */
async function ensureCompiler() {
  if (inPath('g++') || (await aptInstall(['g++']))) return true;
  say(
    'g++ is not installed: install it (Debian: apt-get install g++; macOS: xcode-select --install).' +
      (inCi ? '' : ' Without it the tests of the expert advisor are skipped.'),
  );
  return !inCi;
}

/** The real engine that the learners are compared with. Its tests find the library in more places than are looked at here. */
async function ensureXgboost() {
  const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/local/lib'];
  const isThere = folders.some((folder) => existsSync(join(folder, 'libxgboost.so.0')));
  if (isThere || process.env.MINUTEHAND_XGBOOST_LIBRARY || (await aptInstall(['libxgboost0']))) return true;
  say(
    'XGBoost is not installed: install it (Debian: apt-get install libxgboost0), or set MINUTEHAND_XGBOOST_LIBRARY.' +
      (inCi ? '' : ' Where its tests do not find it, they are skipped.'),
  );
  return !inCi;
}

async function ensurePostgres() {
  if (hasPostgres() || ((await aptInstallPostgres()) && hasPostgres())) return true;
  say(
    'The PostgreSQL server is not installed: install it (Debian: apt-get install postgresql; macOS: brew install postgresql).' +
      (inCi ? '' : ' Without it the tests that need it are skipped.'),
  );
  return !inCi;
}

/** Counts tests; a file that could not even be loaded counts as one that failed. */
function readReport() {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let report;
  try {
    report = JSON.parse(readFileSync(reportPath, 'utf8'));
  } catch {
    return counts;
  }
  rmSync(reportPath, { force: true });
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
