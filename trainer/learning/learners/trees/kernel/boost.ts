import { createRng } from '../../../../../shared/rng.ts';
import { MinutehandError } from '../../../../../shared/errors.ts';
import type { Tree, TreeModel } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Rng } from '../../../../../shared/ports.ts';
import { linkOf, type Task } from '../../contract/task.ts';
import type { Conductor, RunPhase } from './conductor.ts';
import { Grower, type Rules } from './growth.ts';
import * as at from './layout.ts';
import { activeColumns, CHUNK_ROWS, placeParts, wordsOf } from './memory.ts';
import type { PreparedFit } from './fit.ts';
import type { ForestObjective, Plan } from './plan.ts';
import { instantiate, type SharedMemory } from './webassembly.ts';

/** `round` of at most `rounds` is done. */
export type OnRound = (round: number, rounds: number) => void;

/** Waiting for helpers may take as long as one or two pieces of work, plus this. */
const PATIENCE_MS = 0.3;
/** A helper preempted during a piece blocks all others; then no helper is used for this many times as long. */
const ALONE_TIMES = 10;

function conductorOf(module: object, memory: SharedMemory, plan: Plan): Conductor {
  const code = instantiate(module, memory);
  let aloneUntilMs = 0;
  // The clock decides which thread works, never the result.
  const run: RunPhase = (kind, pieces) => {
    const beginMs = performance.now();
    if (plan.threads === 1 || pieces === 1 || beginMs < aloneUntilMs) return code.alone(kind, pieces);
    const own = code.begin(kind, pieces);
    const waitMs = performance.now();
    if (code.finish() !== 0) throw new MinutehandError('LEARNER_THREAD', { seen: 'a helping thread ended' });
    const endMs = performance.now();
    const held = endMs - waitMs - PATIENCE_MS - (2 * (waitMs - beginMs)) / Math.max(1, own);
    if (held > 0) aloneUntilMs = endMs + ALONE_TIMES * (endMs - waitMs);
  };
  return { code, buffer: memory.buffer, words: wordsOf(memory), plan, run };
}

/** Trains by the plan on the calling thread. */
export function learn(module: object, fit: PreparedFit, onRound: OnRound): TreeModel {
  return fit.plan.objective.kind === 'forest' ? growForest(module, fit, onRound) : boost(module, fit, onRound);
}

/**
 * Boosts on the calling thread, with helpers waiting on the same memory. Rows, targets and weights are in place.
 * @returns one ensemble per class, of the newly grown trees
 */
function boost(module: object, { memory, plan, start }: PreparedFit, onRound: OnRound): TreeModel {
  const conductor = conductorOf(module, memory, plan);
  const { words, run, buffer } = conductor;
  const { params, classes, rows, stopping } = plan;
  bin(conductor);

  const stride = words.get(at.ROW_STRIDE);
  const scores = new Float64Array(buffer, words.get(at.SCORES), classes * stride);
  plan.baseScores.forEach((score, k) => {
    scores.fill(score, k * stride, (k + 1) * stride);
    if (start !== null) scores.set(start.training.subarray(k * rows, (k + 1) * rows), k * stride);
  });
  const watch = stopping === null ? null : watchLoss(conductor, stopping.rows, start?.stopping ?? null);
  const samplesRows = params.rowFraction < 1;
  const samplesColumns = activeColumns(plan) < plan.columns.length;
  const rng = createRng(params.seed);
  const grower = new Grower(conductor, params.learningRate);
  const ensembles: Tree[][] = plan.baseScores.map(() => []);

  for (let round = 0; round < params.rounds; round++) {
    if (samplesRows) drawRows(conductor, rng, params.rowFraction);
    if (samplesColumns) drawColumns(conductor, rng);
    run(at.DIFFERENTIATE, Math.ceil(rows / CHUNK_ROWS));
    let hasSplit = false;
    for (let k = 0; k < classes; k++) {
      words.set(at.CLASS, k);
      const sampled = samplesRows ? bag(conductor) : rows;
      const grown = grower.grow(roundGradients(conductor, k, sampled), sampled, samplesRows);
      if (grown.tree.feature.length > 1) {
        hasSplit = true;
        ensembles[k]!.push(grown.tree);
        run(at.ADD_LEAVES, grown.pieces);
        if (sampled < rows) run(at.WALK_UNSEEN, Math.ceil((rows - sampled) / CHUNK_ROWS));
      }
      watch?.walk(k);
    }
    onRound(round + 1, params.rounds);
    // Without sampling, a round without a split is followed only by rounds without splits.
    if (!hasSplit && !samplesRows && !samplesColumns) break;
    if (watch !== null && watch.isOver(round + 1, ensembles)) break;
  }
  return {
    link: linkOf(plan.objective as Task),
    ensembles: ensembles.map((trees, k) => ({
      columns: plan.width,
      baseScore: plan.baseScores[k]!,
      trees: watch === null ? trees : trees.slice(0, watch.best()[k]),
    })),
  };
}

