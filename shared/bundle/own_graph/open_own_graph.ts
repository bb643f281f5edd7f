import { ln, sigmoid, softmaxAt } from '../../elementary.ts';
import { BINARY, type Operand, type OwnGraph, type Step } from './own_graph.ts';

/** A graph that is ready to compute, with the memory for its results. */
export interface OpenedGraph {
  /** [maxRows × answers per row], by row, until the next call. */
  readonly answers: Float32Array;
  /**
   * Computes the answers to the first `rows` rows of `features` from those that the kernel has given its trees. Nothing
   * is allocated.
   */
  compute(features: Float32Array, rows: number): void;
}

/** Computes a step for the first rows. */
type Compute = (features: Float32Array, rows: number) => void;

/**
 * @param treeAnswers of the trees of the graph, where the kernel writes them: each [at least maxRows]
 * @param maxRows of one call
 */
export function openOwnGraph(graph: OwnGraph, treeAnswers: readonly Float32Array[], maxRows: number): OpenedGraph {
  const results = graph.widths.map((width) => new Float64Array(maxRows * width));
  const place: Place = { results, widths: graph.widths, columns: graph.columns, treeAnswers };
  const steps = graph.steps.map((step, i) => computeOf(step, i, place));
  const width = graph.widths[graph.answer]!;
  const answers = new Float32Array(maxRows * width);
  const answer = results[graph.answer]!;
  return {
    answers,
    compute(features, rows) {
      for (let i = 0; i < steps.length; i++) steps[i]!(features, rows);
      for (let i = 0; i < rows * width; i++) answers[i] = answer[i]!;
    },
  };
}

/** Where the numbers of the steps are. */
interface Place {
  /** By step: [maxRows × its width]. */
  readonly results: readonly Float64Array[];
  readonly widths: readonly number[];
  readonly columns: number;
  readonly treeAnswers: readonly Float32Array[];
}

/** The numbers of an operand: number k of a row is `numbers[row * perRow + k * perNumber]`. */
interface Numbers {
  readonly numbers: Float64Array;
  readonly perRow: number;
  readonly perNumber: 0 | 1;
}

function numbersOf(operand: Operand, { results, widths }: Place): Numbers {
  if ('step' in operand) return { numbers: results[operand.step]!, perRow: widths[operand.step]!, perNumber: 1 };
  const numbers = Float64Array.from(operand.constants);
  return { numbers, perRow: 0, perNumber: numbers.length === 1 ? 0 : 1 };
}

function numberAt({ numbers, perRow, perNumber }: Numbers, row: number, k: number): number {
  return numbers[row * perRow + k * perNumber]!;
}

function computeOf(step: Step, i: number, place: Place): Compute {
  const to = place.results[i]!;
  const width = place.widths[i]!;
  switch (step.operator) {
    case 'trees':
      return fromTrees(to, place.treeAnswers.slice(step.trees, step.trees + width));
    case 'Gather':
      return fromColumns(to, step.columns, place.columns);
    case 'Where':
      return chosen(to, width, {
        condition: numbersOf(step.condition, place).numbers,
        left: numbersOf(step.left, place),
        right: numbersOf(step.right, place),
      });
    case 'Clip':
      return changed(to, width, numbersOf(step.of, place), (x) =>
        x < step.lowest ? step.lowest : x > step.highest ? step.highest : x,
      );
    case 'MatMul':
      return product(to, width, numbersOf(step.of, place), Float64Array.from(step.weights));
    case 'Softmax':
      return shares(to, width, numbersOf(step.of, place));
    case 'Concat':
      return joined(
        to,
        width,
        step.of.map((operand) => numbersOf(operand, place)),
      );
    case 'Sigmoid':
      return changed(to, width, numbersOf(step.of, place), sigmoid);
    case 'Log':
      return changed(to, width, numbersOf(step.of, place), ln);
    case 'IsNaN':
      return changed(to, width, numbersOf(step.of, place), (x) => (Number.isNaN(x) ? 1 : 0));
    case 'round':
      return changed(to, width, numbersOf(step.of, place), Math.fround);
    case 'Add':
    case 'Sub':
    case 'Mul':
    case 'Div':
      return combined(to, width, {
        left: numbersOf(step.left, place),
        right: numbersOf(step.right, place),
        by: ARITHMETIC[step.operator],
      });
  }
}

type Binary = (left: number, right: number) => number;

const ARITHMETIC: Readonly<Record<(typeof BINARY)[number], Binary>> = {
  Add: (left, right) => left + right,
  Sub: (left, right) => left - right,
  Mul: (left, right) => left * right,
  Div: (left, right) => left / right,
};

/** @param answers of each number of a row */
function fromTrees(to: Float64Array, answers: readonly Float32Array[]): Compute {
  const width = answers.length;
  return (_features, rows) => {
    for (let k = 0; k < width; k++) {
      const own = answers[k]!;
      for (let row = 0; row < rows; row++) to[row * width + k] = own[row]!;
    }
  };
}

function fromColumns(to: Float64Array, columns: readonly number[], rowLength: number): Compute {
  const from = Int32Array.from(columns);
  return (features, rows) => {
    let at = 0;
    for (let row = 0; row < rows; row++)
      for (let k = 0; k < from.length; k++) to[at++] = features[row * rowLength + from[k]!]!;
  };
}

function changed(to: Float64Array, width: number, { numbers }: Numbers, by: (x: number) => number): Compute {
  return (_features, rows) => {
    for (let at = 0; at < rows * width; at++) to[at] = by(numbers[at]!);
  };
}

function combined(
  to: Float64Array,
  width: number,
  { left, right, by }: { readonly left: Numbers; readonly right: Numbers; readonly by: Binary },
): Compute {
  return (_features, rows) => {
    for (let row = 0; row < rows; row++)
      for (let k = 0; k < width; k++) to[row * width + k] = by(numberAt(left, row, k), numberAt(right, row, k));
  };
}

function chosen(
  to: Float64Array,
  width: number,
  { condition, left, right }: { readonly condition: Float64Array; readonly left: Numbers; readonly right: Numbers },
): Compute {
  return (_features, rows) => {
    for (let row = 0; row < rows; row++)
      for (let k = 0; k < width; k++) {
        const from = condition[row * width + k] === 1 ? left : right;
        to[row * width + k] = numberAt(from, row, k);
      }
  };
}

/** @param weights [numbers of a row × width] */
function product(to: Float64Array, width: number, { numbers, perRow }: Numbers, weights: Float64Array): Compute {
  const length = weights.length / width;
  return (_features, rows) => {
    for (let row = 0; row < rows; row++)
      for (let k = 0; k < width; k++) {
        let sum = 0;
        for (let i = 0; i < length; i++) sum += numbers[row * perRow + i]! * weights[i * width + k]!;
        to[row * width + k] = sum;
      }
  };
}

function shares(to: Float64Array, width: number, { numbers }: Numbers): Compute {
  return (_features, rows) => {
    for (let row = 0; row < rows; row++) {
      const first = row * width;
      for (let k = 0; k < width; k++) to[first + k] = numbers[first + k]!;
      softmaxAt(to, first, width);
    }
  };
}

function joined(to: Float64Array, width: number, parts: readonly Numbers[]): Compute {
  return (_features, rows) => {
    for (let row = 0; row < rows; row++) {
      let at = row * width;
      for (let part = 0; part < parts.length; part++) {
        const { numbers, perRow } = parts[part]!;
        for (let k = 0; k < perRow; k++) to[at++] = numbers[row * perRow + k]!;
      }
    }
  };
}
