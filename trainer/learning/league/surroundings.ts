import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ENSEMBLES, NATIVE_ENGINES } from '../../../shared/policy/engines.ts';
import { packageRoot } from '../../../shared/root.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import type { EnsembleParameters } from '../learners/mixture/ensemble_parameters.ts';
import { networksPython } from '../learners/networks/python_environment.ts';
import { PROGRAM } from '../learners/program/program.ts';
import { learnerNamed, learnersIn } from '../learners/registry.ts';
import { findEngine } from '../learners/trees/engines/engines.ts';

/**
 * What the results of a learner, and of its members, depend on outside of this program: libraries, and packages of
 * Python, by their places and versions.
 * @returns JSON; undefined where it cannot be known
 * @throws MinutehandError LEARNER_MISSING
 */
export function surroundingsOf(learner: string, ensembles: EnsembleParameters): unknown {
  const all = learnersIn(learner, ensembles).map(ofOne);
  return all.includes(undefined) ? undefined : all;
}

function ofOne(name: string): unknown {
  if (name === PROGRAM.name) return undefined;
  // Its members are listed beside it.
  if ((ENSEMBLES as readonly string[]).includes(name)) return null;
  if (learnerNamed(name).determinism === 'any_machine') return null;
  const engine = NATIVE_ENGINES.find((own) => own === name);
  if (engine === undefined) return pythonFacts(networksPython());
  const { path, version } = findEngine(engine);
  const file = statSync(path, { throwIfNoEntry: false });
  return [path, version, file === undefined ? null : [file.size, file.mtimeMs]];
}

/** The environment of an interpreter; undefined where its packages are not beside it, as those of a system are. */
function pythonFacts(python: string): unknown {
  const root = dirname(dirname(python));
  const packages = packageFolders(root).flatMap((folder) =>
    namesIn(folder).filter((name) => name.endsWith('.dist-info') || name.endsWith('.pth')),
  );
  if (packages.length === 0) return undefined;
  return [python, packages, programHash()];
}

function packageFolders(root: string): string[] {
  const versions = namesIn(join(root, 'lib')).filter((name) => name.startsWith('python3'));
  return [...versions.map((name) => join(root, 'lib', name, 'site-packages')), join(root, 'Lib', 'site-packages')];
}

/** Of the programs that are delivered. */
function programHash(): string {
  const folder = join(packageRoot(), 'learners', 'python');
  const files = namesIn(folder).filter((name) => name.endsWith('.py'));
  return sha256Hex(files.map((name) => `${name}\n${readFileSync(join(folder, name), 'utf8')}`).join('\n'));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
