import { describe, expect, it } from 'vitest';
import { findLeaf } from '../shared/bundle/onnx/tree_ensemble.ts';
import { createRng } from '../shared/rng.ts';
import { tinySettings } from '../test/tiny_models.ts';
import { featureRows, randomEnsemble } from './models.ts';

describe('the random models of the bench', () => {
  const rows = featureRows(tinySettings(), 300);

  it('give different scores for different feature rows', () => {
    expect(rows.values).toHaveLength(300 * rows.columns);
    const texts = new Set(
      Array.from({ length: 300 }, (_, i) => rows.values.subarray(i * rows.columns, (i + 1) * rows.columns).join()),
    );
    expect(texts.size).toBe(300);
  });

  it('distribute rows over most of their leaves, like learned trees', () => {
    const { trees } = randomEnsemble(20, rows.columns, rows.values, createRng('test'));
    for (const tree of trees) {
      expect([...tree.feature].filter((column) => column < 0)).toHaveLength(31);
      const leaves = new Set(
        Array.from({ length: rows.rows }, (_, i) => findLeaf(tree, rows.values, i * rows.columns)),
      );
      expect(leaves.size).toBeGreaterThan(15);
    }
  });
});
