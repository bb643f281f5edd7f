import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import type * as Koffi from 'koffi';
import { MinutehandError } from '../../../../../shared/errors.ts';
import { homePaths } from '../../../../../shared/home.ts';
import { libraryOf, NATIVE_ENGINES, type NativeEngine } from '../../../../../shared/policy/engines.ts';
import { NETWORKS_PYTHON } from '../../../../../shared/policy/environment.ts';

/** Library file of each engine; null = search the usual places. */
export type EngineLibraries = Readonly<Record<NativeEngine, string | null>>;

/** Libraries configured in the environment. An empty variable counts as unset. */
export function librariesFrom(env: NodeJS.ProcessEnv = process.env): EngineLibraries {
  const entries = NATIVE_ENGINES.map((engine) => [engine, env[libraryOf(engine).variable] || null]);
  return Object.fromEntries(entries) as EngineLibraries;
}

export interface OpenLibrary {
  /** The file, or the name under which the system's own loader found it. */
  readonly path: string;
  readonly library: Koffi.LibraryHandle;
  readonly koffi: typeof Koffi;
}

/** How to get an engine's library. */
export function installationHint(engine: NativeEngine): string {
  return `${libraryOf(engine).installation} The engine gbdt needs no library.`;
}

/** File names of the library on this platform, most likely first. */
function fileNames(engine: NativeEngine): readonly string[] {
  const { files } = libraryOf(engine);
  return process.platform === 'win32' || process.platform === 'darwin' ? files[process.platform] : files.linux;
}

/**
 * Folders where libraries and Python packages are installed, in search order; `*` matches any part of a folder's name.
 * The first is the environment of the networks: that of the Python which is named, else that of `minutehand learners
 * install`, whose versions are exact.
 */
function usualPrefixes(env: NodeJS.ProcessEnv): string[] {
  const named = [env['CONDA_PREFIX'], env['VIRTUAL_ENV']].filter((folder) => folder !== undefined && folder !== '');
  const ofUser = ['.local', 'miniconda3', 'anaconda3', 'miniforge3', '.pyenv/versions/*'];
  return [
    ...prefixesOfPython(env[NETWORKS_PYTHON]?.trim() ?? ''),
    homePaths(env).learnersPython,
    ...(named as string[]),
    ...['/usr/local', '/usr', '/opt/homebrew', '/opt/conda'],
    ...ofUser.map((folder) => join(homedir(), folder)),
  ];
}

/** Folders that a Python keeps its packages below: it is in their `bin` or `Scripts`, on Windows also beside `Lib`. */
function prefixesOfPython(python: string): string[] {
  if (python === '') return [];
  const folder = dirname(resolve(python));
  return process.platform === 'win32' ? [dirname(folder), folder] : [dirname(folder)];
}

