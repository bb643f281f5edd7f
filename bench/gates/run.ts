/**
 * Simulates the gates and writes bench/results/gates.json, from which docs/reference/GATES.md is generated. Continues
 * the runs of that file; delete it after a change of a gate. All take about 20 minutes of processor time:
 *
 * `nice -n 19 node dist/bench/gates/run.js --minutes 60`
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../../shared/root.ts';
import { EDGES, gatesByChance, SEEDS, simulateGates, thinnedSettings, WEEKS, WORLDS } from './gates.ts';
import type { GateRun, GateSimulation } from './gates.ts';
import { HALF_LIFE_MINUTES } from './planted_world.ts';

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '600' } } });
const file = join(packageRoot(), 'bench', 'results', 'gates.json');
const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as GateSimulation) : null;
const runs: GateRun[] = [...(known?.runs ?? [])];
const endMs = performance.now() + Number(values.minutes) * 60_000;
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
const answers = await simulateGates({
  edges: [0, ...EDGES],
  worlds: upTo(WORLDS),
  seeds: upTo(SEEDS),
  known: runs.slice(),
  onRun(run) {
    runs.push(run);
    process.stderr.write(`${JSON.stringify(run)}\n`);
    return performance.now() < endMs;
  },
});
const chance = gatesByChance(answers, thinnedSettings().retrain.adopt_min_auc);
const result: GateSimulation = {
  weeks: WEEKS,
  half_life_minutes: HALF_LIFE_MINUTES,
  chance: chance.cases > 0 ? chance : (known?.chance ?? null),
  runs,
};
const lines = runs.map((run) => `  ${JSON.stringify(run)}`).join(',\n');
const head = JSON.stringify({ ...result, runs: undefined }, null, 1).replace(/\n\}$/, ',');
writeFileSync(file, `${head}\n "runs": [\n${lines}\n ]\n}\n`);
