import { spawnSync } from 'node:child_process';
import { skipNote } from './skip_note.ts';

/** A Python with the packages of learners/python. */
export const TEST_NETWORKS_PYTHON = process.env['NETWORKS_TEST_PYTHON'] ?? 'python3';

/** Suffix of the title of a test that trains networks; nothing where they can be trained. */
export function networksNote(): string {
  const args = ['-c', 'import numpy, onnx, pyarrow, torch'];
  const isThere = spawnSync(TEST_NETWORKS_PYTHON, args, { stdio: 'ignore' }).status === 0;
  return skipNote(!isThere, 'pip install torch numpy pyarrow onnx, NETWORKS_TEST_PYTHON names its Python');
}
