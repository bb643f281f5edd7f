import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeTreeModel } from '../../shared/bundle/onnx/tree_graph.ts';
import { MODEL_FILES } from '../../shared/bundle/manifest.ts';
import { isMeasured, keyOf, type MeasuredGate } from '../../shared/bundle/gates/gate_result.ts';
import { parsePair, type Pair } from '../../shared/pair.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { meanOf } from '../../shared/statistics.ts';
import { checkAuc } from '../../trainer/learning/gates/auc.ts';
import { treeAnswers } from '../../trainer/learning/learners/trees/scoring.ts';
import { train, type TrainResult } from '../../trainer/learning/training/pipeline.ts';
import { modelMetrics } from '../../trainer/learning/measures/model_metrics.ts';
import { rowUniqueness } from '../../trainer/learning/dataset/noise.ts';
import { shuffleInBlocks } from '../../trainer/learning/validate/leakage/shuffled_labels.ts';
import { checkF1AboveChance, checkRanking } from '../../trainer/learning/validate/quality_gate.ts';
import { amplitudeLine, worldBars } from './planted_world.ts';

/** Net results per trade of entering every candidate, in basis points. */
export const EDGES: readonly number[] = [2, 3, 4, 5, 6];
export const WORLDS = 5;
export const SEEDS = 10;
const PAIR = 'EURUSD_GBPUSD';
export const WEEKS = 8;
/** Thinned learning, so that hundreds of trainings end in hours. */
const ROUNDS = 40;
const LEARNING_RATE = 0.15;
const MAX_ROWS = 6000;
const FOLDS = 3;
const THETA_EVALUATIONS = 24;

/** One training by the whole pipeline. */
export interface GateRun {
  readonly edge_bps: number;
  readonly world: number;
  readonly seed: number;
  /** Gates that vetoed. */
  readonly vetoes: readonly string[];
  /** Whether the holdout shows an edge of the pair, and its trades. */
  readonly has_edge: boolean;
  readonly trades: number;
  readonly net_bps: number | null;
  /** AUC of AI1 on the holdout. */
  readonly auc: number | null;
  /** Distance of the AUC of shuffled labels from ½ as a share of the limit, of each model. */
  readonly shuffled: readonly (number | null)[];
}

/** Answers of a model on its own world's holdout, for gates on labels of another world. */
export interface HoldoutAnswers {
  readonly model: 'ai1' | 'ai2';
  readonly scores: Float64Array;
  readonly y: Float64Array;
  readonly uniqueness: Float64Array;
  readonly time: Float64Array;
  readonly pair: Int32Array;
  readonly labelEnd: Float64Array;
  readonly rate: number;
}

/** How often each gate accepts answers that know nothing of the labels. */
export interface ChanceRuns {
  readonly cases: number;
  readonly accepted: Readonly<Record<string, number>>;
}

export interface GateSimulation {
  readonly weeks: number;
  readonly half_life_minutes: { readonly active: number; readonly quiet: number };
  readonly runs: readonly GateRun[];
  readonly chance: ChanceRuns | null;
}

/** This repository's settings, with one pair and thinned learning. */
export function thinnedSettings(): Settings {
  const settings = loadSettings({ env: {} });
  const { train: learning, search } = settings.minutehand;
  const thin = <Parameters extends { readonly rounds: number }>(parameters: Parameters): Parameters => ({
    ...parameters,
    rounds: ROUNDS,
    learning_rate: LEARNING_RATE,
  });
  const { ai1, ai2, ai3 } = learning;
  return {
    ...settings,
    minutehand: {
      ...settings.minutehand,
      pairs: [PAIR],
      train: {
        ...learning,
        ai1: thin(ai1),
        ai2: thin(ai2),
        ai3: thin(ai3),
        folds: FOLDS,
        max_rows: MAX_ROWS,
      },
      search: { ...search, label: false, theta_evaluations: THETA_EVALUATIONS },
    },
  };
}

export interface GateSimulationOptions {
  readonly edges: readonly number[];
  readonly worlds: readonly number[];
  readonly seeds: readonly number[];
  /** Runs that are known already are not repeated. */
  readonly known: readonly GateRun[];
  /** After each training; false ends the simulation. */
  onRun(run: GateRun): boolean;
}

