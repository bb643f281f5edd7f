import { readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import type * as Koffi from 'koffi';
import { MinutehandError } from '../../../../shared/errors.ts';
import { libraryOf, NATIVE_ENGINES, type NativeEngine } from '../../../../shared/policy/engines.ts';

/** File of each engine's library; null = the usual places are searched. */
export type EngineLibraries = Readonly<Record<NativeEngine, string | null>>;

/** The libraries that the environment names. An empty variable is an unset one. */
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

/** Names of the library's file on this platform, the likeliest first. */
function fileNames(engine: NativeEngine): readonly string[] {
  const { files } = libraryOf(engine);
  return process.platform === 'win32' || process.platform === 'darwin' ? files[process.platform] : files.linux;
}

/**
 * Folders where libraries and Python packages are installed, in search order; `*` matches any part of a folder's name.
 */
function usualPrefixes(env: NodeJS.ProcessEnv): string[] {
  const named = [env['CONDA_PREFIX'], env['VIRTUAL_ENV']].filter((folder) => folder !== undefined && folder !== '');
  const ofUser = ['.local', 'miniconda3', 'anaconda3', 'miniforge3', '.pyenv/versions/*'];
  return [
    ...(named as string[]),
    ...['/usr/local', '/usr', '/opt/homebrew', '/opt/conda'],
    ...ofUser.map((folder) => join(homedir(), folder)),
  ];
}

/** Existing folders in which the engine's library may be, in the order of the search. */
function usualFolders(engine: NativeEngine, env: NodeJS.ProcessEnv): string[] {
  // PyPI's packages keep it in a folder `lib` of their own; those of LightGBM before version 4 beside their modules.
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

/** Not a bare name, which is for the system's loader to find. */
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
 * Opens the engine's shared library: the configured file (or name for the system's loader) and no other, else the first
 * in the usual places that loads, else by name through the system's loader.
 * @throws MinutehandError LEARNER_MISSING with the places that were looked at, or why a file that is there does not
 * load
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

/** Loaded only when an engine is requested, so that nothing else depends on it. */
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
 * OpenMP's threads outlive the call that started them. If the library and OpenMP with it were unloaded at the end of a
 * worker, those threads would continue in freed memory.
 */
function keepLoaded(koffi: typeof Koffi, path: string): void {
  if (process.platform !== 'linux' && process.platform !== 'darwin') return;
  koffi.load(null).func('void *dlopen(const char *path, int mode)')(path, RTLD_NOW | RTLD_NODELETE);
}

/**
 * OpenMP's threads spin while they wait for each other, which on shared cores makes two of them many times slower than
 * one. It reads its variables once, when it is loaded. What the user has set stays.
 */
function waitPassively(koffi: typeof Koffi): void {
  if (process.env['OMP_WAIT_POLICY'] !== undefined) return;
  process.env['OMP_WAIT_POLICY'] = 'passive';
  // The variables of a worker are a copy that native code does not see.
  if (isMainThread || process.platform === 'win32') return;
  koffi.load(null).func('int setenv(const char *name, const char *value, int overwrite)')(
    'OMP_WAIT_POLICY',
    'passive',
    0,
  );
}
