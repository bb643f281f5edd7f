import { expect, it } from 'vitest';
import { fitsKind, runColumn, runColumnKind } from './run_columns.ts';

it('a column of the table of runs is listed by its name, or with a type and a comment', () => {
  expect(runColumn('seed')).toEqual({ name: 'seed', type: null, comment: null });
  expect(runColumn({ name: 'seed' } as never)).toEqual({ name: 'seed', type: null, comment: null });
  const column = { name: 'seed', type: 'BIGINT', comment: 'of the run' } as const;
  expect(runColumn(column as never)).toEqual(column);
});

it('a type fits its kind by its first word, in either case', () => {
  expect([runColumnKind('seed'), runColumnKind('run_id'), runColumnKind('status' as never)]).toEqual([
    'integer',
    'uuid',
    'text',
  ]);
  expect(['VARCHAR(20)', 'bigint'].map((type) => fitsKind(type, 'text'))).toEqual([true, false]);
  expect(['BIGINT', 'int8', 'bigint_x', 'uuid'].map((type) => fitsKind(type, 'integer'))).toEqual([
    ...[true, true, true, false],
  ]);
});
