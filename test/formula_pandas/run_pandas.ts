import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TEST_PYTHON } from '../python.ts';
import type { PandasProgram } from './pandas_program.ts';

const FOLDER = import.meta.dirname;
const REQUIREMENTS = join(FOLDER, 'requirements.txt');
const REFUSED = 'no Python with the packages of test/formula_pandas/requirements.txt: npm run python';

/** The Python of the tests, where it has exactly the locked packages; else null. */
export const PANDAS: string | null = hasPackages(TEST_PYTHON) ? TEST_PYTHON : null;

/** Why comparisons with pandas are skipped; empty where they are not. */
export const NO_PANDAS = PANDAS === null ? REFUSED : '';

function hasPackages(python: string): boolean {
  const locked = readFileSync(REQUIREMENTS, 'utf8').split('\n').filter(Boolean);
  const wanted = Object.fromEntries(locked.map((line) => line.split('==') as [string, string]));
  const program = `
import json, sys
from importlib.metadata import PackageNotFoundError, version
wanted = json.loads(sys.argv[1])
try:
    sys.exit(0 if all(version(name) == one for name, one in wanted.items()) else 1)
except PackageNotFoundError:
    sys.exit(1)
`;
  return spawnSync(python, ['-B', '-c', program, JSON.stringify(wanted)]).status === 0;
}

/**
 * Runs a program.
 * @param folder for its files
 * @param columns in the order of `program.columns`
 * @returns the values of each part
 */
export function runPandas(
  { text, parts }: PandasProgram,
  columns: readonly (readonly number[])[],
  folder: string,
): number[][] {
  const bars = columns[0]!.length;
  const given = new Float64Array(columns.length * bars);
  columns.forEach((column, i) => given.set(column, i * bars));
  writeFileSync(join(folder, 'columns.bin'), given);
  writeFileSync(join(folder, 'program.py'), text);
  cpSync(join(FOLDER, 'operators.py'), join(folder, 'operators.py'));
  const { status, stderr } = spawnSync(PANDAS!, ['-B', 'program.py'], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`pandas: ${stderr}`);
  const bytes = readFileSync(join(folder, 'values.bin'));
  const values = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  return parts.map((_, i) => [...values.subarray(i * bars, (i + 1) * bars)]);
}
