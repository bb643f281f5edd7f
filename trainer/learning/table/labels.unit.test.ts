import { describe, expect, it } from 'vitest';
import { classesOf, guessTask, targetsOf, type Label } from './labels.ts';
import type { Table } from './table.ts';

function tableOf(labels: readonly Label[]): Table {
  const x = { rows: labels.length, columns: 1, values: new Float32Array(labels.length) };
  const none = { weights: null, categories: new Map<string, string[]>(), unknownTexts: 0, ignored: [] };
  return { path: 't.csv', features: ['a'], x, labels, ...none };
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('guessTask', () => {
  it.each<[string, Label[], string]>([
    ['two numbers', [0, 1, 1, 0], 'binary'],
    ['two numbers of any kind', [-1.5, 2, 2], 'binary'],
    ['two texts', ['yes', 'no', 'yes'], 'binary'],
    ['three texts', ['a', 'b', 'c'], 'multiclass'],
    ['numbers and a text', [1, 2, 'many'], 'multiclass'],
    ['20 whole numbers', upTo(20), 'multiclass'],
    ['21 whole numbers', upTo(21), 'regression'],
    ['three fractions', [0.5, 1.5, 2], 'regression'],
  ])('%s', (_what, labels, task) => {
    const guess = guessTask(labels);
    expect(guess.task).toBe(task);
    expect(guess.why).toMatch(/^the label has /);
  });
});

describe('classesOf', () => {
  it('sorts numbers in ascending order, then texts by their code units', () => {
    expect(classesOf(tableOf([10, 9, -1, 9]), 'y', 'multiclass')).toEqual([-1, 9, 10]);
    expect(classesOf(tableOf(['b', 'é', 'B', 2, 'a', 10]), 'y', 'multiclass')).toEqual([2, 10, 'B', 'a', 'b', 'é']);
    expect(classesOf(tableOf([1, 0, 1]), 'y', 'binary')).toEqual([0, 1]);
  });

  it('refuses one class, three for two, and an identifier', () => {
    const code = (labels: Label[], task: 'binary' | 'multiclass') => {
      try {
        return classesOf(tableOf(labels), 'y', task);
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(code([1, 1], 'binary')).toBe('DATA_TOO_SHORT');
    expect(code([0, 1, 2], 'binary')).toBe('TABLE_FORMAT');
    expect(code(upTo(1001), 'multiclass')).toBe('TABLE_FORMAT');
    expect(code(upTo(1000), 'multiclass')).toHaveLength(1000);
  });
});

describe('targetsOf', () => {
  it('gives the index of each class, or the value', () => {
    expect(targetsOf(tableOf(['b', 'a', 3]), 'y', [3, 'a', 'b'])).toEqual(Float64Array.of(2, 1, 0));
    expect(targetsOf(tableOf([1.5, -2]), 'y', null)).toEqual(Float64Array.of(1.5, -2));
  });

  it('names the line of an unknown class and of a value that is not a number', () => {
    const error = (labels: Label[], classes: Label[] | null) => {
      try {
        targetsOf(tableOf(labels), 'y', classes);
        return 'none';
      } catch (thrown) {
        return (thrown as { seen: string }).seen;
      }
    };
    expect(error([0, 1, 2], [0, 1])).toBe('t.csv line 4, label "y": 2');
    expect(error([0, '1'], [0, 1])).toBe('t.csv line 3, label "y": "1"');
    expect(error([0, 'many'], null)).toBe('t.csv line 3, label "y": "many"');
    expect(error([Infinity], null)).toContain('line 2');
    expect(error([1e39], null)).toContain('line 2');
  });
});
