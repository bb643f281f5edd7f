import type { ModelFacts } from '../../../shared/bundle/onnx/model_facts.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Table } from './table.ts';

/** A label as in a table. */
export type Label = number | string;

/** Up to this many different whole numbers are classes; more are values. */
const MAX_NUMBERED_CLASSES = 20;
/** Each class has its own ensemble. */
const MAX_CLASSES = 1000;

export interface Guess {
  readonly task: 'binary' | 'multiclass' | 'regression';
  /** The evidence in the labels. */
  readonly why: string;
}

/**
 * The default task: two different labels → binary; texts, or few different whole numbers → multiclass; else regression.
 */
export function guessTask(labels: readonly Label[]): Guess {
  const distinct = new Set<Label>();
  let texts = 0;
  let isWhole = true;
  for (const label of labels) {
    if (distinct.size <= MAX_NUMBERED_CLASSES) distinct.add(label);
    if (typeof label === 'string') texts++;
    else if (!Number.isInteger(label)) isWhole = false;
  }
  const count = distinct.size > MAX_NUMBERED_CLASSES ? `more than ${MAX_NUMBERED_CLASSES}` : String(distinct.size);
  if (distinct.size === 2) return { task: 'binary', why: 'the label has 2 different values' };
  if (texts > 0) return { task: 'multiclass', why: `the label has texts, ${count} different values` };
  if (isWhole && distinct.size <= MAX_NUMBERED_CLASSES)
    return { task: 'multiclass', why: `the label has ${count} different whole numbers` };
  return { task: 'regression', why: `the label has ${count} different numbers` };
}

/**
 * The classes of a table in their order: numbers ascending, then texts by their UTF-16 code units.
 * @throws MinutehandError DATA_TOO_SHORT when there are fewer than two; TABLE_FORMAT when there are more than 1,000, or
 * not two for `binary`
 */
export function classesOf(table: Table, column: string, task: 'binary' | 'multiclass'): Label[] {
  const classes = [...new Set(table.labels)].sort(inOrder);
  const seen = `${table.path}, label "${column}": ${classes.length} different values`;
  const some = classes.slice(0, 5).map((label) => JSON.stringify(label));
  if (classes.length < 2)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `${seen} (${some.join()})`,
      expected: 'at least two classes',
      next: 'Add rows of every class.',
    });
  if (task === 'binary' && classes.length > 2)
    throw new MinutehandError('TABLE_FORMAT', {
      seen: `${seen} (${some.join()} …)`,
      expected: 'two for a binary task',
      next: 'Use --task multiclass, or --task regression for values.',
    });
  if (classes.length > MAX_CLASSES)
    throw new MinutehandError('TABLE_FORMAT', {
      seen,
      expected: `at most ${MAX_CLASSES} classes`,
      next: 'Use --task regression for values; name another label if it is an identifier.',
    });
  return classes;
}

function inOrder(a: Label, b: Label): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The targets to learn, [rows]: the index of each row's class, or its value.
 * @param classes those of the training table; null for values
 * @throws MinutehandError TABLE_FORMAT with the line of a class that was not trained, or of a value that is not a
 * finite number
 */
export function targetsOf(table: Table, column: string, classes: ModelFacts['classes']): Float64Array {
  const labels = table.labels!;
  const places = new Map(classes?.map((label, place) => [label, place]));
  return Float64Array.from(labels, (label, row) => {
    const target = classes === null ? label : places.get(label);
    // Learners and graphs hold values in float32.
    if (typeof target === 'number' && Number.isFinite(Math.fround(target))) return target;
    throw new MinutehandError('TABLE_FORMAT', {
      seen: `${table.path} line ${row + 2}, label "${column}": ${JSON.stringify(label)}`,
      expected: classes === null ? 'a number in the range of float32' : 'a class of the training table',
      next:
        classes === null
          ? 'Correct the label, or use --task multiclass when labels are classes.'
          : 'Remove the row, or add rows of this class to the training table.',
    });
  });
}
