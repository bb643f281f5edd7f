import { describe, expect, it } from 'vitest';
import { nextBelow } from '../../../../../shared/bundle/onnx/float32.ts';
import { predictLogits } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { parseLightgbm } from './lightgbm_model.ts';

const SHAPE = { columns: 3, columnOf: [0, 1, 2], link: 'sigmoid' } as const;

function text(trees: readonly string[], answers = 1): string {
  const blocks = trees.map((tree, index) => `Tree=${index}\n${tree}\n\n`);
  return `tree\nversion=v4\nnum_class=${answers}\nnum_tree_per_iteration=${answers}\nobjective=binary sigmoid:1\n\n${blocks.join('\n')}end of trees\n\nfeature_importances:\nx=1\n`;
}

/** A tree of one split: left 1, right 2. */
function stump(threshold: string, decision: number, column = 0): string {
  return [
    'num_leaves=2',
    'num_cat=0',
    `split_feature=${column}`,
    'split_gain=1',
    `threshold=${threshold}`,
    `decision_type=${decision}`,
    'left_child=-1',
    'right_child=-2',
    'leaf_value=1 2',
    'is_linear=0',
    'shrinkage=0.1',
  ].join('\n');
}

function scores(model: string, rows: readonly number[]): number[] {
  const { ensembles } = parseLightgbm(model, SHAPE);
  const values = Float32Array.from(rows.flatMap((value) => [value, 0, 0]));
  return [...predictLogits(ensembles[0]!, { rows: rows.length, columns: 3, values })];
}

const NONE_RIGHT = 0;
const NONE_LEFT = 2;
const NAN_RIGHT = 8;
const NAN_LEFT = 10;

describe('a model of LightGBM', () => {
  it('sends x to the left when x <= threshold in float64, also where float32 would round the threshold up', () => {
    const tenth = Math.fround(0.1); // 0.100000001…, above 0.1
    expect(scores(text([stump('0.10000000000000001', NAN_RIGHT)]), [tenth, nextBelow(tenth)])).toEqual([2, 1]);
    expect(scores(text([stump(String(tenth), NAN_RIGHT)]), [tenth])).toEqual([1]);
  });

  it('sends missing values to the default side of the split, or as a 0 where training had none', () => {
    expect(scores(text([stump('-5', NAN_LEFT)]), [NaN, 0])).toEqual([1, 2]);
    expect(scores(text([stump('5', NAN_RIGHT)]), [NaN, 0])).toEqual([2, 1]);
    for (const decision of [NONE_LEFT, NONE_RIGHT]) {
      expect(scores(text([stump('-5', decision)]), [NaN, 0])).toEqual([2, 2]);
      expect(scores(text([stump('0', decision)]), [NaN, 0])).toEqual([1, 1]);
    }
  });

  it('treats values within 1e-35 of 0 as 0', () => {
    const least = '1.0000000180025095e-35';
    expect(scores(text([stump(least, NAN_LEFT)]), [1e-35, 2e-35, -1e-35])).toEqual([1, 2, 1]);
    expect(scores(text([stump(`-${least}`, NAN_LEFT)]), [-1e-35, -2e-35, 0, 1e-40])).toEqual([2, 1, 2, 2]);
  });

  it('treats a threshold beyond all numbers as one above infinity', () => {
    for (const threshold of ['1.0000000000000001e+300', 'inf']) {
      expect(scores(text([stump(threshold, NAN_RIGHT)]), [Infinity, -Infinity, NaN])).toEqual([1, 1, 2]);
    }
  });

  it('keeps the last bits of small leaves beside a large starting score', () => {
    const offset =
      'num_leaves=2\nnum_cat=0\nsplit_feature=0\nthreshold=0\ndecision_type=8\nleft_child=-1\nright_child=-2\n';
    const [left, right] = scores(text([`${offset}leaf_value=1000.0001234 1000.0004321`]), [-1, 1]) as [number, number];
    expect(left).toBeCloseTo(1000.0001234, 9);
    expect(right).toBeCloseTo(1000.0004321, 9);
  });

  it('reads trees of one leaf, no trees, and one tree per class in turn', () => {
    const leaf = (value: number): string => `num_leaves=1\nnum_cat=0\nleaf_value=${value}\nis_linear=0`;
    expect(scores(text([leaf(0.5), stump('0', NAN_LEFT)]), [-1, 1])).toEqual([1.5, 2.5]);
    expect(scores(text([]), [3])).toEqual([0]);
    const classes = parseLightgbm(text([leaf(1), leaf(2), leaf(3), leaf(4)], 2), { ...SHAPE, link: 'softmax' });
    const x = { rows: 1, columns: 3, values: new Float32Array(3) };
    expect(classes.ensembles.map((ensemble) => predictLogits(ensemble, x)[0])).toEqual([4, 6]);
  });

  it('counts columns like the table', () => {
    const { ensembles } = parseLightgbm(text([stump('0', NAN_LEFT, 1)]), { ...SHAPE, columnOf: [0, 2] });
    expect([...ensembles[0]!.trees[0]!.feature]).toEqual([2, -1, -1]);
  });

  it('is refused when it holds something not requested, or is no model', () => {
    expect(() => scores(text([stump('0', 1)]), [0])).toThrow('category');
    expect(() => scores(text([stump('0', 4)]), [0])).toThrow('zero as missing');
    expect(() => scores(text([stump('0', 8).replace('num_cat=0', 'num_cat=1')]), [0])).toThrow('categories');
    expect(() => scores(text([stump('0', 8).replace('leaf_value=1 2', 'leaf_value=1')]), [0])).toThrow('leaf_value');
    expect(() => scores('something else', [0])).toThrow('not a model of LightGBM');
  });
});
