import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { MinutehandError } from '../../../../shared/errors.ts';
import { homePaths } from '../../../../shared/home.ts';
import { NETWORKS_PYTHON } from '../../../../shared/policy/environment.ts';
import { outsideEnvironment } from '../../../../shared/secrets.ts';

/** Written when an installation is complete. */
const INSTALLED_FILE = 'installed.json';
/** The one command where it is absent. */
export const INSTALL_COMMAND = 'minutehand learners install';

const installedSchema = z.object({
  /** Version of Python. */
  python: z.string(),
  /** Versions by names of packages. */
  packages: z.record(z.string(), z.string()),
  /** Whether the hash of every file was compared. */
  hashes: z.boolean(),
});
export type Installed = z.infer<typeof installedSchema>;

/** The virtual environment of the networks. */
export interface PythonEnvironment {
  readonly folder: string;
  readonly python: string;
  readonly installedFile: string;
}

export function pythonEnvironment(env: NodeJS.ProcessEnv = process.env): PythonEnvironment {
  const folder = homePaths(env).learnersPython;
  const python = process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');
  return { folder, python, installedFile: join(folder, INSTALLED_FILE) };
}

/** What was installed; null where an installation is absent or was cut off. */
export function readInstalled({ installedFile }: PythonEnvironment): Installed | null {
  try {
    return installedSchema.parse(JSON.parse(readFileSync(installedFile, 'utf8')));
  } catch {
    return null;
  }
}

/**
 * The Python that trains networks: that of the environment variable, or that of the installation.
 * @throws MinutehandError LEARNER_MISSING
 */
export function networksPython(env: NodeJS.ProcessEnv = process.env): string {
  const named = env[NETWORKS_PYTHON]?.trim() ?? '';
  if (named !== '') {
    const python = resolve(named);
    if (canRun(python)) return python;
    throw missing(`${NETWORKS_PYTHON}=${named} cannot be run`);
  }
  const own = pythonEnvironment(env);
  if (readInstalled(own) !== null && canRun(own.python)) return own.python;
  throw missing(`no Python environment in ${own.folder}`);
}

/** A package that not every environment has. */
export interface PythonPackage {
  /** Name to import it by, and to install it by. */
  readonly module: string;
  readonly distribution: string;
  /** What it is for. */
  readonly purpose: string;
}

/**
 * The same Python, where it has the package.
 * @throws MinutehandError LEARNER_MISSING
 */
export function pythonWith({ module, distribution, purpose }: PythonPackage): string {
  const python = networksPython();
  const isThere = `import importlib.util, sys; sys.exit(importlib.util.find_spec("${module}") is None)`;
  if (spawnSync(python, ['-E', '-s', '-c', isThere], { stdio: 'ignore', env: outsideEnvironment() }).status === 0)
    return python;
  throw new MinutehandError('LEARNER_MISSING', {
    seen: `no package ${distribution} for ${python}`,
    expected: purpose,
    next: `Run \`${python} -m pip install ${distribution}\`.`,
  });
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missing(seen: string): MinutehandError {
  return new MinutehandError('LEARNER_MISSING', {
    seen,
    expected: 'PyTorch and what else the networks need',
    next: `Run \`${INSTALL_COMMAND}\`. The engine gbdt needs no Python.`,
  });
}
