#!/usr/bin/env node
/**
 * All checks of a change: build, types, lint, format, boundaries, and every test. Arguments are passed to vitest. With
 * CI set, what tests need and this machine can install is installed, and a test that is skipped for its lack fails the
 * run.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, aptInstallPostgres, hasPostgres, inPath } from './machine.mjs';
import { capture } from './programs.mjs';
import { ROOT, print } from './project.mjs';
import { hasPython, installPython } from './python.mjs';
import { ensureBuilt, ensureInstalled, run } from './setup.mjs';
import { conclude, mustHold, repeatFailedAlone, testsHold } from './steps.mjs';

const inCi = Boolean(process.env.CI);
const given = process.argv.slice(2);
const DAY_MS = 86_400_000;
// In CI the property tests have the seed of the day: a change is refused for its own faults only.
if (inCi) process.env.TEST_SEED ??= String(Math.floor(Date.now() / DAY_MS));
// All cores are busy: compiler, linter and bundler, which are written in Go, use less processor time this way.
Object.assign(process.env, { GOGC: '400', GOMAXPROCS: '1' });

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

/** They run while servers are installed and programs are built. */
async function checks() {
  await mustHold('boundaries', checkedBeside('eslint/bin/eslint.js', ['.']));
  // Several checkers check shared types several times.
  await mustHold('types', checkedBeside('typescript7/bin/tsc', ['--noEmit', '--singleThreaded']));
  await mustHold('types of the dashboard', checkedBeside('typescript7/bin/tsc', ['--noEmit', '-p', 'dashboard']));
  await mustHold('format', checkedBeside('oxfmt/bin/oxfmt', ['--check']));
  await mustHold('lint', checkedBeside('oxlint/bin/oxlint', ['--type-aware']));
}

/**
 * What tests need that is no package of this project. `advice` is the command that brings it; without it the tests that
 * need it are skipped.
 * @typedef {{ name: string, isThere: () => boolean, install: () => Promise<boolean>, advice: string }} Need
 */

/** Programs of Debian packages of these names. @param {Record<string, string>} packages package by program */
const programs = (packages) => {
  const missing = () => Object.keys(packages).filter((program) => !inPath(program));
  return {
    name: Object.keys(packages).join(', '),
    isThere: () => missing().length === 0,
    install: () => aptInstall(missing().map((program) => /** @type {string} */ (packages[program]))),
    advice: `Debian: apt-get install ${Object.values(packages).join(' ')}`,
  };
};

/** What only root uses. @param {Need} need @returns {Need} */
const ofRoot = (need) => ({ ...need, isThere: () => process.getuid?.() !== 0 || need.isThere() });

/** Library of `minutehand collect`, which is not part of the installation. */
const CCXT = `ccxt@${JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).peerDependencies.ccxt}`;
const CCXT_FOLDER = join(ROOT, 'node_modules', '.cache', CCXT);
const XGBOOST_FOLDERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/local/lib'];

const PYTHON_ADVICE = 'npm run python';

/** @type {Need[]} */
const NEEDS = [
  programs({ 'redis-server': 'redis-server' }),
  {
    name: 'PostgreSQL',
    isThere: hasPostgres,
    install: aptInstallPostgres,
    advice: 'Debian: apt-get install postgresql; macOS: brew install postgresql',
  },
  {
    // Models are delivered to it.
    name: 'OpenSSH server',
    isThere: () => existsSync('/usr/sbin/sshd'),
    install: () => aptInstall(['openssh-server', 'openssh-client']),
    advice: 'Debian: apt-get install openssh-server openssh-client',
  },
  {
    // Reference engine for the learners. Its tests look in more places than this.
    name: 'XGBoost',
    isThere: () =>
      Boolean(process.env.MINUTEHAND_XGBOOST_LIBRARY) ||
      XGBOOST_FOLDERS.some((folder) => existsSync(join(folder, 'libxgboost.so.0'))),
    install: () => aptInstall(['libxgboost0']),
    advice: 'Debian: apt-get install libxgboost0; or set MINUTEHAND_XGBOOST_LIBRARY',
  },
  {
    name: 'ccxt',
    isThere: () => Boolean(process.env.MINUTEHAND_CCXT) || existsSync(join(ROOT, 'node_modules', 'ccxt')) || hasCcxt(),
    install: installCcxt,
    advice: `npm install --no-save ${CCXT}`,
  },
  // Compile the expert advisor's logic.
  programs({ 'g++': 'g++', 'clang++': 'clang' }),
  // Checks the Prometheus rules.
  programs({ promtool: 'prometheus' }),
  {
    // For the dashboard.
    name: 'Chromium',
    isThere: () => inPath('chromium') || inPath('chromium-browser'),
    install: () => aptInstall(['chromium']),
    advice: 'Debian: apt-get install chromium',
  },
  {
    name: 'Python packages',
    isThere: () => Boolean(process.env.MINUTEHAND_TEST_PYTHON) || hasPython(),
    install: installPackages,
    advice: PYTHON_ADVICE,
  },
  // Builds the images, which needs root.
  ofRoot(programs({ buildah: 'buildah', debootstrap: 'debootstrap' })),
  // Commands of the documents.
  programs({ git: 'git', curl: 'curl', jq: 'jq', openssl: 'openssl' }),
];