/**
 * Grows a random forest on the calling thread, with the helpers that wait on the same memory (Breiman 2001): every tree
 * on a bootstrap sample of the rows (on a part of them without replacement where `rowFraction` < 1) and on its own draw
 * of columns. Trees share the mean equally.
 */
function growForest(module: object, { memory, plan }: PreparedFit, onRound: OnRound): TreeModel {
  const conductor = conductorOf(module, memory, plan);
  const { words, run, buffer } = conductor;
  const { params, rows } = plan;
  const { target, classes } = plan.objective as ForestObjective;
  bin(conductor);
  new Float64Array(buffer, words.get(at.SCORES), words.get(at.ROW_STRIDE)).fill(plan.baseScores[0]!);
  const samplesColumns = activeColumns(plan) < plan.columns.length;
  const rng = createRng(params.seed);
  // A float32 sum of n numbers has an error of up to n·2^−24 of it, so fractions stay that far below 1.
  const whole = target === 'value' ? 1 : 1 - params.rounds * 2 ** -24;
  const grower = new Grower(conductor, whole / params.rounds);
  const codes = target === 'class' ? new Float32Array(buffer, words.get(at.CLASS_CODES), classes) : null;
  const ensembles: Tree[][] = Array.from({ length: classes }, () => []);
  words.set(at.CLASS, 0);
  for (let round = 0; round < params.rounds; round++) {
    // A sample of few rows may be empty.
    let sampled = 0;
    for (let draw = 0; sampled === 0; draw++) {
      drawRows(conductor, rng, draw < MAX_DRAWS ? params.rowFraction : 1);
      sampled = bag(conductor);
    }
    if (samplesColumns) drawColumns(conductor, rng);
    if (codes !== null) drawCodes(codes, rng);
    run(at.DIFFERENTIATE, Math.ceil(rows / CHUNK_ROWS));
    const { tree, shares } = grower.grow(roundGradients(conductor, 0, sampled), sampled, true);
    if (codes === null) ensembles[0]!.push(tree);
    else shares.forEach((value, k) => ensembles[k]!.push({ ...tree, value }));
    onRound(round + 1, params.rounds);
  }
  return {
    link: 'identity',
    ensembles: ensembles.map((trees) => ({ columns: plan.width, baseScore: plan.baseScores[0]!, trees })),
  };
}

/** Consecutive empty samples before all rows are used. */
const MAX_DRAWS = 1000;

/**
 * Chooses the classes that a tree separates from the others: at least one and not all. It splits for these two sides,
 * and its leaves hold the fractions of all classes.
 */
function drawCodes(codes: Float32Array, rng: Rng): void {
  do {
    for (let k = 0; k < codes.length; k++) codes[k] = rng.integer(2);
  } while (codes.every((code) => code === codes[0]));
}

/** The rows of the next tree are a function of a random key and the row. */
function drawRows({ words, plan }: Conductor, rng: Rng, fraction: number): void {
  words.set(at.KEY, rng.integer(2 ** 32));
  const bootstraps = plan.objective.kind === 'forest' && fraction === 1;
  words.set(at.BAG_LIMIT, bootstraps ? 0 : Math.max(1, Math.round(fraction * (2 ** 32 - 1))));
}

function bin({ words, run, buffer, plan }: Conductor): void {
  const slots = plan.columns.length;
  const order = new Uint32Array(buffer, words.get(at.ORDER), plan.rows);
  run(at.BIN, Math.ceil(slots / at.GROUP));
  new Uint32Array(buffer, words.get(at.ACTIVE_SLOTS), slots).set(Array.from(plan.columns.keys()));
  if (activeColumns(plan) === slots) run(at.PACK, Math.ceil(slots / at.GROUP));
  for (let row = 0; row < order.length; row++) order[row] = row;
}

/** As many slots as a tree may split on, each set equally likely, ascending (Knuth, TAOCP 3.4.2, algorithm S). */
function drawColumns({ words, run, buffer, plan }: Conductor, rng: Rng): void {
  const slots = plan.columns.length;
  const chosen = new Uint32Array(buffer, words.get(at.ACTIVE_SLOTS), activeColumns(plan));
  let taken = 0;
  for (let slot = 0; taken < chosen.length; slot++) {
    if ((slots - slot) * rng.uniform() < chosen.length - taken) chosen[taken++] = slot;
  }
  run(at.PACK, Math.ceil(chosen.length / at.GROUP));
}

/** Puts the rows of the tree's sample first, both parts ascending; returns how many there are. */
function bag({ words, run, buffer, plan }: Conductor): number {
  const pieces = Math.ceil(plan.rows / at.PART_ROWS);
  words.set(at.START, 0);
  words.set(at.COUNT, plan.rows);
  words.set(at.COLLECT, 0);
  run(at.BAG, pieces);
  const sampled = placeParts(buffer, words, pieces);
  run(at.MOVE, pieces);
  words.set(at.SAMPLED, sampled);
  return sampled;
}

