/**
 * A Node that loads uWebSockets.js on this machine, for tests and benchmarks. Where the machine's C library is too old
 * for its builds, that of Debian 13 runs this same Node: fetched by apt and unpacked into node_modules/.cache, never
 * installed.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureEngine } from './engine/install.mjs';
import { engineMisfit, thisRuntime } from './engine/keep_build.mjs';
import { inPath } from './machine.mjs';
import { runLogged, tailOf } from './programs.mjs';
import { LOG_FOLDER, MODULES, SetupError, alone, readText } from './project.mjs';

const SUITE = 'trixie';
/** Its C library, and what Node links besides. */
const PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1', 'zlib1g'];
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const CACHE = join(MODULES, '.cache', 'newer_libc');
const LOG = join(LOG_FOLDER, 'newer_libc.log');

/**
 * A shell script that is Node, also for what it starts: `process.execPath` is the script, and `NODE_PATH` has the
 * engine.
 * @returns {Promise<string>} its path
 * @throws {SetupError} where no such Node can be made
 */
export async function nodeWithUwebsockets() {
  if (process.platform !== 'linux') throw new SetupError('a Node for uWebSockets.js is made on Linux only');
  const runtime = thisRuntime();
  const isTooOld = engineMisfit(runtime) !== null;
  // With a newer one nothing is in its way.
  const stillUnfit = isTooOld ? engineMisfit({ ...runtime, glibc: '2.41' }) : null;
  if (stillUnfit !== null) throw new SetupError(stillUnfit);
  const folder = join(CACHE, `node-${process.versions.node}`);
  const node = join(folder, 'node');
  // This process is one already.
  if (process.execPath === node) return node;
  const libraries = isTooOld ? await debianLibraries() : null;
  mkdirSync(folder, { recursive: true });
  if (libraries === null) writeProgram(node, [process.execPath]);
  else {
    // Node takes the loader for itself: it would start its children with it.
    const preload = join(folder, 'exec_path.cjs');
    writeFileSync(preload, `process.execPath = process.argv[0] = ${JSON.stringify(node)};\n`);
    const loader = [libraries.loader, '--argv0', node, '--library-path', libraries.folder];
    writeProgram(node, [...loader, process.execPath, '--require', preload]);
  }
  await ensureEngine(CACHE, node);
  return node;
}

/** @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** @param {string} path @param {string[]} command that gets the arguments */
function writeProgram(path, command) {
  const draft = `${path}.${process.pid}`;
  const packages = `export NODE_PATH=${quoted(join(CACHE, 'node_modules'))}`;
  writeFileSync(draft, `#!/bin/sh\n${packages}\nexec ${command.map(quoted).join(' ')} "$@"\n`);
  chmodSync(draft, 0o755);
  renameSync(draft, path);
}

/**
 * Fetches the libraries once.
 * @returns {Promise<{ loader: string, folder: string }>} the program that loads others, and the folder of libraries
 * @throws {SetupError}
 */
async function debianLibraries() {
  const root = join(CACHE, SUITE);
  if (!existsSync(root))
    await alone('a newer C library', async () => {
      if (!existsSync(root)) await fetchLibraries(root);
    });
  for (const name of readdirSync(join(root, 'usr', 'lib'))) {
    const folder = join(root, 'usr', 'lib', name);
    const loader = readdirSync(folder).find((file) => /^ld-linux-[\w-]+\.so\.\d$/.test(file));
    if (loader !== undefined) return { loader: join(folder, loader), folder };
  }
  throw new SetupError(`${root} has no loader: remove it, and try again`);
}

/** @param {string} root gets the unpacked packages */
async function fetchLibraries(root) {
  const mirror = debianMirror();
  const missing = ['apt-get', 'dpkg-deb'].filter((program) => !inPath(program));
  if (mirror === null || missing.length > 0)
    throw new SetupError(
      missing.length > 0 ? `${missing.join(' and ')} not found` : 'no archive of Debian in the sources of apt',
    );
  const draft = `${root}.draft`;
  rmSync(draft, { recursive: true, force: true });
  for (const name of ['lists/partial', 'archives/partial', 'debs', 'root'])
    mkdirSync(join(draft, name), { recursive: true });
  const sources = join(draft, 'sources.list');
  writeFileSync(sources, `deb [signed-by=${KEYRING}] ${mirror} ${SUITE} main\n`);
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(draft, 'lists'),
    'Dir::Cache::archives': join(draft, 'archives'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'Acquire::Languages': 'none',
    // It could not read this folder.
    'APT::Sandbox::User': 'root',
  };
  const first = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const debs = join(draft, 'debs');
  // It downloads into the present folder.
  const apt = { file: 'env', first: ['-C', debs, 'apt-get', ...first] };
  await must(`lists of Debian ${SUITE}`, apt, ['update']);
  const wanted = PACKAGES.map((name) => `${name}/${SUITE}`);
  await must(`libraries of Debian ${SUITE}`, apt, ['download', ...wanted]);
  for (const name of readdirSync(debs))
    await must(`unpacking ${name}`, { file: 'dpkg-deb', first: ['-x'] }, [join(debs, name), join(draft, 'root')]);
  rmSync(join(draft, 'root', 'usr', 'share'), { recursive: true, force: true });
  renameSync(join(draft, 'root'), root);
  rmSync(draft, { recursive: true });
}

/** @returns {string | null} where apt fetches Debian itself from, in either format of its sources */
function debianMirror() {
  const folder = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(folder) ? readdirSync(folder) : []).map((name) => join(folder, name)),
  ];
  const text = files.map((path) => readText(path) ?? '').join('\n');
  // Other archives for Debian have a longer path.
  return /^(?:URIs:|deb\s(?:\[[^\]]*\])?)\s*(\w+:\/\/[^\s/]+\/debian)\/?(?:\s|$)/m.exec(text)?.[1] ?? null;
}

/**
 * @param {string} label
 * @param {import('./programs.mjs').Command} command
 * @param {string[]} args
 * @throws {SetupError}
 */
async function must(label, command, args) {
  if ((await runLogged(label, command, args, LOG)) !== 0)
    throw new SetupError(`${tailOf(LOG)}\n${label}: failed; the whole log is ${LOG}`);
}