/** Existing folders that may contain the engine's library, in search order. */
function usualFolders(engine: NativeEngine, env: NodeJS.ProcessEnv): string[] {
  // PyPI packages keep it in their folder `lib`; LightGBM before version 4 beside its modules.
  const packages = ['lib/python3*/site-packages', 'lib/python3*/dist-packages', 'Lib/site-packages'];
  const inPackage = packages.flatMap((folder) => [join(folder, engine, 'lib'), join(folder, engine)]);
  return [
    ...(env['LD_LIBRARY_PATH'] ?? '').split(delimiter).filter(isFolder),
    ...usualPrefixes(env).flatMap((prefix) =>
      ['lib', 'lib/*-linux-*', 'lib64', ...inPackage].flatMap((at) => expand(join(prefix, at))),
    ),
  ];
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Whether the text is a path rather than a bare name for the system's loader. */
function isPath(text: string): boolean {
  return /[\\/]/.test(text);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The folders that match a path with `*` in its parts, sorted by name. */
function expand(pattern: string): string[] {
  const star = pattern.indexOf('*');
  if (star < 0) return isFolder(pattern) ? [pattern] : [];
  const end = pattern.slice(star).search(/[\\/]/);
  const [head, rest] = end < 0 ? [pattern, ''] : [pattern.slice(0, star + end), pattern.slice(star + end)];
  const parent = dirname(head);
  const parts = head.slice(parent.length + 1).split('*');
  const name = new RegExp(`^${parts.map(literally).join('.*')}$`);
  const names = isFolder(parent) ? readdirSync(parent).sort() : [];
  return names.filter((found) => name.test(found)).flatMap((found) => expand(join(parent, found) + rest));
}

/**
 * Opens the engine's shared library: only the configured file (or name for the system's loader), otherwise the first
 * loadable one in the usual places, otherwise by name through the system's loader.
 * @throws MinutehandError LEARNER_MISSING with the searched places, or why an existing file does not load
 */
export function openLibrary(
  engine: NativeEngine,
  libraries: EngineLibraries = librariesFrom(),
  env: NodeJS.ProcessEnv = process.env,
): OpenLibrary {
  const configured = libraries[engine];
  if (configured !== null && isPath(configured) && !isFile(configured)) {
    throw missing(engine, `there is no file ${resolve(configured)}, which ${libraryOf(engine).variable} names`);
  }
  const names = fileNames(engine);
  const files =
    configured === null
      ? [
          ...usualFolders(engine, env).flatMap((folder) => names.map((name) => join(folder, name)).filter(isFile)),
          ...names,
        ]
      : [configured];
  const koffi = loadKoffi(engine);
  waitPassively(koffi);
  const refusals: string[] = [];
  for (const file of files) {
    try {
      const path = isPath(file) ? resolve(file) : file;
      return { path, library: load(koffi, path), koffi };
    } catch (error) {
      // For a bare name, the loader only reports that it was not found.
      if (isPath(file) || configured !== null) refusals.push(`${file} does not load (${(error as Error).message})`);
    }
  }
  if (refusals.length > 0) throw missing(engine, refusals.join('; '));
  const prefixes = usualPrefixes(env).join(', ');
  throw missing(
    engine,
    `no ${names[0]} among the libraries of the system, nor in lib or Python packages of ${prefixes}`,
  );
}

function missing(engine: NativeEngine, seen: string): MinutehandError {
  return new MinutehandError('LEARNER_MISSING', { seen: `${engine}: ${seen}`, next: installationHint(engine) });
}

const require = createRequire(import.meta.url);

/** Loaded only when an engine is requested. */
function loadKoffi(engine: NativeEngine): typeof Koffi {
  try {
    return require('koffi') as typeof Koffi;
  } catch (error) {
    throw missing(engine, `koffi, which calls shared libraries, does not load (${(error as Error).message})`);
  }
}

function load(koffi: typeof Koffi, path: string): Koffi.LibraryHandle {
  const library = koffi.load(path);
  keepLoaded(koffi, path);
  return library;
}

const RTLD_NOW = 2;
const RTLD_NODELETE = process.platform === 'darwin' ? 0x80 : 0x1000;

/**
 * OpenMP's threads outlive the call that started them. If the library and OpenMP were unloaded at the end of a worker,
 * those threads would continue in freed memory.
 */
function keepLoaded(koffi: typeof Koffi, path: string): void {
  if (process.platform !== 'linux' && process.platform !== 'darwin') return;
  koffi.load(null).func('void *dlopen(const char *path, int mode)')(path, RTLD_NOW | RTLD_NODELETE);
}

/**
 * OpenMP's threads spin while waiting, which on shared cores makes two of them many times slower than one. It reads its
 * variables once, on loading. The user's settings take precedence.
 */
function waitPassively(koffi: typeof Koffi): void {
  if (process.env['OMP_WAIT_POLICY'] !== undefined) return;
  process.env['OMP_WAIT_POLICY'] = 'passive';
  // A worker's environment is a copy that native code does not see.
  if (isMainThread || process.platform === 'win32') return;
  koffi.load(null).func('int setenv(const char *name, const char *value, int overwrite)')(
    'OMP_WAIT_POLICY',
    'passive',
    0,
  );
}
