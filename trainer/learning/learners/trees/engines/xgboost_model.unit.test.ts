import { describe, expect, it } from 'vitest';
import { nextBelow } from '../../../../../shared/bundle/onnx/float32.ts';
import { predictLogits, type Link } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { FAR } from './split_node.ts';
import { parseXgboost } from './xgboost_model.ts';

const LEAF = -1;

interface Given {
  readonly trees: readonly object[];
  readonly base?: string;
  readonly classes?: number;
}

function json({ trees, base = '5E-1', classes = 0 }: Given): string {
  const treeClasses = trees.map((_tree, index) => index % Math.max(1, classes));
  return JSON.stringify({
    learner: {
      learner_model_param: { base_score: base, num_class: String(classes), num_feature: '2' },
      gradient_booster: { model: { trees, tree_info: treeClasses }, name: 'gbtree' },
    },
    version: [1, 7, 4],
  });
}

function stump(threshold: number, missingLeft: number | boolean, column = 0): object {
  return {
    left_children: [1, LEAF, LEAF],
    right_children: [2, LEAF, LEAF],
    split_indices: [column, 0, 0],
    split_conditions: [threshold, 1, 2],
    default_left: [missingLeft, 0, 0],
  };
}

function scores(given: Given, rows: readonly number[], link: Link = 'identity', rounds = 100): number[][] {
  const { ensembles } = parseXgboost(json(given), { columns: 2, columnOf: [0, 1], link }, rounds);
  const values = Float32Array.from(rows.flatMap((value) => [value, 0]));
  return ensembles.map((ensemble) => [...predictLogits(ensemble, { rows: rows.length, columns: 2, values })]);
}

describe('a model of XGBoost', () => {
  it('sends x to the left when it is below the threshold and not when it is equal', () => {
    const base = 0.5;
    const below = nextBelow(0.25);
    expect(scores({ trees: [stump(0.25, 0)] }, [0.25, below, Infinity, -Infinity])).toEqual([
      [2 + base, 1 + base, 2 + base, 1 + base],
    ]);
    expect(scores({ trees: [stump(0, 0)] }, [0, -0, -1e-45])).toEqual([[2.5, 2.5, 1.5]]);
  });

  it('sends missing values to the default side of the split', () => {
    for (const [left, right] of [
      [1, 0],
      [true, false],
    ] as const) {
      expect(scores({ trees: [stump(0, left), stump(0, right)] }, [NaN])).toEqual([[1 + 2 + 0.5]]);
    }
  });

  it('treats thresholds beyond all values as a split of missing values alone', () => {
    expect(scores({ trees: [stump(2 * FAR, 0)] }, [Infinity, -Infinity, NaN])).toEqual([[1.5, 1.5, 2.5]]);
    expect(scores({ trees: [stump(-2 * FAR, 1)] }, [Infinity, -Infinity, NaN])).toEqual([[2.5, 2.5, 1.5]]);
  });

  it('starts from the logit of its base score where answers are probabilities, else from the score', () => {
    expect(scores({ trees: [] }, [0], 'sigmoid')).toEqual([[0]]);
    expect(scores({ trees: [], base: '2E-1' }, [0], 'sigmoid')[0]![0]).toBeCloseTo(Math.log(0.2 / 0.8), 6);
    expect(scores({ trees: [], base: '[2E-1]' }, [0])[0]![0]).toBeCloseTo(0.2, 6);
    expect(scores({ trees: [], base: '[1E0,2E0]', classes: 2 }, [0], 'softmax')).toEqual([[1], [2]]);
  });

  it('has a tree per class and round, of which the given number of rounds is kept', () => {
    const trees = [stump(0, 0), stump(1, 0), stump(2, 0), stump(3, 0)];
    expect(scores({ trees, classes: 2 }, [0.5], 'softmax')).toEqual([[2 + 1 + 0.5], [1 + 1 + 0.5]]);
    expect(scores({ trees, classes: 2 }, [0.5], 'softmax', 1)).toEqual([[2.5], [1.5]]);
  });

  it('leaves out nodes that were pruned', () => {
    const tree = {
      left_children: [3, LEAF, LEAF, LEAF, LEAF],
      right_children: [4, LEAF, LEAF, LEAF, LEAF],
      split_indices: [1, 0, 0, 0, 0],
      split_conditions: [0, 8, 9, 1, 2],
      default_left: [0, 0, 0, 0, 0],
    };
    const { ensembles } = parseXgboost(json({ trees: [tree] }), { columns: 9, columnOf: [4, 7], link: 'identity' }, 1);
    const [converted] = ensembles[0]!.trees;
    expect([[...converted!.feature], [...converted!.left], [...converted!.right], [...converted!.value]]).toEqual([
      [7, -1, -1],
      [1, 0, 0],
      [2, 0, 0],
      [0, 1, 2],
    ]);
  });
});
