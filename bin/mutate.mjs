#!/usr/bin/env node
/**
 * Mutation testing with Stryker: `npm run mutate [-- area …]`. Each area is mutated, run against its own tests, and
 * must reach its score. Results are kept in var/mutate/, so that a second run tests only what has changed; `--all`
 * tests everything.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killable } from './mutation/equivalent.mjs';
import { runShown } from './programs.mjs';
import { ROOT, SetupError, print, readText } from './project.mjs';
import { ensureReady, run } from './setup.mjs';

/** @typedef {{ mutate: string[], tests: string[], least: number }} Area */

/** Stryker has its own lock file and is installed by no other command. */
const PACKAGE = join(ROOT, 'bin', 'mutation');

/** @type {Record<string, Area>} `tests`: files that test an area; `least`: required score in percent */
const AREAS = JSON.parse(readFileSync(join(PACKAGE, 'areas.json'), 'utf8'));

const FOLDER = join(ROOT, 'var', 'mutate');
const INSTALLED = join(FOLDER, 'packages');
const STRYKER = join(INSTALLED, 'node_modules', '@stryker-mutator');

await run(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      all: { type: 'boolean' },
      files: { type: 'string' },
      concurrency: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const unknown = positionals.filter((name) => !(name in AREAS));
  if (values.help || unknown.length > 0) {
    print(
      `npm run mutate -- [--all] [--files glob[,glob]] [--concurrency n] [area …]\nareas: ${Object.keys(AREAS).join(', ')}`,
    );
    return unknown.length > 0 ? 2 : 0;
  }
  await ensureReady('development');
  await ensureStryker();
  mkdirSync(FOLDER, { recursive: true });
  /** @type {string[]} */
  const rows = [];
  let isGood = true;
  for (const name of positionals.length > 0 ? positionals : Object.keys(AREAS)) {
    const { score, mutants } = await mutateArea(name, AREAS[name], values);
    const reached = score >= AREAS[name].least;
    isGood &&= reached;
    rows.push(
      `${name.padEnd(24)} ${score.toFixed(1).padStart(5)} % of ${mutants} mutants; at least ${AREAS[name].least} %${reached ? '' : ': NOT REACHED'}`,
    );
  }
  process.stdout.write(`${rows.join('\n')}\n`);
  return isGood ? 0 : 1;
});

/** Stryker finds vitest in its parent folders. */
async function ensureStryker() {
  const wanted = join(PACKAGE, 'package-lock.json');
  const lock = join(INSTALLED, 'package-lock.json');
  if (existsSync(STRYKER) && readText(lock) === readText(wanted)) return;
  mkdirSync(INSTALLED, { recursive: true });
  copyFileSync(join(PACKAGE, 'package.json'), join(INSTALLED, 'package.json'));
  copyFileSync(wanted, lock);
  const command = ['ci', '--prefix', INSTALLED, '--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund'];
  const code = await runShown('npm', command);
  if (code !== 0) throw new SetupError(`npm ${command.join(' ')} failed (exit code ${code})`);
}

/** @param {string} name @param {Area} area @param {{ all?: boolean, files?: string, concurrency?: string }} options */
async function mutateArea(name, area, { all = false, files, concurrency }) {
  const base = join(FOLDER, name.replaceAll('/', '_'));
  const incremental = `${base}.incremental.json`;
  if (all) rmSync(incremental, { force: true });
  const mutate = files
    ? files.split(',')
    : [...area.mutate, '!**/*.test.ts', '!**/*.fixture.ts', '!**/*.oracle.ts', '!**/*.as.ts'];
  process.env.MUTATION_TESTS = JSON.stringify(area.tests);
  process.env.MUTATION_RUN = JSON.stringify({
    mutate,
    incremental,
    report: `${base}.json`,
    concurrency: concurrency === undefined ? availableParallelism() : Number(concurrency),
  });
  const code = await runShown(process.execPath, [join(STRYKER, 'core', 'bin', 'stryker.js'), 'run']);
  if (code !== 0 || !existsSync(`${base}.json`)) throw new SetupError(`Stryker failed on ${name} (exit code ${code})`);
  return scoreOf(`${base}.json`);
}

/** Without the equivalent mutants; timeouts count as killed, as in Stryker's own score. @param {string} path */
function scoreOf(path) {
  const { files } = JSON.parse(readFileSync(path, 'utf8'));
  /** @type {string[]} */
  const statuses = killable(files).map(({ status }) => status);
  const killed = statuses.filter((status) => status === 'Killed' || status === 'Timeout').length;
  const evaluated = killed + statuses.filter((status) => status === 'Survived' || status === 'NoCoverage').length;
  return { score: evaluated === 0 ? 100 : (100 * killed) / evaluated, mutants: evaluated };
}
