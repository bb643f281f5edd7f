import { EDGES, gatesByChance, SEEDS, simulateGates, thinnedSettings, WEEKS, WORLDS } from './gates.ts';
import type { ChanceRuns, GateRun, GateSimulation } from './gates.ts';
import { HALF_LIFE_MINUTES } from './planted_world.ts';
import { simulateRates, type Rates } from './rates.ts';

/** What the part has done. */
export interface GatesBenchResult {
  /** Share of the simulated worlds, up to 1. */
  readonly share: number;
  /** Trainings by the whole pipeline in this run, and those that are known. */
  readonly trained: number;
  readonly trainings: number;
  /** Of trainings with a planted edge: no gate vetoes. */
  readonly all_gates_passed: number;
  readonly with_edge: number;
  readonly rates: Rates;
  /** All trainings, which a later whole run continues; null: a thinned run. */
  readonly simulation: GateSimulation | null;
}

/** A thinned run trains this much: without an edge, and with the smallest one. */
const FEW = { edges: [0, 2], worlds: [1], seeds: [1] };

/**
 * Simulates the gates; docs/reference/GATE_RATES.md has the rates. A thinned run trains twice and draws a share of the
 * worlds.
 * @param share above 0, at most 1
 * @param earlier trainings that a whole run continues; none after a change of a gate of trainings
 */
export async function benchGates(
  share: number,
  print: (line: string) => void,
  earlier: GateSimulation | null = null,
): Promise<GatesBenchResult> {
  const isWhole = share >= 1;
  const known = isWhole ? earlier : null;
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
  const whole: GateSimulation = {
    weeks: WEEKS,
    half_life_minutes: HALF_LIFE_MINUTES,
    chance: added(known?.chance ?? null, chance),
    runs,
  };
  const planted = runs.filter((run) => run.edge_bps > 0);
  return {
    share,
    trained: runs.length - before,
    trainings: runs.length,
    with_edge: planted.length,
    rates,
    simulation: isWhole ? whole : null,
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
