#!/usr/bin/env node
/**
 * All checks of a change: build, types, lint, format, tests. Arguments are passed to vitest. In CI, of the slow test
 * files one part: TEST_PART=1/9 to 9/9, or all (bin/parts.mjs).
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compiledLightgbm } from './lightgbm.mjs';
import { aptInstall, aptInstallPostgres, hasPostgres, inPath } from './machine.mjs';
import { capture } from './programs.mjs';
import { ROOT, print } from './project.mjs';
import { ONLY_LONG } from './only_long.mjs';
import { chosenPart, COVERED } from './parts.mjs';
import { ensureBuilt, ensureInstalled, run } from './setup.mjs';
import { conclude, mustHold, repeatFailedAlone, testsHold } from './steps.mjs';

const inCi = Boolean(process.env.CI);
const given = process.argv.slice(2);
// In CI all cores are busy: compiler, linter and bundler, which are written in Go, use less processor time this way.
if (inCi) Object.assign(process.env, { GOGC: '400', GOMAXPROCS: '1' });

/**
 * Tests that wait for polls, for leases, for the end of a minute or of a simulated day, or for trainings. The longest
 * first.
 */
const WAITING = [
  'test/retrain_chain.chain.test.ts',
  'test/lease_clock.server.test.ts',
  'test/dependencies.chain.test.ts',
];

/** @param {string} name @param {string[]} args */
const tool = (name, args) => [process.execPath, join(ROOT, 'node_modules', name), ...args];

/**
 * Runs concurrently with the other steps, which do not wait for it. Its output is printed at once.
 * @param {string} name
 * @param {string[]} args
 */
const checkedBeside = (name, args) => async () => {
  const command = tool(name, args);
  if (inPath('nice')) command.unshift('nice', '-n', '10');
  const { code, output } = await capture(command[0], command.slice(1));
  if (output.trim() !== '') print(output.trimEnd());
  return code;
};

/** Checks beside the tests. */
const checksHold = () =>
  Promise.all([
    mustHold('boundaries', checkedBeside('eslint/bin/eslint.js', ['.'])),
    (async () => {
      // Several checkers check shared types several times.
      await mustHold('types', checkedBeside('typescript7/bin/tsc', ['--noEmit', '--singleThreaded']));
      await mustHold('types of the dashboard', checkedBeside('typescript7/bin/tsc', ['--noEmit', '-p', 'dashboard']));
      await mustHold('format', checkedBeside('oxfmt/bin/oxfmt', ['--check']));
      await mustHold('lint', checkedBeside('oxlint/bin/oxlint', ['--type-aware']));
    })(),
  ]);

await run(async () => {
  if (await mustHold('install', () => ensureInstalled('development'))) {
    const checks = checksHold();
    await mustHold('redis-server', ensureRedis);
    await mustHold('postgresql', ensurePostgres);
    await mustHold('openssh-server', ensureSshServer);
    await mustHold('xgboost', ensureXgboost);
    await mustHold('ccxt', ensureCcxt);
    await mustHold('g++', ensureCompiler);
    await mustHold('clang and promtool', ensureCheckers);
    await mustHold('chromium', ensureChromium);
    await mustHold('build', async () => void (await ensureBuilt()));
    // Compiling it takes minutes, so it is used only if an earlier run has compiled it.
    process.env.MINUTEHAND_LIGHTGBM_LIBRARY ||= compiledLightgbm() ?? '';
    if (inCi && given.length === 0) await allTestsHold();
    else await testsHold('tests', given);
    await checks;
  }
  if (inCi) await repeatFailedAlone();
  return conclude();
});

/**
 * Coverage slows computation, so only the folders with a floor (vitest.config.ts) are measured. Tests that mostly wait
 * run beside all others, so that they keep no processor from them.
 */
async function allTestsHold() {
  const { name, leftOut } = chosenPart(process.env.TEST_PART);
  print(`\nleft out, for npm run test:long: ${ONLY_LONG.join(', ')}`);
  print(
    `\npart of the slow files: ${name}; left out, for the other parts (TEST_PART): ${leftOut.join(', ') || 'none'}`,
  );
  process.env.TESTS_SHARED = '1';
  const waitingHere = WAITING.filter((file) => !leftOut.includes(file));
  const waiting = waitingHere.length === 0 ? null : testsHold('tests that wait', ['--maxWorkers=2', ...waitingHere]);
  await testsHold('tests with coverage', ['--coverage', ...COVERED]);
  const elsewhere = [...COVERED, ...WAITING, ...leftOut].join();
  const others = testsHold('other tests', [], { env: { TESTS_ELSEWHERE: elsewhere } });
  await Promise.all([others, waiting]);
}

