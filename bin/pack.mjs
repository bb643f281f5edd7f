#!/usr/bin/env node
/**
 * `npm run pack`: the released package, a file that is unpacked anywhere; `npm ci` there installs its packages as its
 * lock says, without compilers. It has what running needs: built programs and dashboard, delivered configuration,
 * MetaTrader's sources, units of systemd, docs.
 */
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { npmCommand } from './dependencies.mjs';
import { buildDocuments } from './documents.mjs';
import { ENGINE_FOLDER } from './engine/install.mjs';
import { runLogged, tailOf } from './programs.mjs';
import { LOG_FOLDER, ROOT, SetupError, print } from './project.mjs';
import { lockOf } from './release_text.mjs';
import { ensureReady, run } from './setup.mjs';

const RELEASE = join(ROOT, 'var', 'release');
const FOLDER = join(RELEASE, 'package');
/** As they are. */
const COPIED = ['config', 'systemd', 'mt5/Experts', 'mt5/Include', 'mt5/Services', 'dashboard/dist', 'learners'];
const COPIED_FILES = ['CHANGELOG.md', 'mt5/README.md', 'mt5/compile.ps1', 'mt5/install.ps1'];
/** Of dist/: no maps, whose sources are not there, no references of tests, and no stamp of the build. */
const OF_DIST = new Set(['.js', '.wasm', '.json']);
/** What only the build needs. */
const LEFT_OUT = ['@preact/signals', 'esbuild', 'preact', 'uplot'];

/** @returns {Promise<string>} path of the packed file @throws {SetupError} */
export async function pack() {
  await ensureReady('programs');
  rmSync(RELEASE, { recursive: true, force: true });
  mkdirSync(join(FOLDER, 'bin'), { recursive: true });
  for (const path of COPIED) cpSync(join(ROOT, path), join(FOLDER, path), { recursive: true });
  const entries = new Set(readdirSync(join(ROOT, 'mt5')).map((name) => `mt5/${name}`));
  for (const path of COPIED_FILES)
    if (!path.startsWith('mt5/') || entries.has(path)) cpSync(join(ROOT, path), join(FOLDER, path));
  cpSync(join(ROOT, 'bin', 'release', 'minutehand.mjs'), join(FOLDER, 'bin', 'minutehand.mjs'));
  // A build keeps the chunks of those before it, for programs that run.
  const bundles = join(ROOT, 'dist', 'bundle');
  const [own] = JSON.parse(readFileSync(join(bundles, 'chunks.json'), 'utf8'));
  const chunks = new Set(own);
  cpSync(join(ROOT, 'dist'), join(FOLDER, 'dist'), {
    recursive: true,
    filter(path) {
      const name = basename(path);
      if (dirname(path) === bundles && !chunks.has(name)) return false;
      if (name === '.build.json' || name.endsWith('.oracle.js')) return false;
      return extname(name) === '' || OF_DIST.has(extname(name));
    },
  });
  await packEngine();
  await packDocuments();
  await packDescription();
  const description = manifest();
  writeFileSync(join(FOLDER, 'package.json'), `${JSON.stringify(description, null, 2)}\n`);
  const lock = lockOf(description, JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')));
  writeFileSync(join(FOLDER, 'npm-shrinkwrap.json'), `${JSON.stringify(lock, null, 2)}\n`);
  cpSync(join(ROOT, 'bin', 'prune.mjs'), join(FOLDER, 'bin', 'prune.mjs'));
  const args = ['pack', FOLDER, '--pack-destination', RELEASE];
  const logPath = join(LOG_FOLDER, 'pack.log');
  if ((await runLogged('packing', npmCommand(), args, logPath)) !== 0)
    throw new SetupError(`${tailOf(logPath)}\nnpm pack failed; the whole log is ${logPath}`);
  const name = readdirSync(RELEASE).find((entry) => entry.endsWith('.tgz'));
  if (name === undefined) throw new SetupError(`npm pack wrote no file into ${RELEASE}`);
  return join(RELEASE, name);
}

/** `bin/engine.mjs` with what it imports, and its lock file. */
async function packEngine() {
  const { build } = await import('esbuild');
  await build({
    entryPoints: [join(ROOT, 'bin', 'engine.mjs')],
    outfile: join(FOLDER, 'bin', 'engine.mjs'),
    absWorkingDir: ROOT,
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['esbuild'],
    logLevel: 'silent',
  });
  for (const name of ['package.json', 'package-lock.json'])
    cpSync(join(ENGINE_FOLDER, name), join(FOLDER, 'bin', 'engine', name));
}

/** README.md and docs/ with the generated reference pages. */
async function packDocuments() {
  const built = join(RELEASE, 'docs');
  await buildDocuments(built);
  for (const path of ['README.md', 'docs']) cpSync(join(built, path), join(FOLDER, path), { recursive: true });
}

/** What a running trainer serves at `/api/openapi.json`, for programs that are made from it. */
async function packDescription() {
  const { openApiDocument } = await import('../trainer/control/api/openapi.ts');
  const { loadSettings } = await import('../shared/policy/policy.ts');
  const document = await openApiDocument(loadSettings({ configDir: join(ROOT, 'config'), env: {} }));
  writeFileSync(join(FOLDER, 'openapi.json'), `${JSON.stringify(document, null, 2)}\n`);
}

/** The description of the released package: exact versions, nothing that is needed to build. */
function manifest() {
  const own = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const { name, version, description, type, dependencies, peerDependencies, peerDependenciesMeta } = own;
  return {
    name,
    version,
    description,
    // The owner has chosen no license yet: nothing is published.
    private: true,
    type,
    engines: own.engines,
    bin: { minutehand: 'bin/minutehand.mjs' },
    dependencies: Object.fromEntries(Object.entries(dependencies).filter(([key]) => !LEFT_OUT.includes(key))),
    peerDependencies,
    peerDependenciesMeta,
  };
}

await run(async () => {
  const path = await pack();
  const { size } = statSync(path);
  print(`${path}: ${(size / 1e6).toFixed(1)} MB. docs/guides/OPERATE.md says how to install it anywhere.`);
  process.stdout.write(`${path}\n`);
  return 0;
});
