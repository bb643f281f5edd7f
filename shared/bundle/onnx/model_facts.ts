import * as z from 'zod';
import { MinutehandError } from '../../errors.ts';

/** Description in a model file, as key/value properties of the ONNX model. */
export interface ModelFacts {
  readonly task: 'binary' | 'multiclass' | 'regression' | 'quantile';
  /** The quantile of the value that is answered; null for other tasks. */
  readonly quantile: number | null;
  /** Names of the input columns, in order. */
  readonly columns: readonly string[];
  /** The label of each class; a binary model answers with the probability of the second one. null without classes. */
  readonly classes: readonly (number | string)[] | null;
}

const schema = z.object({
  task: z.enum(['binary', 'multiclass', 'regression', 'quantile']),
  quantile: z.number().nullable().default(null),
  columns: z.array(z.string()),
  classes: z
    .array(z.union([z.number(), z.string()]))
    .nullable()
    .default(null),
});

/** The facts as ONNX metadata: texts, `columns` and `classes` as JSON arrays. Facts that are null have no entry. */
export function encodeFacts({ task, quantile, columns, classes }: ModelFacts): Record<string, string> {
  return {
    task,
    columns: JSON.stringify(columns),
    ...(quantile === null ? {} : { quantile: JSON.stringify(quantile) }),
    ...(classes === null ? {} : { classes: JSON.stringify(classes) }),
  };
}

/** @throws MinutehandError MODEL_LOAD when the metadata has no such facts */
export function decodeFacts(metadata: Readonly<Record<string, string>>): ModelFacts {
  try {
    const parsed = Object.entries(metadata)
      .filter(([key]) => ['columns', 'quantile', 'classes'].includes(key))
      .map(([key, value]) => [key, JSON.parse(value) as unknown]);
    return schema.parse({ ...Object.fromEntries(parsed), task: metadata['task'] });
  } catch (cause) {
    throw new MinutehandError('MODEL_LOAD', {
      seen: `metadata ${JSON.stringify(metadata).slice(0, 200)}`,
      expected: 'task, columns and classes as `minutehand fit` writes them',
      cause,
    });
  }
}
