import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lookName } from '../trainer/learning/backtest/holdout_looks.ts';
import { packageRoot } from '../shared/root.ts';

/** The noun for a counted evaluation of the holdout in any of its old wordings; verbs (`look at`, `looks for`) pass. */
const OLD_NOUN =
  /\b(?:an?|each|no|one|first|further|later|same|earlier|all|every|the) looks?\b(?![-\w])|\b(?:this|that) look\b(?!-)|\blook (?:\d|\$?\{)|\blooks? at (?:the|a|this|these|each) (?:holdout|evaluated|blocks)|\blooks? (?:are|stays?) counted|の参照.*回/iu;

/** Other things that a text may call so: a poll by a command. */
const OTHER = [/looks again so many seconds after each look/];

/** Lines that people read: pages as a whole, and lines of code with a string in them, without comments. */
function readLines(path: string): string[] {
  const lines = readFileSync(join(packageRoot(), path), 'utf8').split('\n');
  if (!/\.(?:ts|tsx|mjs)$/u.test(path)) return lines;
  return lines.filter((line) => !/^\s*(?:\/\/|\*|\/\*)/u.test(line) && /['"`]/u.test(line));
}

const FOLDERS = ['cli', 'config', 'daemon', 'dashboard/src', 'docs', 'examples', 'shared', 'trainer'];

function readFiles(): string[] {
  const inside = FOLDERS.flatMap((folder) =>
    readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(?:md|html|yaml|ts|tsx|mjs)$/u.test(path) && !/\.(?:test|fixture)\.tsx?$/u.test(path))
      .map((path) => join(folder, path)),
  );
  expect(inside.length).toBeGreaterThan(1000);
  return ['README.md', 'CONTRIBUTING.md', ...inside];
}

it('a counted result on the holdout is an "evaluation of the holdout" in every text', () => {
  expect(lookName(3)).toMatch(/^evaluation 3 of the holdout/u);
  const found = readFiles()
    .flatMap((path) => readLines(path).map((line) => `${path}: ${line.trim()}`))
    .filter((line) => OLD_NOUN.test(line.slice(line.indexOf(': '))) && !OTHER.some((other) => other.test(line)));
  expect(found).toEqual([]);
});
