import { describe, expect, it } from 'vitest';
import { findLeaf, predict, predictLogits, type Tree, type TreeEnsemble } from './tree_ensemble.ts';

/** x0 <= 0.5 (missing left) ? −1 : (x1 <= 2 (missing right) ? 0.25 : 3) */
const tree: Tree = {
  feature: Int32Array.of(0, -1, 1, -1, -1),
  threshold: Float32Array.of(0.5, 0, 2, 0, 0),
  left: Int32Array.of(1, 0, 3, 0, 0),
  right: Int32Array.of(2, 0, 4, 0, 0),
  missingLeft: Uint8Array.of(1, 0, 0, 0, 0),
  value: Float32Array.of(0, -1, 0, 0.25, 3),
};
const ensemble: TreeEnsemble = { columns: 2, baseScore: 0.5, trees: [tree, tree] };

describe('findLeaf', () => {
  it('goes left on ties, and to the node’s default side when the value is missing', () => {
    const leafOf = (...values: number[]): number => findLeaf(tree, Float32Array.from(values), 0);
    expect(leafOf(0.5, 9)).toBe(1);
    expect(leafOf(NaN, 9)).toBe(1);
    expect(leafOf(-Infinity, 9)).toBe(1);
    expect(leafOf(0.6, 2)).toBe(3);
    expect(leafOf(0.6, NaN)).toBe(4);
    expect(leafOf(Infinity, Infinity)).toBe(4);
  });

  it('reads the row that begins at the offset', () => {
    expect(findLeaf(tree, Float32Array.of(0, 0, 1, 1), 2)).toBe(3);
  });
});

describe('predict', () => {
  it('is the sigmoid of the base score and the leaves of all trees', () => {
    const x = { rows: 2, columns: 2, values: Float32Array.of(0, 0, 1, 1) };
    expect([...predictLogits(ensemble, x)]).toEqual([-1.5, 1]);
    predict(ensemble, x).forEach((p, i) =>
      expect(p).toBeCloseTo([1 / (1 + Math.exp(1.5)), 1 / (1 + Math.exp(-1))][i]!, 14),
    );
  });

  it('is the base score alone without trees, and refuses another width', () => {
    expect([
      ...predictLogits({ ...ensemble, trees: [] }, { rows: 1, columns: 2, values: new Float32Array(2) }),
    ]).toEqual([0.5]);
    expect(() => predict(ensemble, { rows: 1, columns: 3, values: new Float32Array(3) })).toThrow(/2 columns/);
  });
});
