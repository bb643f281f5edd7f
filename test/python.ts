import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../shared/root.ts';
import { skipNote } from './skip_note.ts';

const CACHE = join(packageRoot(), 'node_modules', '.cache');
/** The environment that `npm run python` makes. */
const FOLDER = join(CACHE, 'python');

/** A Python with the packages of the tests: MINUTEHAND_TEST_PYTHON, else that of `npm run python`, else the path's. */
export const TEST_PYTHON = process.env['MINUTEHAND_TEST_PYTHON'] ?? ownPython() ?? 'python3';

const known = new Map<string, boolean>();

/** Suffix of the title of a test that needs these modules; nothing where the Python of the tests has them. */
export function pythonNote(...modules: readonly string[]): string {
  const program = `import ${modules.join(', ')}`;
  if (!known.has(program))
    known.set(program, spawnSync(TEST_PYTHON, ['-c', program], { stdio: 'ignore' }).status === 0);
  return skipNote(!known.get(program)!, `no Python with ${modules.join(', ')}: npm run python`);
}

/** Null where it was not made, or not to its end. */
function ownPython(): string | null {
  const python = join(FOLDER, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  return existsSync(join(FOLDER, 'installed')) && existsSync(python) ? python : null;
}

/**
 * Modules that are compiled once make a start with PyTorch take one second of processor time and not two. None of them
 * is left beside the sources.
 */
export function keepBytecode(env: NodeJS.ProcessEnv): void {
  delete env['PYTHONDONTWRITEBYTECODE'];
  env['PYTHONPYCACHEPREFIX'] = join(CACHE, 'pycache');
}

/** LightGBM's library in that environment; null where there is none. */
export function ownLightgbm(): string | null {
  if (ownPython() === null || process.platform === 'win32') return null;
  const folders = readdirSync(join(FOLDER, 'lib')).map((version) => join(FOLDER, 'lib', version, 'site-packages'));
  const found = folders.map((folder) => join(folder, 'lightgbm', 'lib', 'lib_lightgbm.so'));
  return found.find((path) => existsSync(path)) ?? null;
}
