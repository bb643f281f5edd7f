import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../shared/root.ts';
import { EDGES, gatesByChance, SEEDS, simulateGates, thinnedSettings, WEEKS, WORLDS } from './gates.ts';
import type { ChanceRuns, GateRun, GateSimulation } from './gates.ts';
import { HALF_LIFE_MINUTES } from './planted_world.ts';
import { simulateRates, type Rates } from './rates.ts';

/** What the part has done. */
export interface GatesBenchResult {
  /** Of the recorded simulation: 1 writes the results. */
  readonly share: number;
  /** Trainings by the whole pipeline in this run, and those that are known. */
  readonly trained: number;
  readonly trainings: number;
  /** Of trainings with a planted edge: no gate vetoes. */
  readonly all_gates_passed: number;
  readonly with_edge: number;
  readonly rates: Rates;
}

/** A thinned run trains this much: without an edge, and with the smallest one. */
const FEW = { edges: [0, 2], worlds: [1], seeds: [1] };

/**
 * Simulates the gates. A whole run writes bench/results/gates.json, whose known trainings it continues, and
 * bench/results/gate_rates.json, from which docs/reference/GATES.md is generated: delete the first one after a change
 * of a gate of trainings. A thinned one trains twice, draws a share of the worlds, and writes nothing.
 * @param share above 0, at most 1
 */
export async function benchGates(share: number, print: (line: string) => void): Promise<GatesBenchResult> {
  const isWhole = share >= 1;
  const results = join(packageRoot(), 'bench', 'results');
  const file = join(results, 'gates.json');
  const known = isWhole && existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as GateSimulation) : null;
  const runs: GateRun[] = [...(known?.runs ?? [])];
  const before = runs.length;
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
  const all = { edges: [0, ...EDGES], worlds: upTo(WORLDS), seeds: upTo(SEEDS) };
  const plan = isWhole ? all : FEW;
  print(`gates: ${plan.edges.length * plan.worlds.length * plan.seeds.length} trainings, ${before} of them known …`);
  const answers = await simulateGates({
    ...plan,
    known: runs.slice(),
    onRun(run) {
      runs.push(run);
      print(JSON.stringify(run));
      return true;
    },
  });
  const chance = gatesByChance(answers, thinnedSettings().retrain.adopt_min_auc);
  const rates = simulateRates(share, print);
  if (isWhole) {
    writeFileSync(
      file,
      textOf({
        weeks: WEEKS,
        half_life_minutes: HALF_LIFE_MINUTES,
        chance: added(known?.chance ?? null, chance),
        runs,
      }),
    );
    writeFileSync(join(results, 'gate_rates.json'), ratesText(rates));
  }
  const planted = runs.filter((run) => run.edge_bps > 0);
  return {
    share,
    trained: runs.length - before,
    trainings: runs.length,
    with_edge: planted.length,
    rates,
    all_gates_passed: planted.filter(({ vetoes }) => vetoes.length === 0).length,
  };
}

/** The cases of known trainings and those of new ones. */
function added(known: ChanceRuns | null, fresh: ChanceRuns): ChanceRuns {
  if (known === null) return fresh;
  const names = [...new Set([...Object.keys(known.accepted), ...Object.keys(fresh.accepted)])];
  const accepted = names.map((name) => [name, (known.accepted[name] ?? 0) + (fresh.accepted[name] ?? 0)]);
  return { cases: known.cases + fresh.cases, accepted: Object.fromEntries(accepted) as ChanceRuns['accepted'] };
}

/** A training a line. */
function textOf(simulation: GateSimulation): string {
  const lines = simulation.runs.map((run) => `  ${JSON.stringify(run)}`).join(',\n');
  const head = JSON.stringify({ ...simulation, runs: undefined }, null, 1).replace(/\n\}$/, ',');
  return `${head}\n "runs": [\n${lines}\n ]\n}\n`;
}

/** A rate a line. */
export function ratesText(rates: Rates): string {
  const parts = Object.entries(rates).map(
    ([name, list]) =>
      ` "${name}": [\n${(list as readonly object[]).map((own) => `  ${JSON.stringify(own)}`).join(',\n')}\n ]`,
  );
  return `{\n${parts.join(',\n')}\n}\n`;
}
