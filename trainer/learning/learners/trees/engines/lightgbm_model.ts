import { emptyTree, type Tree, type TreeModel } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { nextBelow } from '../../../../../shared/bundle/onnx/float32.ts';
import { floorToFloat32, setSplit, type ModelShape } from './split_node.ts';

/**
 * Bits of `decision_type`: whether the split is by category, where the missing go, what counts as missing (two bits).
 */
const CATEGORICAL = 1;
const DEFAULT_LEFT = 2;
const MISSING_SHIFT = 2;
const MISSING_NONE = 0;
const MISSING_ZERO = 1;

/** kZeroThreshold, the float32 nearest to 1e-35. */
const ZERO = Math.fround(1e-35);

/**
 * The trees of LightGBM's model text (src/io/tree.cpp and gbdt_model_text.cpp of LightGBM 3 and 4). A row goes left
 * when x <= threshold, both float64; x is float32, so the threshold is rounded down to float32. Without missing values
 * in training NaN is scored as 0.
 *
 * The first tree of each answer has the starting score in its leaves; most of it becomes the ensemble's base score, so
 * that the leaves are small numbers and keep their last bits in float32.
 * @throws Error on a kind of model that is never requested from this engine (categories, linear leaves, zeros as
 * missing)
 */
export function parseLightgbm(text: string, shape: ModelShape): TreeModel {
  const [head, ...rest] = text.split(/^Tree=\d+$/m) as [string, ...string[]];
  const answers = Number(fields(head).get('num_tree_per_iteration'));
  if (!(answers >= 1)) throw new Error(`not a model of LightGBM: ${text.slice(0, 80)}`);
  const trees = rest.map((block) => readTree(fields(block.split(/^end of trees$/m)[0]!)));
  const ensembles = Array.from({ length: answers }, (_, answer) => {
    const own = trees.filter((_tree, index) => index % answers === answer);
    const baseScore = own.length === 0 ? 0 : Math.fround(middle(own[0]!.leafValues));
    return {
      columns: shape.columns,
      baseScore,
      trees: own.map((tree, index) => convert(tree, shape.columnOf, index === 0 ? baseScore : 0)),
    };
  });
  return { link: shape.link, ensembles };
}

function fields(block: string): Map<string, string> {
  return new Map(
    block.split('\n').flatMap((line) => {
      const equals = line.indexOf('=');
      return equals < 0 ? [] : [[line.slice(0, equals), line.slice(equals + 1)] as const];
    }),
  );
}

/** A tree as the text has it: inner nodes count from 0, a child below 0 is the leaf ~child. */
interface LightgbmTree {
  readonly column: readonly number[];
  readonly threshold: readonly number[];
  readonly decision: readonly number[];
  readonly left: readonly number[];
  readonly right: readonly number[];
  readonly leafValues: readonly number[];
}

function readTree(of: Map<string, string>): LightgbmTree {
  const leaves = Number(of.get('num_leaves'));
  if (of.get('num_cat') !== '0' || (of.get('is_linear') ?? '0') !== '0') {
    throw new Error('a tree with categories or linear leaves, which was not requested');
  }
  const numbers = (name: string, length: number): number[] => {
    const text = of.get(name) ?? '';
    const values = text === '' ? [] : text.split(' ').map(readNumber);
    if (values.length !== length || values.some(Number.isNaN)) {
      throw new Error(`${name} of a tree: ${values.length} numbers, expected ${length}`);
    }
    return values;
  };
  const inner = (name: string): number[] => (leaves > 1 ? numbers(name, leaves - 1) : []);
  return {
    column: inner('split_feature'),
    threshold: inner('threshold'),
    decision: inner('decision_type'),
    left: inner('left_child'),
    right: inner('right_child'),
    leafValues: numbers('leaf_value', leaves),
  };
}

/** C++ writes `inf`: the threshold that divides the missing from all others. */
function readNumber(text: string): number {
  return text === 'inf' ? Infinity : Number(text);
}

function convert(tree: LightgbmTree, columnOf: ArrayLike<number>, baseScore: number): Tree {
  const inner = tree.column.length;
  const converted = emptyTree(inner + tree.leafValues.length);
  const nodeOf = (child: number): number => (child >= 0 ? child : inner + ~child);
  for (let node = 0; node < inner; node++) {
    const threshold = tree.threshold[node]!;
    setSplit(converted, node, {
      column: columnOf[tree.column[node]!]!,
      threshold: floorToFloat32(Math.abs(threshold) <= ZERO ? edgeOfZero(threshold) : threshold),
      left: nodeOf(tree.left[node]!),
      right: nodeOf(tree.right[node]!),
      missingLeft: missingGoesLeft(tree.decision[node]!, threshold),
    });
  }
  tree.leafValues.forEach((value, leaf) => (converted.value[inner + leaf] = value - baseScore));
  return converted;
}

function missingGoesLeft(decision: number, threshold: number): boolean {
  const missing = decision >> MISSING_SHIFT;
  if ((decision & CATEGORICAL) !== 0 || missing === MISSING_ZERO) {
    throw new Error('a split by category, or with zero as missing, which was not requested');
  }
  return missing === MISSING_NONE ? 0 <= threshold : (decision & DEFAULT_LEFT) !== 0;
}

/** Values within ±ZERO are scored as 0. */
function edgeOfZero(threshold: number): number {
  return 0 <= threshold ? ZERO : nextBelow(-ZERO);
}

function middle(values: readonly number[]): number {
  let least = Infinity;
  let greatest = -Infinity;
  for (const value of values) {
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  return (least + greatest) / 2;
}
