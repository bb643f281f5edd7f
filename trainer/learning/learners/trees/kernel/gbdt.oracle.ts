import { ln } from '../../../../../shared/elementary.ts';
import type { Matrix, Tree, TreeModel } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { LearnerParams, TrainingTable } from '../learner.ts';
import type { Task } from '../../contract/task.ts';
import { findEdges } from './binning.oracle.ts';

const f = Math.fround;

/**
 * The same learner, slow and obvious, for small tables: every candidate split of every leaf is tried by walking over
 * the leaf's rows, nothing is subtracted, nothing packed, rows are routed by comparing float32 values with the
 * threshold, and quantiles come from sorting. `rounded` false chooses splits by unrounded gradients; with a `base`, its
 * trees are followed by those that are grown on its answers.
 */
export function slowGbdt(
  task: Task,
  table: TrainingTable,
  params: LearnerParams,
  rounded = true,
  given: TreeModel | null = null,
): TreeModel {
  const rows = [...table.y.keys()].filter((row) => table.weights === null || table.weights[row]! > 0);
  const weights = rows.map((row) => table.weights?.[row] ?? 1);
  const y = rows.map((row) => table.y[row]!);
  const { columns } = table.x;
  const x = rows.map((row) => table.x.values.slice(row * columns, (row + 1) * columns));
  const edges = Array.from({ length: columns }, (_, c) =>
    findEdges(Float32Array.from(x.map((values) => values[c]!).filter((v) => !Number.isNaN(v))).sort(), params.maxBins),
  );
  const everyRow = [...x.keys()];
  const classes = task.kind === 'multiclass' ? task.classes : 1;
  const base = given?.ensembles.map(({ baseScore }) => baseScore) ?? baseScores(task, y, weights, classes);
  const trees: Tree[][] = base.map((_, k) => [...(given?.ensembles[k]!.trees ?? [])]);
  const scores = base.map((score, k) =>
    everyRow.map((row) => trees[k]!.reduce((total, tree) => total + answerOf(tree, 0, x[row]!), score)),
  );

  for (let round = 0; round < params.rounds; round++) {
    const gradients = base.map((_, k) =>
      everyRow.map((row) => gradientOf(task, scores, k, row, y[row]!, weights[row]!)),
    );
    let hasSplit = false;
    gradients.forEach((own, k) => {
      const { nodes, leaves } = grow(x, edges, params, own, roundingOf(task, table, own, rounded));
      if (nodes.length === 1) return;
      hasSplit = true;
      for (const leaf of leaves) {
        const node = nodes[leaf.node]!;
        if (task.kind === 'quantile') {
          const residuals = leaf.rows.map((row): [number, number] => [y[row]! - scores[k]![row]!, f(weights[row]!)]);
          node.value = f(quantileOf(residuals, task.quantile) * params.learningRate) + 0;
        } else {
          const g = sum(leaf.rows, (row) => own[row]!.g);
          const h = sum(leaf.rows, (row) => own[row]!.h);
          const size = Math.max(Math.abs(g) - params.l1, 0);
          node.value = f(size === 0 ? 0 : ((g > 0 ? -size : size) / (h + params.l2)) * params.learningRate);
        }
      }
      for (const leaf of leaves) for (const row of leaf.rows) scores[k]![row]! += nodes[leaf.node]!.value;
      trees[k]!.push(treeOf(nodes));
    });
    if (!hasSplit) break;
  }
  return {
    link: task.kind === 'binary' ? 'sigmoid' : task.kind === 'multiclass' ? 'softmax' : 'identity',
    ensembles: trees.map((own, k) => ({ columns, baseScore: base[k]!, trees: own })),
  };
}

interface Gradient {
  readonly g: number;
  readonly h: number;
}

/** Steps of a unit of gradient and hessian; null = one counted row per row. */
interface Rounding {
  readonly g: (g: number) => number;
  readonly h: (h: number) => number;
  readonly perGradient: number;
  readonly perHessian: number;
}

function roundingOf(
  task: Task,
  { weights }: TrainingTable,
  gradients: readonly Gradient[],
  rounded: boolean,
): Rounding {
  const counted =
    (task.kind === 'regression' || task.kind === 'quantile') && (weights?.every((w) => w === 0 || w === 1) ?? true);
  if (!rounded) return { g: (g) => g, h: (h) => h, perGradient: 1, perHessian: 1 };
  const n = gradients.length;
  const steps = Math.min(2 ** 24, Math.floor((2 ** 31 - 1) / n) - 1);
  const bits = Math.ceil(Math.log2(n + 1));
  const range = counted ? Math.min(2 ** 30, 2 ** (62 - 2 * bits)) : steps;
  const perGradient = f(range / (Math.max(...gradients.map(({ g }) => Math.abs(g))) || 1));
  const perHessian = counted ? 1 : f(steps / (Math.max(...gradients.map(({ h }) => h)) || 1));
  return {
    g: (g) => nearest(f(g * perGradient)),
    h: (h) => (counted ? 1 : Math.max(1, nearest(f(h * perHessian)))),
    perGradient,
    perHessian,
  };
}