/**
 * Files that may take more than the others (bin/steps.mjs), by the share of the run's processor time that they need.
 * @type {Readonly<Record<string, import('./steps.mjs').LargeFile>>}
 */
const LARGE = {
  'test/fresh_clone.chain.test.ts': {
    budgetShare: 0.075,
    reason: 'npm start as a newcomer has it: installs, builds, and trains the delivered ten pairs twice',
  },
  'test/image.chain.test.ts': {
    budgetShare: 0.035,
    reason: 'builds two images from the archive of Debian up, each with an installation and a build of its own',
  },
  'trainer/learning/learners/class_conformance.server.test.ts': {
    budgetShare: 0.025,
    reason: 'fits every learner, the networks of PyTorch among them, whose threads spin beside other tests',
  },
  'trainer/learning/learners/conformance.server.test.ts': {
    budgetShare: 0.025,
    reason: 'the same for one probability',
  },
  'test/golden/golden.slow.test.ts': {
    budgetShare: 0.02,
    reason: 'every part of the record is measured from one set of trained models',
  },
};

/** Of Python packages, where pip reaches no index: they cannot be installed here, and no fault of the run. */
let areOutOfReach = false;

/** In CI: whether a test was skipped for the lack of what this machine can install. @param {string} reason */
const refusesSkip = (reason) =>
  inCi && /not installed|not found|npm run python/.test(reason) && !(areOutOfReach && reason.includes(PYTHON_ADVICE));

await run(async () => {
  if (!(await mustHold('install', () => ensureInstalled('development')))) return conclude();
  const checked = checks();
  for (const need of NEEDS) await mustHold(need.name, () => ensure(need));
  if (hasCcxt()) process.env.MINUTEHAND_CCXT ||= join(CCXT_FOLDER, 'node_modules', 'ccxt');
  await mustHold('build', async () => void (await ensureBuilt()));
  if (process.env.TEST_SEED) print(`\nseed of the property tests: TEST_SEED=${process.env.TEST_SEED}`);
  await testsHold('tests', given);
  await checked;
  await repeatFailedAlone();
  // Of a few files, each has a great share.
  return conclude(given.length === 0 ? { refusesSkip, large: LARGE } : { refusesSkip });
});

/** @param {Need} need */
async function ensure({ name, isThere, install, advice }) {
  if (isThere() || (inCi && (await install()) && isThere())) return true;
  print(`${name}: not here (${advice}).${inCi ? '' : ' The tests that need it are skipped.'}`);
  return !inCi || (advice === PYTHON_ADVICE && areOutOfReach);
}

async function installPackages() {
  const result = await installPython();
  areOutOfReach = result === 'unreachable';
  if (areOutOfReach) print('Python packages: pip reaches no index here, so the tests that need them are skipped.');
  return result === 'installed';
}

function hasCcxt() {
  return existsSync(join(CCXT_FOLDER, 'node_modules', 'ccxt'));
}

async function installCcxt() {
  mkdirSync(CCXT_FOLDER, { recursive: true });
  const args = ['install', '--prefix', CCXT_FOLDER, '--no-save', '--ignore-scripts', '--no-audit', CCXT];
  return (await capture('npm', args)).code === 0;
}
