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
import { basename, dirname, join, posix } from 'node:path';
import { bundlePrograms } from './bundle.mjs';
import { MODULES, ROOT, SetupError, alone, readJson, print } from './project.mjs';
import { capture } from './programs.mjs';

const DIST = join(ROOT, 'dist');
// Beside dist/ at the same depth, so that relative paths in source maps stay right after the rename.
const FRESH = join(ROOT, 'dist.new');
const OLD = join(ROOT, 'dist.old');
const STAMP = join(DIST, '.build.json');
const SOURCE_FOLDERS = ['shared', 'daemon', 'trainer', 'cli', 'bench', 'sim'];
/**
 * AssemblyScript sources, which TypeScript's tools ignore. A folder's main file is a kernel; the others are parts of
 * it.
 */
const KERNEL_SOURCE = '.as.ts';
/** Compiled with shared memory, whose maximum must be declared; 4 GB is the limit of 32 bits. */
const SHARED_KERNEL = 'trainer/learning/learners/trees/kernel/kernel.as.ts';
const SHARED_MEMORY = ['--enable', 'threads', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'];
/** A module of this project in an import, without its ending. */
const IMPORTED = /(\b(?:from|import)\s*\(?\s*'\.{1,2}\/[^'\n]+)\.ts(?=')/g;
/** Includes the lock file, because bundles contain packages. */
const BUILD_SETTINGS = ['package.json', 'package-lock.json', 'tsconfig.json', 'bin/dist.mjs', 'bin/bundle.mjs'];

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
    await build(sources);
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
  if (stamp === null) return false;
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
  const startMs = performance.now();
  const stamp = { content: contentHash(sources), listing: listingHash(sources) };
  rmSync(FRESH, { recursive: true, force: true });
  const kernels = sources.filter(({ path }) => isKernel(path)).map(({ path }) => compileKernel(path, sources));
  const results = await Promise.all([compile(modulesOf(sources)), ...kernels]);
  const failed = results.filter(({ code }) => code !== 0);
  if (failed.length > 0) {
    rmSync(FRESH, { recursive: true, force: true });
    throw new SetupError(`${failed.map(({ output }) => output.trim()).join('\n')}\nthe build failed`);
  }
  for (const { path } of sources) {
    if (path.endsWith('.ts') || BUILD_SETTINGS.includes(path)) continue;
    mkdirSync(dirname(join(FRESH, path)), { recursive: true });
    copyFileSync(join(ROOT, path), join(FRESH, path));
  }
  await bundlePrograms(FRESH, DIST);
  writeFileSync(join(FRESH, '.build.json'), JSON.stringify(stamp));
  rmSync(OLD, { recursive: true, force: true });
  if (existsSync(DIST)) renameSync(DIST, OLD);
  renameSync(FRESH, DIST);
  rmSync(OLD, { recursive: true, force: true });
  print(`built in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
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
 * @returns {Promise<{ code: number, output: string }>}
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
  try {
    const format = /** @type {const} */ ({ format: 'esm', platform: 'node', target: 'node24', sourcemap: true });
    await build({ ...options, ...format, entryPoints: paths, sourcesContent: false, plugins: [compiledNames] });
    return { code: 0, output: '' };
  } catch (error) {
    return { code: 1, output: error instanceof Error ? error.message : String(error) };
  }
}

/** @param {string} path */
function isKernel(path) {
  return path.endsWith(KERNEL_SOURCE) && basename(path, KERNEL_SOURCE) === basename(dirname(path));
}

/**
 * Compiles AssemblyScript to a .wasm file of the same name. Memory is imported; there is no runtime, since the kernels
 * allocate nothing. Kernels take three quarters of a build's processor time and change rarely, so a compiled one is
 * kept under the hash of the compiler, its options and all AssemblyScript sources.
 * @param {string} path
 * @param {Source[]} sources
 * @returns {Promise<{ code: number | null, output: string }>}
 */
async function compileKernel(path, sources) {
  const out = join(FRESH, path.slice(0, -KERNEL_SOURCE.length) + '.wasm');
  const memory = path === SHARED_KERNEL ? SHARED_MEMORY : [];
  const options = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--enable', 'simd', ...memory];
  const { version } = readJson(join(MODULES, 'assemblyscript', 'package.json'));
  const key = createHash('sha256').update(JSON.stringify([version, options, path]));
  key.update(contentHash(sources.filter((source) => source.path.endsWith(KERNEL_SOURCE))));
  const kept = join(MODULES, '.cache', 'kernels', `${key.digest('hex')}.wasm`);
  if (!existsSync(kept)) {
    const compiler = join(MODULES, 'assemblyscript', 'bin', 'asc.js');
    const result = await capture(process.execPath, [compiler, join(ROOT, path), ...options, '--outFile', out]);
    if (result.code !== 0) return result;
    mkdirSync(dirname(kept), { recursive: true });
    copyFileSync(out, `${kept}.${process.pid}`);
    renameSync(`${kept}.${process.pid}`, kept);
  }
  mkdirSync(dirname(out), { recursive: true });
  copyFileSync(kept, out);
  return { code: 0, output: '' };
}

/** @param {string} path @param {string} text */
function writeAside(path, text) {
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}
