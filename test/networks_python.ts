import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../shared/root.ts';
import { pythonNote } from './python.ts';
import { skipNote } from './skip_note.ts';

/** Suffix of the title of a test that trains networks; nothing where they can be trained. */
export const networksNote = (): string => pythonNote('numpy', 'onnx', 'pyarrow', 'torch');

/** The same, without the package of this module. */
export function fakePythonWithout(folder: string, module: string): string {
  const file = join(folder, `python_without_${module}`);
  const isAsked = `*find_spec*${module}*`;
  writeFileSync(file, `#!/bin/sh\ncase "$*" in ${isAsked}) exit 1 ;; esac\nexec ${fakePython(folder)} "$@"\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Why there is no fake Python here; empty: there is. */
export const FAKE_PYTHON_NOTE = skipNote(process.platform === 'win32', 'the fake Python is a shell script');

/**
 * A Python that is none: a program of Node that speaks the protocol and learns a logistic regression, whatever the
 * network. It notes its arguments and requests in files of these names.
 */
export function fakePython(folder: string): string {
  const file = join(folder, 'python');
  const program = join(packageRoot(), 'trainer/learning/learners/program/logistic_program.fixture.mjs');
  writeFileSync(
    file,
    `#!/bin/sh\necho "$@" >> ${folder}/arguments\ntee -a ${folder}/requests | exec ${process.execPath} ${program}\n`,
  );
  chmodSync(file, 0o755);
  return file;
}

/** A Python that is none: a program of Node that answers every fit with this graph of sequences (`sequenceModel`). */
export function fakeSequencePython(folder: string, graph: string, tilt: number): string {
  const file = join(folder, 'python_sequences');
  const program = join(packageRoot(), 'trainer/learning/learners/program/sequence_program.fixture.mjs');
  writeFileSync(file, `#!/bin/sh\nexec ${process.execPath} ${program} ${graph} ${tilt}\n`);
  chmodSync(file, 0o755);
  return file;
}