async function ensureRedis() {
  if (inPath('redis-server') || (await aptInstall(['redis-server']))) return true;
  print(
    'redis-server is not installed: install it (Debian: apt-get install redis-server; macOS: brew install redis).' +
      (inCi ? '' : ' Without it the tests that need it are skipped.'),
  );
  return !inCi;
}

/** The server that models are delivered to. Its tests start it themselves. */
async function ensureSshServer() {
  if (existsSync('/usr/sbin/sshd') || (await aptInstall(['openssh-server', 'openssh-client']))) return true;
  print(
    'openssh-server is not installed: install it (Debian: apt-get install openssh-server openssh-client).' +
      (inCi ? '' : ' Without it the tests that need it are skipped.'),
  );
  return !inCi;
}

/** Compiles and runs the expert advisor's logic. */
async function ensureCompiler() {
  if (inPath('g++') || (await aptInstall(['g++']))) return true;
  print(
    'g++ is not installed: install it (Debian: apt-get install g++; macOS: xcode-select --install).' +
      (inCi ? '' : ' Without it the tests of the expert advisor are skipped.'),
  );
  return !inCi;
}

/** Second compiler of the expert advisor's sources, and checker of the Prometheus rules. */
async function ensureCheckers() {
  const packages = { 'clang++': 'clang', promtool: 'prometheus' };
  const missing = Object.keys(packages).filter((program) => !inPath(program));
  if (missing.length === 0 || (await aptInstall(missing.map((program) => packages[program])))) return true;
  print(
    `${missing.join(' and ')} not installed: install them (Debian: apt-get install ${Object.values(packages).join(' ')}).` +
      (inCi ? '' : ' Without them the tests that need them are skipped.'),
  );
  return !inCi;
}

/** Browser for the dashboard's tests. */
async function ensureChromium() {
  if (inPath('chromium') || inPath('chromium-browser') || (await aptInstall(['chromium']))) return true;
  print(
    'chromium is not installed: install it (Debian: apt-get install chromium).' +
      (inCi ? '' : ' Without it the tests of the dashboard are skipped.'),
  );
  return !inCi;
}

/** Reference engine for the learners. Its tests look in more places than this check. */
async function ensureXgboost() {
  const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/local/lib'];
  const isThere = folders.some((folder) => existsSync(join(folder, 'libxgboost.so.0')));
  if (isThere || process.env.MINUTEHAND_XGBOOST_LIBRARY || (await aptInstall(['libxgboost0']))) return true;
  print(
    'XGBoost is not installed: install it (Debian: apt-get install libxgboost0), or set MINUTEHAND_XGBOOST_LIBRARY.' +
      (inCi ? '' : ' Where its tests do not find it, they are skipped.'),
  );
  return !inCi;
}

/** Library of `minutehand collect`, which is not part of the installation. */
async function ensureCcxt() {
  const { peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const wanted = `ccxt@${peerDependencies.ccxt}`;
  const folder = join(ROOT, 'node_modules', '.cache', wanted);
  const path = join(folder, 'node_modules', 'ccxt');
  if (process.env.MINUTEHAND_CCXT || existsSync(join(ROOT, 'node_modules', 'ccxt'))) return true;
  const arguments_ = ['install', '--prefix', folder, '--no-save', '--ignore-scripts', '--no-audit', wanted];
  mkdirSync(folder, { recursive: true });
  if (existsSync(path) || (await capture('npm', arguments_)).code === 0) {
    process.env.MINUTEHAND_CCXT = path;
    return true;
  }
  print(
    `ccxt is not installed: \`npm install --no-save ${wanted}\`.` +
      (inCi ? '' : ' Without it the test of `minutehand collect` is skipped.'),
  );
  return !inCi;
}

async function ensurePostgres() {
  if (hasPostgres() || ((await aptInstallPostgres()) && hasPostgres())) return true;
  print(
    'The PostgreSQL server is not installed: install it (Debian: apt-get install postgresql; macOS: brew install postgresql).' +
      (inCi ? '' : ' Without it the tests that need it are skipped.'),
  );
  return !inCi;
}
