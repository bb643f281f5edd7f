import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyTree, findLeaf } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { FAR, floorToFloat32, setSplit } from './split_node.ts';

const float32 = fc.float({ noNaN: true });
const value = fc.oneof(fc.float(), fc.constantFrom(FAR, -FAR, 2 * FAR, -2 * FAR, Infinity, -Infinity, NaN, 0));

describe('a split', () => {
  it('sends every value to the side of the engine’s training value', () => {
    const threshold = fc.oneof(float32, fc.constantFrom(FAR, -FAR, 1.5 * FAR, -1.5 * FAR));
    fc.assert(
      fc.property(threshold, value, fc.boolean(), (limit, x, missingLeft) => {
        fc.pre(Math.abs(limit) !== Infinity);
        const tree = emptyTree(3);
        setSplit(tree, 0, { column: 0, threshold: limit, left: 1, right: 2, missingLeft });
        const learned = Math.max(-FAR, Math.min(FAR, x));
        const goesLeft = Number.isNaN(x) ? missingLeft : learned <= limit;
        expect(findLeaf(tree, Float32Array.of(x), 0)).toBe(goesLeft ? 1 : 2);
      }),
    );
  });
});

describe('floorToFloat32', () => {
  it('keeps every comparison of a float32 with a float64', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), float32, (threshold, x) => {
        for (const near of [x, Math.fround(threshold)]) {
          expect(near <= floorToFloat32(threshold)).toBe(near <= threshold);
        }
      }),
    );
  });
});
