import { describe, expect, it } from 'vitest';
import { engineRows } from './engine_rows.ts';
import { FAR } from './split_node.ts';

const x = { rows: 3, columns: 2, values: Float32Array.of(1, NaN, Infinity, 4, -Infinity, 3e38) };
const y = Float64Array.of(0, 1, 0.5);

describe('engineRows', () => {
  it('leaves out rows of weight 0 and columns that are not requested', () => {
    const rows = engineRows({ x, y, weights: Float64Array.of(2, 0, 1) }, [1]);
    expect(rows).toEqual({
      rows: 2,
      columns: 1,
      values: Float32Array.of(NaN, FAR),
      y: Float32Array.of(0, 0.5),
      weights: Float32Array.of(2, 1),
    });
  });

  it('brings infinities within ±FAR and keeps missing values', () => {
    const { values } = engineRows({ x, y, weights: null }, [0, 1]);
    expect([...values]).toEqual([1, NaN, FAR, 4, -FAR, FAR]);
  });

  it('uses a valid table without a copy', () => {
    const plain = { ...x, values: new Float32Array(6) };
    expect(engineRows({ x: plain, y, weights: null }, [0, 1]).values).toBe(plain.values);
    expect(engineRows({ x: plain, y, weights: null }, [1]).values).toEqual(new Float32Array(3));
  });

  it('reports DATA_TOO_SHORT when nothing has weight', () => {
    expect(() => engineRows({ x, y, weights: new Float64Array(3) }, [0])).toThrow(
      expect.objectContaining({ code: 'DATA_TOO_SHORT' }) as Error,
    );
  });
});
