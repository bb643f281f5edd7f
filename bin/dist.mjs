/** Compiles the sources to dist/ when they have changed. */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { bundlePrograms } from './bundle.mjs';
import { capture, shown } from './programs.mjs';
import { ROOT, SetupError, alone, readJson } from './project.mjs';

const DIST = join(ROOT, 'dist');
// Beside dist/ at the same depth, so that relative paths in source maps stay right after the rename.
const FRESH = join(ROOT, 'dist.new');
const OLD = join(ROOT, 'dist.old');
const STAMP = join(DIST, '.build.json');
const SOURCE_FOLDERS = ['shared', 'daemon', 'trainer', 'cli', 'bench', 'sim'];
/** A module of this project in an import, without its ending. */
const IMPORTED = /(\b(?:from|import)\s*\(?\s*'\.{1,2}\/[^'\n]+)\.ts(?=')/g;
/** Includes the lock file, because bundles contain packages. */
const BUILD_SETTINGS = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'bin/built_files.mjs',
  'bin/bundle.mjs',
  'bin/dist.mjs',
];
/** The last of what bin/built_files.mjs writes. */
const BUILT_FILE = join(ROOT, 'config', 'grafana', 'minutehand.json');

/**
 * Compiles to dist/ if a source has changed since the last build; otherwise it costs one stat per source file. The new
 * dist/ is built in a separate folder and then renamed, so that a process running from the old one always has its files
 * and a failed build leaves the old one.
 * @returns {Promise<boolean>} whether there was something to build
 * @throws {SetupError}
 */
export async function ensureBuilt() {
  if (isBuilt(listSources())) {
    rmSync(OLD, { recursive: true, force: true }); // Left by a build that was killed in its last step.
    return false;
  }
  return alone('build', async () => {
    const sources = listSources();
    if (isBuilt(sources)) return false;
    await shown('building', build(sources));
    return true;
  });
}

/** @typedef {{ path: string, size: number, mtimeMs: number }} Source */

/** @returns {Source[]} */
function listSources() {
  /** @type {Source[]} */
  const sources = [];
  /** @param {string} path */
  const add = (path) => {
    const { size, mtimeMs } = statSync(join(ROOT, path));
    sources.push({ path, size, mtimeMs });
  };
  /** @param {string} folder */
  const walk = (folder) => {
    for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
      if (entry.isDirectory()) walk(`${folder}/${entry.name}`);
      else if (!/\.(test|fixture)\.ts$|\.md$|^\./.test(entry.name)) add(`${folder}/${entry.name}`);
    }
  };
  BUILD_SETTINGS.forEach(add);
  SOURCE_FOLDERS.filter((folder) => existsSync(join(ROOT, folder))).forEach(walk);
  return sources.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** @param {Source[]} sources */
function isBuilt(sources) {
  const stamp = readJson(STAMP);
  if (stamp === null || !existsSync(BUILT_FILE)) return false;
  const listing = listingHash(sources);
  if (stamp.listing === listing) return true;
  // A checkout changes times of files without changing content.
  if (stamp.content !== contentHash(sources)) return false;
  writeAside(STAMP, JSON.stringify({ ...stamp, listing }));
  return true;
}

/** @param {Source[]} sources */
function listingHash(sources) {
  return createHash('sha256').update(JSON.stringify(sources)).digest('hex');
}

/** @param {Source[]} sources */
function contentHash(sources) {
  const hash = createHash('sha256');
  for (const { path } of sources) {
    const content = readFileSync(join(ROOT, path));
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/** @param {Source[]} sources */
async function build(sources) {
  const stamp = { content: contentHash(sources), listing: listingHash(sources) };
  rmSync(FRESH, { recursive: true, force: true });
  await Promise.all([makeFresh(sources), writeBuiltFiles()]).catch((/** @type {Error} */ error) => {
    rmSync(FRESH, { recursive: true, force: true });
    throw new SetupError(`${error.message}\nthe build failed`);
  });
  writeFileSync(join(FRESH, '.build.json'), JSON.stringify(stamp));
  rmSync(OLD, { recursive: true, force: true });
  if (existsSync(DIST)) renameSync(DIST, OLD);
  renameSync(FRESH, DIST);
  rmSync(OLD, { recursive: true, force: true });
}

/** @param {Source[]} sources */
async function makeFresh(sources) {
  await compile(modulesOf(sources));
  for (const { path } of sources) {
    if (path.endsWith('.ts') || BUILD_SETTINGS.includes(path)) continue;
    mkdirSync(dirname(join(FRESH, path)), { recursive: true });
    copyFileSync(join(ROOT, path), join(FRESH, path));
  }
  await bundlePrograms(FRESH, DIST);
}

async function writeBuiltFiles() {
  const { code, output } = await capture(process.execPath, [join(ROOT, 'bin', 'built_files.mjs')]);
  if (code !== 0) throw new Error(output.trimEnd());
}

/**
 * The modules of a build, and of the reference implementations (`.oracle.ts`) those that they import.
 * @param {Source[]} sources
 * @returns {string[]} paths from the root
 */
function modulesOf(sources) {
  const modules = sources
    .map(({ path }) => path)
    .filter((path) => path.endsWith('.ts') && !/\.(oracle|as|d)\.ts$/.test(path));
  const references = modules.flatMap((path) =>
    [...readFileSync(join(ROOT, path), 'utf8').matchAll(/from '(\.[^']+\.oracle\.ts)'/g)].map(([, named]) =>
      posix.join(dirname(path), named),
    ),
  );
  return [...modules, ...new Set(references)];
}

/**
 * Compiles TypeScript to a .js file of the same name, file by file and without checks: `npm run typecheck` has them.
 * @param {string[]} paths
 */
async function compile(paths) {
  const { build } = await import('esbuild');
  const options = /** @type {const} */ ({ outdir: FRESH, outbase: ROOT, absWorkingDir: ROOT, logLevel: 'silent' });
  /** @type {import('esbuild').Plugin} */
  const compiledNames = {
    name: 'names of compiled modules',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const contents = readFileSync(path, 'utf8').replaceAll(IMPORTED, '$1.js');
        return { contents, loader: 'ts' };
      });
    },
  };
  const format = /** @type {const} */ ({ format: 'esm', platform: 'node', target: 'node24', sourcemap: true });
  await build({ ...options, ...format, entryPoints: paths, sourcesContent: false, plugins: [compiledNames] });
}

/** @param {string} path @param {string} text */
function writeAside(path, text) {
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}
