import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { ROOT } from './project.mjs';

/** In how many parts the slow test files are. */
export const PARTS = 9;
/** From this time on a test file is slow, beside the other tests on two cores. */
export const SLOW_SECONDS = 10;

/** Folders with a coverage floor, and tests elsewhere that cover parts of them. */
export const COVERED = [
  'shared/core/',
  'shared/strategies/',
  'daemon/',
  'trainer/learning/gates/',
  'trainer/learning/strategies/direction/gates/',
  'trainer/learning/training/adoption_gates.slow.test.ts',
  'test/lease_store.server.test.ts',
  'test/journal_retention.chain.test.ts',
];
/** Slow as they may be: what the README promises, the set-up, and that no result has changed. */
const PROMISES = ['test/readme.chain.test.ts', 'test/installation.chain.test.ts', 'test/golden/'];

/** @param {string} file @returns {boolean} whether every run of CI has this test file */
export const isInEveryRun = (file) => [...COVERED, ...PROMISES].some((path) => file.startsWith(path));

/**
 * Seconds that each slow test file took when it was last measured (bin/slow_files.mjs). How even the parts are depends
 * on them.
 * @type {Readonly<Record<string, number>>}
 */
export const SLOW_FILES = JSON.parse(readFileSync(join(ROOT, 'test', 'slow_files.json'), 'utf8'));

/** A finished test file in vitest's report: ` ✓ shared  test/home.server.test.ts (3 tests | 1 skipped) 2100ms`. */
const FINISHED = /^\s*[✓❯×]\s+\S+\s+(\S+\.test\.ts) \(.*?(\d+)ms$/;

/**
 * @param {string} log what a run of the tests printed
 * @returns {Record<string, number>} whole seconds by test file; the last run's, where a file ran twice
 */
export function secondsOfFiles(log) {
  const lines = log.split('\n').map((line) => FINISHED.exec(stripVTControlCharacters(line).trimEnd()));
  return Object.fromEntries(
    lines.flatMap((match) => (match === null ? [] : [[match[1], Math.round(Number(match[2]) / 1000)]])),
  );
}

/**
 * Twenty minutes on two cores have no room for all tests that start chains of programs. So a run of CI has all quick
 * tests and one part of the slow files; as many commits in a row, or machines, as there are parts have all of them.
 * @param {Readonly<Record<string, number>>} seconds by file
 * @param {number} parts
 * @returns {string[][]} the files of each part; the longest file first, each to the part with the least seconds
 */
export function partsOf(seconds, parts) {
  const files = Object.entries(seconds).sort(([one, a], [other, b]) => b - a || (one < other ? -1 : 1));
  const filled = Array.from({ length: parts }, () => ({ files: /** @type {string[]} */ ([]), seconds: 0 }));
  for (const [file, took] of files) {
    const least = filled.reduce((best, part) => (part.seconds < best.seconds ? part : best));
    least.files.push(file);
    least.seconds += took;
  }
  return filled.map((part) => part.files);
}

/**
 * @param {string | undefined} wanted `2/9` is the second part, `all` has every part. Without it the number of commits
 * decides, so that the same commit always runs the same tests, and the next commit the next part.
 * @returns {{ name: string, leftOut: string[] }}
 */
export function chosenPart(wanted) {
  const parts = partsOf(SLOW_FILES, PARTS);
  if (wanted === 'all') return { name: 'all', leftOut: [] };
  const match = /^([1-9])\/(\d)$/.exec(wanted ?? `${(commits() % PARTS) + 1}/${PARTS}`);
  const index = Number(match?.[1]) - 1;
  if (match === null || Number(match[2]) !== PARTS || index >= PARTS)
    throw new Error(`TEST_PART is "${wanted}": give 1/${PARTS} to ${PARTS}/${PARTS}, or all.`);
  return { name: match[0], leftOut: parts.filter((_, other) => other !== index).flat() };
}

/** @returns {number} of the history of this commit; 0 where there is no history */
function commits() {
  try {
    return Number(execFileSync('git', ['rev-list', '--count', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }));
  } catch {
    return 0;
  }
}
