import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchFormula } from './formulas_list.ts';

/** What polars made of formulas, on one thread. */
export interface PolarsRun {
  readonly version: string;
  /** Seconds of processor time of the fastest run. */
  readonly seconds: number;
  /** Of each expression, its values at the sampled bars. */
  readonly values: readonly (readonly (number | null)[])[];
}

const RUNS = 3;

/**
 * Runs the expressions of formulas by polars, in a Python of `PYTHON` or on the path.
 * @param columns open, high, low, close, volume of the same bars
 * @returns null where Python has no polars
 */
export function runPolars(
  formulas: readonly BenchFormula[],
  columns: readonly Float64Array[],
  sampleEvery: number,
  folder: string,
): PolarsRun | null {
  columns.forEach((column, i) => writeFileSync(join(folder, `${i}.bin`), new Uint8Array(column.buffer)));
  writeFileSync(join(folder, 'formulas.py'), program(formulas, folder, sampleEvery));
  const python = process.env['PYTHON'] ?? 'python3';
  const env = { ...process.env, POLARS_MAX_THREADS: '1' };
  const { status, error, stderr } = spawnSync(python, ['-B', join(folder, 'formulas.py')], { encoding: 'utf8', env });
  if (error !== undefined || stderr.includes('ModuleNotFoundError')) return null;
  if (status !== 0) throw new Error(`polars: ${stderr}`);
  return JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as PolarsRun;
}

function program(formulas: readonly BenchFormula[], folder: string, sampleEvery: number): string {
  const expressions = formulas.map(({ polars }, i) => `    (${polars}).alias("f${i}"),`);
  return `import json, math, time
import numpy as np
import polars as pl

o, h, l, c, v = (pl.col(name) for name in "ohlcv")
frame = pl.DataFrame({name: np.fromfile(f"${folder}/{i}.bin") for i, name in enumerate("ohlcv")})
expressions = [
${expressions.join('\n')}
]
seconds = math.inf
for _ in range(${RUNS}):
    begun = time.process_time()
    result = frame.lazy().select(expressions).collect()
    seconds = min(seconds, time.process_time() - begun)
sampled = result.gather_every(${sampleEvery})
finite = lambda x: x if x is not None and math.isfinite(x) else None
values = [[finite(x) for x in sampled[name].to_list()] for name in sampled.columns]
with open("${folder}/result.json", "w") as out:
    json.dump({"version": pl.__version__, "seconds": seconds, "values": values}, out)
`;
}
