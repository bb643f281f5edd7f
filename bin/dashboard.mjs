/** Bundles the dashboard to dashboard/dist when its sources have changed. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ROOT, SetupError, alone, readJson, print } from './project.mjs';

const FOLDER = join(ROOT, 'dashboard');
const DIST = join(FOLDER, 'dist');
// Built in a separate folder and then renamed, like dist/.
const FRESH = join(FOLDER, 'dist.new');
const OLD = join(FOLDER, 'dist.old');
const STAMP = join(DIST, '.build.json');

/** @returns {Promise<boolean>} whether there was something to build @throws {SetupError} */
export async function ensureDashboardBuilt() {
  if (!existsSync(join(FOLDER, 'src')) || isBuilt()) return false;
  return alone('dashboard', async () => {
    if (isBuilt()) return false;
    await build();
    return true;
  });
}

function isBuilt() {
  return readJson(STAMP)?.content === contentHash();
}

function contentHash() {
  const hash = createHash('sha256');
  const files = readdirSync(join(FOLDER, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => named(join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
  const others = [
    'shared/policy/spelling.ts',
    'dashboard/index.html',
    'dashboard/favicon.svg',
    'bin/dashboard.mjs',
    'package.json',
  ];
  for (const name of [...files, ...others]) hash.update(`${name}\0`).update(readFileSync(join(ROOT, name)));
  return hash.digest('hex');
}

/** The same on every system: what was built on Linux is up to date on Windows. @param {string} path */
const named = (path) => relative(ROOT, path).replaceAll('\\', '/');

async function build() {
  const startMs = performance.now();
  const content = contentHash();
  const esbuild = await import('esbuild');
  rmSync(FRESH, { recursive: true, force: true });
  mkdirSync(FRESH, { recursive: true });
  const { metafile } = await esbuild
    .build({
      entryPoints: [join(FOLDER, 'src', 'main.tsx')],
      outdir: join(FRESH, 'assets'),
      absWorkingDir: FOLDER,
      bundle: true,
      splitting: true,
      format: 'esm',
      target: 'es2022',
      minify: true,
      metafile: true,
      legalComments: 'eof',
      jsx: 'automatic',
      jsxImportSource: 'preact',
      entryNames: '[name]-[hash]',
      chunkNames: '[name]-[hash]',
      assetNames: '[name]-[hash]',
      logLevel: 'silent',
    })
    .catch((/** @type {Error} */ error) => {
      throw new SetupError(`${error.message}\nthe build of the dashboard failed`);
    });
  const [script, { cssBundle }] = /** @type {[string, { cssBundle?: string }]} */ (
    Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === 'src/main.tsx')
  );
  const inDist = (/** @type {string} */ path) => `/assets/${path.slice(path.lastIndexOf('/') + 1)}`;
  const html = readFileSync(join(FOLDER, 'index.html'), 'utf8')
    .replace('__SCRIPT__', inDist(script))
    .replace('__STYLE__', inDist(/** @type {string} */ (cssBundle)));
  writeFileSync(join(FRESH, 'index.html'), html);
  writeFileSync(join(FRESH, 'favicon.svg'), readFileSync(join(FOLDER, 'favicon.svg')));
  writeFileSync(join(FRESH, '.build.json'), JSON.stringify({ content }));
  rmSync(OLD, { recursive: true, force: true });
  if (existsSync(DIST)) renameSync(DIST, OLD);
  renameSync(FRESH, DIST);
  rmSync(OLD, { recursive: true, force: true });
  print(`dashboard built in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
}
