#!/usr/bin/env node
/**
 * `npm run python`: the Python environment of the tests, with the packages of the learners (CPU builds) and of the
 * comparisons with pandas, in exact versions. `CI=true npm test` makes it by itself.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runLogged, tailOf } from './programs.mjs';
import { LOG_FOLDER, MODULES, ROOT, alone, print, readText } from './project.mjs';

/** test/python.ts looks there. */
const FOLDER = join(MODULES, '.cache', 'python');
const PYTHON = join(FOLDER, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const STAMP = join(FOLDER, 'installed');
const LOG = join(LOG_FOLDER, 'python.log');
const REQUIREMENTS = ['learners/python/requirements.txt', 'test/formula_pandas/requirements.txt'].map((path) =>
  join(ROOT, path),
);
/** Where PyTorch publishes wheels without parts for GPUs. */
const TORCH_INDEX = 'https://download.pytorch.org/whl/cpu';
const UNREACHABLE = /NewConnectionError|ConnectTimeoutError|ProxyError|Network is unreachable|name resolution/;

const wanted = () =>
  createHash('sha256')
    .update(REQUIREMENTS.map((path) => readFileSync(path)).join('\n'))
    .digest('hex');

/** Whether the environment has what the requirements list today. */
export const hasPython = () => readText(STAMP) === wanted();

/**
 * Makes the environment unless it is there.
 * @returns {Promise<'installed' | 'failed' | 'unreachable'>} unreachable: pip reaches no package index that has them
 */
export function installPython() {
  return alone('Python packages', async () => {
    if (hasPython()) return 'installed';
    mkdirSync(dirname(FOLDER), { recursive: true });
    const venv = { file: process.platform === 'win32' ? 'python' : 'python3', first: ['-m', 'venv'] };
    const pip = { file: PYTHON, first: ['-m', 'pip', 'install'] };
    // One more try: an index that cannot be reached is asked for every package.
    const args = ['--retries', '1', '--only-binary', ':all:', '--no-deps', '--no-compile', '--progress-bar', 'off'];
    const from = process.platform === 'linux' ? ['--extra-index-url', TORCH_INDEX] : [];
    const packages = [...args, ...from, ...REQUIREMENTS.flatMap((path) => ['-r', path])];
    const isMade =
      (await runLogged('making a Python environment', venv, ['--clear', FOLDER], LOG)) === 0 &&
      (await runLogged('installing Python packages', pip, packages, LOG)) === 0;
    if (isMade) {
      writeFileSync(STAMP, wanted());
      return 'installed';
    }
    if (UNREACHABLE.test(readText(LOG) ?? '')) return 'unreachable';
    print(`${tailOf(LOG)}\nthe whole log is ${LOG}`);
    return 'failed';
  });
}

if (process.argv[1] === import.meta.filename) {
  const result = await installPython();
  print(
    {
      installed: `installed in ${FOLDER}, where the tests find it`,
      failed: 'Python packages could not be installed',
      unreachable: 'pip reaches no package index here',
    }[result],
  );
  process.exitCode = result === 'installed' ? 0 : 1;
}
