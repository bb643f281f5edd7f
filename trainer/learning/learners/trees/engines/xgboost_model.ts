import { ln } from '../../../../../shared/elementary.ts';
import { nextBelow } from '../../../../../shared/bundle/onnx/float32.ts';
import { emptyTree, type Tree, type TreeModel } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { setSplit, type ModelShape } from './split_node.ts';

/** The part of XGBoost's JSON model that is read (doc/model.schema of XGBoost; versions 1.6 to 3). */
interface XgboostJson {
  readonly learner: {
    /** `base_score` is "5E-1", from version 3.1 on "[5E-1]" with one number per answer. */
    readonly learner_model_param: { readonly base_score: string; readonly num_class: string };
    readonly gradient_booster: {
      readonly model: {
        readonly trees: readonly XgboostTree[];
        /** The class that each tree adds to. */
        readonly tree_info: readonly number[];
      };
    };
  };
}

interface XgboostTree {
  /** −1 at a leaf. */
  readonly left_children: readonly number[];
  readonly right_children: readonly number[];
  readonly split_indices: readonly number[];
  /** Thresholds; at a leaf its value. */
  readonly split_conditions: readonly number[];
  /** 0 and 1, or false and true. */
  readonly default_left: readonly (number | boolean)[];
}

/**
 * The first `rounds` rounds of XGBoost's JSON model. A row goes left when x < threshold, both float32, which is x <=
 * the next float32 below. A base score is an answer and not a score: with the sigmoid it is a probability.
 */
export function parseXgboost(text: string, shape: ModelShape, rounds: number): TreeModel {
  const { learner_model_param: parameters, gradient_booster: booster } = (JSON.parse(text) as XgboostJson).learner;
  const { trees, tree_info: answerOf } = booster.model;
  const answers = Math.max(1, Number(parameters.num_class));
  const bases = parameters.base_score
    .replace(/[[\]\s]/g, '')
    .split(',')
    .map(Number);
  const ensembles = Array.from({ length: answers }, (_, answer) => {
    const own = trees.filter((_tree, index) => answerOf[index] === answer).slice(0, rounds);
    const base = Math.fround(bases[answer] ?? bases[0]!);
    return {
      columns: shape.columns,
      baseScore: Math.fround(shape.link === 'sigmoid' ? logit(base) : base),
      trees: own.map((tree) => convert(tree, shape.columnOf)),
    };
  });
  return { link: shape.link, ensembles };
}

function logit(probability: number): number {
  return ln(probability / (1 - probability));
}

/** Nodes that pruning cut off stay in XGBoost's lists; those of the tree follow one another here, the root first. */
function convert(tree: XgboostTree, columnOf: ArrayLike<number>): Tree {
  const kept = [0];
  const place = new Map([[0, 0]]);
  for (const node of kept) {
    if (tree.left_children[node]! < 0) continue;
    for (const child of [tree.left_children[node]!, tree.right_children[node]!]) place.set(child, kept.push(child) - 1);
  }
  const converted = emptyTree(kept.length);
  kept.forEach((node, index) => {
    const condition = Math.fround(tree.split_conditions[node]!);
    if (tree.left_children[node]! < 0) {
      converted.value[index] = condition;
      return;
    }
    setSplit(converted, index, {
      column: columnOf[tree.split_indices[node]!]!,
      threshold: nextBelow(condition),
      left: place.get(tree.left_children[node]!)!,
      right: place.get(tree.right_children[node]!)!,
      missingLeft: Boolean(tree.default_left[node]),
    });
  });
  return converted;
}