/** Trains in worlds with a planted edge, by the whole pipeline, and records what each gate says. */
export async function simulateGates(options: GateSimulationOptions): Promise<HoldoutAnswers[]> {
  const settings = thinnedSettings();
  const pair = parsePair(PAIR);
  const amplitudeOf = amplitudeLine(pair, settings);
  const answers: HoldoutAnswers[] = [];
  for (const seed of options.seeds) {
    for (const world of options.worlds) {
      for (const edge of options.edges) {
        const isKnown = options.known.some((run) => run.edge_bps === edge && run.world === world && run.seed === seed);
        if (isKnown) continue;
        const { run, holdouts } = await trainOnce({ pair, settings, edge, world, seed, amplitude: amplitudeOf(edge) });
        answers.push(...holdouts);
        if (!options.onRun(run)) return answers;
      }
    }
  }
  return answers;
}

interface Case {
  readonly pair: Pair;
  readonly settings: Settings;
  readonly edge: number;
  readonly world: number;
  readonly seed: number;
  readonly amplitude: number;
}

async function trainOnce({ pair, settings, edge, world, seed, amplitude }: Case) {
  const out = mkdtempSync(join(tmpdir(), 'minutehand-gates-'));
  try {
    const result = await train({
      settings,
      bars: worldBars({ pair, seed: `${world}`, weeks: WEEKS, amplitude }),
      market: 'simulated',
      seed,
      gitCommit: null,
      out,
      counts: out,
      created: new Date(0),
      workers: 0,
      cache: null,
      trials: 1,
      searchFolder: null,
      holdoutFrom: null,
      onProgress: () => undefined,
    });
    const own = result.manifest.edge[PAIR]!;
    const run: GateRun = {
      edge_bps: edge,
      world,
      seed,
      vetoes: result.gates.filter(({ passed }) => !passed).map(keyOf),
      has_edge: !own.no_edge,
      trades: own.trades,
      net_bps: rounded(own.mean_net_bps),
      auc: rounded(result.manifest.metrics.ai1.holdout.auc),
      shuffled: result.gates
        .filter(isMeasured)
        .flatMap((gate) => (gate.code === 'shuffled_labels' ? [marginOf(gate)] : [])),
    };
    return { run, holdouts: holdoutAnswers(result) };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Distance of the AUC from ½ as a share of its error; null where there is no AUC. */
function marginOf({ value, evidence }: MeasuredGate): number | null {
  return value === null ? null : rounded((value - 0.5) / (evidence['error'] as number));
}

function rounded(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1e4) / 1e4;
}

function holdoutAnswers({ path, dataset }: TrainResult): HoldoutAnswers[] {
  return (['ai1', 'ai2'] as const).map((model) => {
    const rows = model === 'ai1' ? dataset.evaluation.holdout : dataset.holdout.ai2;
    const trained = model === 'ai1' ? dataset.evaluation.train : dataset.train.ai2;
    const decoded = decodeTreeModel(readFileSync(join(path, MODEL_FILES[model]))).model;
    return {
      model,
      scores: treeAnswers(decoded, rows.x),
      y: rows.y,
      uniqueness: rowUniqueness(rows),
      time: rows.time,
      pair: rows.pair,
      labelEnd: rows.labelEnd,
      rate: meanOf(trained.y),
    };
  });
}

const SHUFFLES = 40;
const LABELS_PER_BLOCK = 5;

/**
 * The gates on labels that were shuffled in blocks: the answers depend on time and the labels overlap as they do, and
 * know nothing of one another.
 */
export function gatesByChance(answers: readonly HoldoutAnswers[], leastAuc: number): ChanceRuns {
  const accepted: Record<string, number> = {};
  let cases = 0;
  const count = (name: string, passed: boolean): void => {
    accepted[name] = (accepted[name] ?? 0) + (passed ? 1 : 0);
  };
  answers.forEach(({ model, y, pair, ...own }, holdout) => {
    const independent = own.uniqueness.reduce((sum, share) => sum + share, 0);
    const blockRows = Math.max(1, Math.round((LABELS_PER_BLOCK * y.length) / independent));
    for (let shuffle = 0; shuffle < SHUFFLES; shuffle++) {
      const labels = shuffleInBlocks({ y, pair, time: own.time }, blockRows, `${holdout}/${shuffle}`);
      const quality = { samples: y.length, labels, ...own };
      count(`${model}.f1_above_chance`, checkF1AboveChance(quality).passed);
      count(`${model}.auc_above_noise`, checkRanking(quality).passed);
      if (model === 'ai2') continue;
      cases++;
      count('ai1.auc', checkAuc(modelMetrics(own.scores, labels), leastAuc).passed);
    }
  });
  return { cases, accepted };
}
