import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Genome, Tree } from '../trainer/learning/evolve/genome.ts';

/** What numpy made of the same rules, on one thread. */
export interface NumpyRun {
  readonly version: string;
  /** Seconds of processor time of the fastest run. */
  readonly seconds: number;
  /** Trades of each rule, and the sum of their net results. */
  readonly trades: readonly number[];
  readonly net: readonly number[];
}

/** All that a rule needs, computed beforehand: numpy combines conditions and walks from trade to trade. */
export interface NumpyInput {
  readonly rules: readonly Genome[];
  /** [conditions][bars], 1 where it is true. */
  readonly conditions: readonly Uint8Array[];
  /** By `2 * plan + (side > 0 ? 1 : 0)`: the bar of the exit of an entry at each bar, and its net result. */
  readonly exits: ReadonlyMap<number, { readonly exit: Int32Array; readonly net: Float64Array }>;
  /** First bars of the blocks, and the end of the last. */
  readonly borders: readonly number[];
  /** Maximum age of each plan. */
  readonly ages: readonly number[];
}

const RUNS = 2;

/** @returns null where Python has no numpy */
export function runNumpy({ rules, conditions, exits, borders, ages }: NumpyInput, folder: string): NumpyRun | null {
  const bars = conditions[0]!.length;
  writeFileSync(join(folder, 'conditions.bin'), Buffer.concat(conditions.map((own) => Buffer.from(own))));
  for (const [key, { exit, net }] of exits) {
    writeFileSync(join(folder, `exit_${key}.bin`), new Uint8Array(exit.buffer));
    writeFileSync(join(folder, `net_${key}.bin`), new Uint8Array(net.buffer));
  }
  const text = (tree: Tree | null): string => {
    if (tree === null) return 'None';
    if (typeof tree === 'number') return `c[${tree}]`;
    return `(${text(tree[1])} ${tree[0] === 'and' ? '&' : '|'} ${text(tree[2])})`;
  };
  const functions = rules.map(({ long, short, plan }) => `    (lambda: (${text(long)}, ${text(short)}), ${plan}),`);
  writeFileSync(
    join(folder, 'rules.py'),
    `import json, math, time
import numpy as np

c = np.fromfile("${folder}/conditions.bin", dtype=np.bool_).reshape(-1, ${bars})
exits = {key: np.fromfile(f"${folder}/exit_{key}.bin", dtype=np.int32) for key in ${JSON.stringify([...exits.keys()])}}
nets = {key: np.fromfile(f"${folder}/net_{key}.bin") for key in exits}
borders = ${JSON.stringify(borders)}
ages = ${JSON.stringify(ages)}
rules = [
${functions.join('\n')}
]

def run(make, plan):
    long, short = make()
    if short is None:
        entry, is_long = long, long
    elif long is None:
        entry, is_long = short, None
    else:
        entry, is_long = long ^ short, long
    trades, net = 0, 0.0
    for block in range(len(borders) - 1):
        begin, end = borders[block], borders[block + 1] - ages[plan] - 1
        at = np.flatnonzero(entry[begin:max(begin, end)]) + begin
        i = 0
        while i < len(at):
            t = at[i]
            key = 2 * plan + (1 if is_long is not None and is_long[t] else 0)
            net += nets[key][t]
            trades += 1
            i += np.searchsorted(at[i:], exits[key][t], side="right")
    return trades, net

seconds = math.inf
for _ in range(${RUNS}):
    begun = time.process_time()
    results = [run(make, plan) for make, plan in rules]
    seconds = min(seconds, time.process_time() - begun)
with open("${folder}/result.json", "w") as out:
    json.dump({"version": np.__version__, "seconds": seconds, "trades": [r[0] for r in results],
               "net": [float(r[1]) for r in results]}, out)
`,
  );
  const python = process.env['PYTHON'] ?? 'python3';
  const { status, error, stderr } = spawnSync(python, ['-B', join(folder, 'rules.py')], { encoding: 'utf8' });
  if (error !== undefined || stderr.includes('ModuleNotFoundError')) return null;
  if (status !== 0) throw new Error(`numpy: ${stderr}`);
  return JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as NumpyRun;
}
