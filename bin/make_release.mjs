#!/usr/bin/env node
/**
 * `npm run release -- 0.2.0`: states the version everywhere, closes the changelog's part, commits both, tags the commit
 * with the notes, and packs the released file. It pushes and publishes nothing.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { capture, runShown } from './programs.mjs';
import { ROOT, SetupError, print } from './project.mjs';
import { STATED_FILES, notesOf, versionFault, withRelease, withVersion } from './release_text.mjs';
import { run } from './setup.mjs';

const HELP = `Usage: npm run release -- <version> [--dry-run]

  --dry-run   prints the notes and what would be changed, and changes nothing
`;
const NOTES = join(ROOT, 'var', 'release_notes.md');

/** @param {string[]} args @returns {Promise<string>} */
async function git(...args) {
  const { code, output } = await capture('git', ['-C', ROOT, ...args]);
  if (code !== 0) throw new SetupError(`git ${args[0]} failed: ${output.trim()}`);
  return output.trim();
}

/** @returns {Promise<string | null>} the tag of the last release */
async function lastTag() {
  const { code, output } = await capture('git', ['-C', ROOT, 'describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*']);
  return code === 0 ? output.trim() : null;
}

/** @param {() => T} work @returns {T} @template T @throws {SetupError} */
function stated(work) {
  try {
    return work();
  } catch (error) {
    throw new SetupError(error instanceof Error ? error.message : String(error));
  }
}

await run(async () => {
  const { values, positionals } = parseArgs({
    options: { 'dry-run': { type: 'boolean' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  const [version] = positionals;
  if (values.help || version === undefined || positionals.length > 1) {
    print(HELP);
    return values.help ? 0 : 2;
  }
  const read = (/** @type {string} */ name) => readFileSync(join(ROOT, name), 'utf8');
  const present = JSON.parse(read('package.json')).version;
  const fault = versionFault(version, present);
  if (fault !== null) throw new SetupError(fault);
  if ((await git('tag', '--list', `v${version}`)) !== '') throw new SetupError(`v${version} has been released already`);
  if ((await git('status', '--porcelain')) !== '') throw new SetupError('There are changes that are not committed');

  const before = await lastTag();
  const range = before === null ? 'HEAD' : `${before}..HEAD`;
  const commits = (await git('log', '--no-merges', '--format=%h %s', range)).split('\n').filter((line) => line !== '');
  if (commits.length === 0) throw new SetupError(`There is no commit since ${before}`);
  const day = new Date().toISOString().slice(0, 10);
  const changelog = stated(() => withRelease(read('CHANGELOG.md'), version, day));
  const texts = stated(() =>
    STATED_FILES.map(
      (name) => /** @type {[string, string]} */ ([name, withVersion(name, read(name), present, version)]),
    ),
  );
  const notes = notesOf(changelog.section, commits);
  if (values['dry-run']) {
    process.stdout.write(notes);
    print(
      `Version ${version} after ${before ?? 'no release'}: CHANGELOG.md, ${STATED_FILES.join(', ')}. Nothing was changed.`,
    );
    return 0;
  }
  for (const [name, text] of [...texts, /** @type {[string, string]} */ (['CHANGELOG.md', changelog.text])])
    writeFileSync(join(ROOT, name), text);
  mkdirSync(join(ROOT, 'var'), { recursive: true });
  writeFileSync(NOTES, notes);
  await git('add', '--', ...STATED_FILES, 'CHANGELOG.md');
  await git('commit', '--message', `Version ${version}`);
  // Lines of the notes that begin with # are no comments.
  await git('tag', '--annotate', '--cleanup=verbatim', '--file', NOTES, `v${version}`);
  rmSync(NOTES);
  print(`Committed and tagged v${version}: ${commits.length} commits. Next: \`git push --follow-tags\`.`);
  return await runShown(process.execPath, [join(ROOT, 'bin', 'pack.mjs')], { cwd: ROOT });
});