/** Ties to even. */
function nearest(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

function gradientOf(
  task: Task,
  scores: readonly (readonly number[])[],
  k: number,
  row: number,
  y: number,
  weight: number,
): Gradient {
  const w = f(weight);
  const score = scores[k]![row]!;
  const weighted = (g: number, h: number): Gradient => ({ g: f(g * w), h: f(h * w) });
  switch (task.kind) {
    case 'regression':
      return weighted(f(score - y), 1);
    case 'quantile': {
      const q = f(task.quantile);
      return weighted(f(score - y) >= 0 ? f(1 - q) : -q, 1);
    }
    case 'binary': {
      const e = exp32(-Math.abs(f(score)));
      const large = f(1 / f(1 + e));
      const small = f(e * large);
      return weighted(f(score) > 0 ? f(f(1 - f(y)) - small) : f(small - f(y)), f(small * large));
    }
    case 'multiclass': {
      const all = scores.map((own) => f(own[row]!));
      const top = Math.max(...all);
      const e = all.map((s) => exp32(f(s - top)));
      let below = 0;
      let largest = 0;
      for (const value of e) {
        if (value === 1) largest++;
        else below = f(below + value);
      }
      const total = f(below + largest);
      const p = f(e[k]! / total);
      const others = f((e[k] === 1 ? f(below + (largest - 1)) : f(total - e[k]!)) / total);
      const factor = f(f(all.length) / f(all.length - 1));
      return weighted(y === k ? -others : p, f(factor * f(p * others)));
    }
  }
}

/** The kernel's own polynomial, one float32 operation at a time; another test checks that it is e^t. */
export function exp32(t: number): number {
  t = Math.max(t, -87);
  const k = nearest(f(t * f(1.44269504088896341)));
  const r = f(f(t - f(k * f(0.693359375))) + f(k * f(2.1219444e-4)));
  let p = f(f(f(1.98756915e-4) * r) + f(1.3981999507e-3));
  for (const c of [8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1]) p = f(f(p * r) + f(c));
  p = f(f(f(p * f(r * r)) + r) + 1);
  return f(p * 2 ** k);
}

interface Node {
  feature: number;
  threshold: number;
  left: number;
  right: number;
  missingLeft: number;
  value: number;
}

interface Candidate {
  readonly column: number;
  readonly threshold: number;
  readonly missingLeft: boolean;
  readonly improvement: number;
  readonly left: number[];
  readonly right: number[];
}

interface Leaf {
  readonly node: number;
  readonly rows: number[];
  readonly depth: number;
  readonly split: Candidate | null;
}

const newNode = (): Node => ({ feature: -1, threshold: 0, left: 0, right: 0, missingLeft: 0, value: 0 });
const sum = (rows: readonly number[], of: (row: number) => number): number =>
  rows.reduce((total, row) => total + of(row), 0);

function grow(
  x: readonly Float32Array[],
  edges: readonly Float32Array[],
  params: LearnerParams,
  gradients: readonly Gradient[],
  rounding: Rounding,
): { nodes: Node[]; leaves: Leaf[] } {
  const g = gradients.map((own) => rounding.g(own.g));
  const h = gradients.map((own) => rounding.h(own.h));
  const l1 = params.l1 * rounding.perGradient;
  const l2 = params.l2 * rounding.perHessian;
  const leastHessian = params.minHessianInLeaf * rounding.perHessian;
  const leastImprovement = (params.minGain * rounding.perGradient * rounding.perGradient) / rounding.perHessian;
  const shrunk = (value: number): number => Math.max(Math.abs(value) - l1, 0);

  const open = (node: number, rows: number[], depth: number): Leaf => ({
    node,
    rows,
    depth,
    split: bestSplit(rows, depth),
  });
  const bestSplit = (rows: number[], depth: number): Candidate | null => {
    if (params.maxDepth !== null && depth >= params.maxDepth) return null;
    const allG = sum(rows, (row) => g[row]!);
    const allH = sum(rows, (row) => h[row]!);
    const parent = (shrunk(allG) * shrunk(allG)) / (allH + l2);
    let best: Candidate | null = null;
    edges.forEach((found, column) => {
      if (params.columns !== null && !params.columns.includes(column)) return;
      const known = rows.filter((row) => !Number.isNaN(x[row]![column]!));
      const hasMissing = known.length < rows.length;
      for (const threshold of [...found, Infinity]) {
        for (const missingLeft of [false, true]) {
          if (missingLeft && (!hasMissing || threshold === Infinity)) continue;
          const goesLeft = (row: number): boolean =>
            Number.isNaN(x[row]![column]!) ? missingLeft : x[row]![column]! <= threshold;
          const left = rows.filter(goesLeft);
          const right = rows.filter((row) => !goesLeft(row));
          if (Math.min(left.length, right.length) < params.minDataInLeaf) continue;
          const leftG = sum(left, (row) => g[row]!);
          const leftH = sum(left, (row) => h[row]!);
          const rightG = allG - leftG;
          const rightH = allH - leftH;
          if (leftH < leastHessian || rightH < leastHessian) continue;
          const leftSize = shrunk(leftG);
          const rightSize = shrunk(rightG);
          const leftD = leftH + l2;
          const rightD = rightH + l2;
          const improvement =
            (leftSize * leftSize * rightD + rightSize * rightSize * leftD) / (leftD * rightD) - parent;
          if (improvement <= (best?.improvement ?? leastImprovement)) continue;
          const direction = hasMissing ? missingLeft : left.length >= right.length;
          best = { column, threshold, missingLeft: direction, improvement, left, right };
        }
      }
    });
    return best;
  };

  const nodes = [newNode()];
  const leaves = [open(0, [...x.keys()], 0)];
  while (leaves.length < params.leaves) {
    let chosen = -1;
    leaves.forEach(({ split }, i) => {
      if (split !== null && split.improvement > (leaves[chosen]?.split?.improvement ?? -Infinity)) chosen = i;
    });
    if (chosen < 0) break;
    const leaf = leaves[chosen]!;
    const { column, threshold, missingLeft, left, right } = leaf.split!;
    const leftNode = nodes.push(newNode()) - 1;
    const rightNode = nodes.push(newNode()) - 1;
    nodes[leaf.node] = {
      feature: column,
      threshold,
      left: leftNode,
      right: rightNode,
      missingLeft: missingLeft ? 1 : 0,
      value: 0,
    };
    leaves[chosen] = open(leftNode, left, leaf.depth + 1);
    leaves.push(open(rightNode, right, leaf.depth + 1));
  }
  return { nodes, leaves };
}

function baseScores(task: Task, y: readonly number[], weights: readonly number[], classes: number): number[] {
  const total = weights.reduce((all, w) => all + w, 0);
  const mean = (of: (target: number) => number): number =>
    y.reduce((all, target, row) => all + weights[row]! * of(target), 0) / total;
  switch (task.kind) {
    case 'binary': {
      const share = Math.min(
        Math.max(
          mean((target) => target),
          1e-15,
        ),
        1 - 1e-15,
      );
      return [f(ln(share / (1 - share)))];
    }
    case 'multiclass':
      return Array.from({ length: classes }, (_, k) =>
        f(
          ln(
            Math.max(
              mean((target) => (target === k ? 1 : 0)),
              1e-15,
            ),
          ),
        ),
      );
    case 'regression':
      return [f(mean((target) => target))];
    case 'quantile':
      return [
        f(
          quantileOf(
            y.map((target, row): [number, number] => [target, weights[row]!]),
            task.quantile,
          ),
        ) + 0,
      ];
  }
}

/** The smallest value with at least the share of the weight at or below it. */
export function quantileOf(pairs: readonly (readonly [number, number])[], share: number): number {
  const sorted = [...pairs].sort(([a], [b]) => a - b);
  const wanted = pairs.reduce((all, [, weight]) => all + weight, 0) * share;
  let reached = 0;
  for (const [value, weight] of sorted) {
    reached += weight;
    if (reached >= wanted) return value;
  }
  return sorted.at(-1)![0];
}

/** The value a tree adds to a row, evaluated node by node. */
function answerOf(tree: Tree, node: number, x: Float32Array): number {
  const column = tree.feature[node]!;
  if (column < 0) return tree.value[node]!;
  const value = x[column]!;
  const goesLeft = Number.isNaN(value) ? tree.missingLeft[node] === 1 : value <= tree.threshold[node]!;
  return answerOf(tree, goesLeft ? tree.left[node]! : tree.right[node]!, x);
}

function treeOf(nodes: readonly Node[]): Tree {
  return {
    feature: Int32Array.from(nodes, (n) => n.feature),
    threshold: Float32Array.from(nodes, (n) => n.threshold),
    left: Int32Array.from(nodes, (n) => n.left),
    right: Int32Array.from(nodes, (n) => n.right),
    missingLeft: Uint8Array.from(nodes, (n) => n.missingLeft),
    value: Float32Array.from(nodes, (n) => n.value),
  };
}

/** A table of small random parts for property tests. */
export function tableOf(
  columns: number,
  cells: readonly number[],
  y: readonly number[],
  weights: readonly number[] | null,
): TrainingTable {
  const x: Matrix = { rows: y.length, columns, values: Float32Array.from(cells) };
  return { x, y: Float64Array.from(y), weights: weights === null ? null : Float64Array.from(weights) };
}