/**
 * Rounds the gradients of a class as finely as sums over all rows of the tree allow: to 2^31/rows steps, that is 10,000
 * with 200,000 rows, 1000 with two million; where hessians are all 1 to many more. They choose splits; leaf values come
 * from unrounded ones.
 */
function roundGradients({ words, run, buffer, plan }: Conductor, k: number, sampled: number): Rules {
  const { classes, params, objective } = plan;
  const chunks = Math.ceil(plan.rows / CHUNK_ROWS);
  const limits = new Float32Array(buffer, words.get(at.CHUNK_LIMITS), chunks * classes * 4);
  let largestGradient = 0;
  let largestHessian = 0;
  let smallestHessian = Infinity;
  for (let i = k * 4; i < limits.length; i += classes * 4) {
    largestGradient = Math.max(largestGradient, limits[i]!);
    largestHessian = Math.max(largestHessian, limits[i + 1]!);
    smallestHessian = Math.min(smallestHessian, limits[i + 2]!);
  }
  const rows = Math.max(1, sampled);
  const isCounted = !plan.hasWeights && (objective.kind === 'regression' || objective.kind === 'quantile');
  // Sums stay below 2^31, or with a row count below them, below what its bits leave of 63.
  const countBits = isCounted ? Math.ceil(Math.log2(rows + 1)) : 32;
  const gradientRange = isCounted ? Math.min(2 ** 30, 2 ** (62 - 2 * countBits)) : stepsFor(rows);
  const gradientSteps = Math.fround(gradientRange / (largestGradient || 1));
  const hessianSteps = isCounted ? 1 : Math.fround(stepsFor(rows) / (largestHessian || 1));
  words.set(at.COUNT_BITS, countBits);
  words.setFloat32(at.GRADIENT_STEPS, gradientSteps);
  words.setFloat32(at.HESSIAN_STEPS, hessianSteps);
  words.setFloat64(at.L1, params.l1 * gradientSteps);
  words.setFloat64(at.L2, params.l2 * hessianSteps);
  const leastHessian = params.minHessianInLeaf * hessianSteps;
  words.setFloat64(at.MIN_HESSIAN, leastHessian);
  // A step more or less for what rounding does.
  const fewest = isCounted ? 1 : Math.max(1, Math.floor(smallestHessian * hessianSteps) - 1);
  const most = isCounted ? 1 : Math.ceil(largestHessian * hessianSteps) + 1;
  words.setFloat64(at.MIN_SIDE, Math.max(params.minDataInLeaf * fewest, leastHessian, 1));
  words.setFloat64(at.SURE_SIDE, isCounted || params.minDataInLeaf === 1 ? 0 : params.minDataInLeaf * most);
  run(at.ROUND, Math.ceil(words.get(at.ROW_STRIDE) / CHUNK_ROWS));
  return { leastImprovement: (params.minGain * gradientSteps * gradientSteps) / hessianSteps };
}

function stepsFor(rows: number): number {
  return Math.max(1, Math.min(2 ** 24, Math.floor((2 ** 31 - 1) / rows) - 1));
}

interface LossWatch {
  /** Adds the tree that was grown last. */
  walk(k: number): void;
  /** Whether the patience is exhausted after a round. */
  isOver(round: number, ensembles: readonly (readonly Tree[])[]): boolean;
  /** Trees per class at the lowest loss. */
  best(): readonly number[];
}

/**
 * The loss on the stopping table, round by round.
 * @param start scores of its rows before the first round; null = the best constants
 */
function watchLoss({ words, run, buffer, plan }: Conductor, rows: number, start: Float64Array | null): LossWatch {
  const { classes, baseScores } = plan;
  const chunks = Math.ceil(rows / CHUNK_ROWS);
  const scores = new Float64Array(buffer, words.get(at.STOPPING_SCORES), classes * rows);
  if (start !== null) scores.set(start);
  else baseScores.forEach((score, k) => scores.fill(score, k * rows, (k + 1) * rows));
  const losses = new Float64Array(buffer, words.get(at.STOPPING_LOSSES), chunks);
  const nodes = new Uint32Array(buffer, words.get(at.NODES), at.NODE_BYTES / 4);
  const walk = (k: number): void => {
    words.set(at.CLASS, k);
    run(at.STOPPING_LOSS, chunks);
  };
  const loss = (): number => losses.reduce((sum, value) => sum + value, 0);
  // The loss without a tree: a leaf of value 0.
  nodes[0] = at.NOBODY;
  nodes[7] = 0;
  walk(classes - 1);
  let lowest = loss();
  let bestRound = 0;
  let best = baseScores.map(() => 0);
  return {
    walk,
    isOver(round, ensembles) {
      const now = loss();
      if (now < lowest) {
        lowest = now;
        bestRound = round;
        best = ensembles.map((trees) => trees.length);
      }
      return round - bestRound >= plan.stopping!.patience;
    },
    best: () => best,
  };
}
