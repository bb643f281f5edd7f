#!/usr/bin/env node
/** Everything that has to hold before a change is good: build, types, lint, format, tests. Arguments go to vitest. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, aptInstallPostgres, hasPostgres, inPath } from './machine.mjs';
import { capture, runShown } from './programs.mjs';
import { ROOT, say } from './project.mjs';
import { ensureBuilt, ensureInstalled, run } from './setup.mjs';

const inCi = process.env.CI === 'true';
const reportPath = join(ROOT, 'var', `test-report-${process.pid}.json`);

/** @param {string} name @param {string[]} args */
const tool = (name, args) => [process.execPath, join(ROOT, 'node_modules', name), ...args];

/**
 * What the tests leave of the machine is enough for it, and they do not wait for it. What it says is said in one piece.
 * @param {string} name @param {string[]} args
 */
const checkedBeside = (name, args) => async () => {
  const command = tool(name, args);
  if (inPath('nice')) command.unshift('nice', '-n', '10');
  const { code, output } = await capture(command[0], command.slice(1));
  if (output.trim() !== '') say(output.trimEnd());
  return code;
};

await run(async () => {
  /** @type {string[]} */
  const failedSteps = [];

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
    if (!(await step(name, work))) failedSteps.push(name);
  }

  let tests = { passed: 0, failed: 0, skipped: 0 };
  if (await step('install', ensureInstalled)) {
    await mustHold('redis-server', ensureRedis);
    await mustHold('postgresql', ensurePostgres);
    await mustHold('xgboost', ensureXgboost);
    await mustHold('g++', ensureCompiler);
    await mustHold('build', async () => void (await ensureBuilt()));
    const checks = Promise.all([
      mustHold('lint', checkedBeside('eslint/bin/eslint.js', ['.'])),
      (async () => {
        await mustHold('types', checkedBeside('typescript/bin/tsc', ['--noEmit']));
        await mustHold('format', checkedBeside('prettier/bin/prettier.cjs', ['--check', '--log-level', 'warn', '.']));
      })(),
    ]);
    const report = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`];
    let vitestIsGood = false;
    await step('tests', async () => {
      const [node, ...args] = tool('vitest/vitest.mjs', ['run', ...report, ...process.argv.slice(2)]);
      const code = await runShown(node, args);
      vitestIsGood = code === 0;
      return code;
    });
    await checks;
    tests = readReport();
    // An error outside of any test, or no report at all.
    if (!vitestIsGood && tests.failed === 0) failedSteps.push('tests');
  } else {
    failedSteps.push('install');
  }

  const failed = tests.failed + failedSteps.length;
  const skipped = tests.skipped > 0 ? `, ${tests.skipped} skipped` : '';
  // They may have failed long before the last test was done.
  say(failedSteps.length > 0 ? `\nfailed: ${failedSteps.join(', ')}` : '');
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
