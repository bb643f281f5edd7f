#!/usr/bin/env node
/**
 * `npm run golden`: measures what fixed input gives today, from the dataset to the replay of an old journal, and
 * compares it with the hashes in test/golden/record. Exit code 1: something differs.
 *
 *     npm run golden                         all parts
 *     npm run golden -- --part dataset       one part; may be repeated
 *     npm run golden -- --shown 20           shows 20 differences of each part; default 3
 *     npm run golden -- --record             records anew, and prints what changed
 *     npm run golden -- --dump folder        writes the values there, to compare two commits by `diff -r`
 *     npm run golden -- --keep-home          keeps journal, store and bundles of this version for later ones
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runShown } from './programs.mjs';
import { ROOT, SetupError } from './project.mjs';
import { ensureReady, run } from './setup.mjs';

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        part: { type: 'string', multiple: true, default: [] },
        record: { type: 'boolean', default: false },
        dump: { type: 'string' },
        shown: { type: 'string', default: '3' },
        'keep-home': { type: 'boolean', default: false },
      },
    });
    if (!/^\d+$/.test(values.shown)) throw new Error(`--shown: not a number of differences: ${values.shown}`);
    return values;
  } catch (error) {
    throw new SetupError(error instanceof Error ? error.message : String(error));
  }
}

const PROGRAM = join(ROOT, 'bin', 'golden_program.mjs');

await run(async () => {
  const { part, record, shown, dump, 'keep-home': keepsHome } = readOptions();
  // The scorer in WebAssembly comes from the build.
  await ensureReady('development');
  const args = [PROGRAM, ...part.flatMap((name) => ['--part', name]), '--shown', shown];
  if (record) args.push('--record');
  if (dump !== undefined) args.push('--dump', resolve(dump));
  if (keepsHome) args.push('--keep-home');
  return runShown(process.execPath, args, { cwd: ROOT });
});
