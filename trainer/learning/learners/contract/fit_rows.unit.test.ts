import { expect, it } from 'vitest';
import { takeRows, withRows } from './fit_rows.ts';

const x = { rows: 4, columns: 2, values: Float32Array.of(0, 1, 10, 11, 20, 21, 30, 31) };

it('rows are taken into the memory of the rows before, unless these are still in use', () => {
  const places = [[3, 1, 0], [2], [0, 3]];
  const buffers = places.map((rows) =>
    withRows(x, rows, (taken) => {
      expect(taken).toEqual(takeRows(x, rows));
      return withRows(x, [1, 1], (inner) => {
        expect(taken).toEqual(takeRows(x, rows));
        expect(inner.values.buffer).not.toBe(taken.values.buffer);
        return taken.values.buffer;
      });
    }),
  );
  const taken = withRows(x, [1], ({ values }) => values.buffer);
  expect(withRows(x, [0], ({ values }) => values.buffer)).toBe(taken);
  expect(buffers).toContain(taken);
});

it('what is written to taken rows is not written to the matrix, and an error leaves the memory to the next ones', () => {
  const first = withRows(x, [0, 1], ({ values }) => (values.fill(-1), values.buffer));
  expect(x.values[0]).toBe(0);
  expect(() => withRows(x, [2], () => expect.fail('used'))).toThrow('used');
  expect(withRows(x, [2, 3], ({ values }) => values.buffer)).toBe(first);
});
