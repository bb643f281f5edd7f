#!/usr/bin/env node
/** The Python environment of the tests that compare formulas with pandas, in var/formula_pandas. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './project.mjs';

const folder = join(ROOT, 'var', 'formula_pandas');
const requirements = join(ROOT, 'test', 'formula_pandas', 'requirements.txt');

/** @param {string} file @param {string[]} args */
function run(file, args) {
  const { status, error } = spawnSync(file, args, { stdio: 'inherit' });
  if (error !== undefined) console.error(`${file} could not be started: ${error.message}`);
  if (status !== 0) process.exit(1);
}

run('python3', ['-m', 'venv', folder]);
run(join(folder, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--no-deps', '-r', requirements]);
console.log('installed; npx vitest run test/formula_pandas compares');
