import * as z from 'zod';
import { MinutehandError } from '../../../shared/errors.ts';
import type { ColumnPreparation } from '../learners/onnx/column_preparation.ts';

const numbers = z.array(z.number());

/** How the columns of an imported model are chosen and prepared, as its owner writes it down. */
const preprocessSchema = z.strictObject({
  /** Hash of the features that it was learned from; absent: not compared. */
  feature_schema: z.string().optional(),
  /** Names of the columns in the order of the model's input; absent: all of the role. */
  columns: z.array(z.string()).min(1).optional(),
  /** In place of missing values. */
  impute: numbers.optional(),
  mean: numbers.optional(),
  scale: z.array(z.number().refine((value) => value !== 0, 'a scale of 0')).optional(),
});

export interface Preprocess {
  readonly featureSchema: string | null;
  /** null: all columns of the role, in their order. */
  readonly columns: readonly string[] | null;
  readonly preparation: ColumnPreparation;
}

/** @throws MinutehandError MODEL_LOAD when the text is no such document */
export function parsePreprocess(text: string, name: string): Preprocess {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw refusal(`${name}: not JSON`, cause);
  }
  const parsed = preprocessSchema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw refusal(`${name}: ${path.join('.') || 'the document'}: ${message}`);
  }
  const { feature_schema = null, columns = null, impute = null, mean = null, scale = null } = parsed.data;
  return { featureSchema: feature_schema, columns, preparation: { impute, mean, scale } };
}

/** @param columns that the model gets @throws MinutehandError MODEL_LOAD unless each list has a number per column */
export function refuseOtherLengths({ preparation }: Preprocess, columns: number, name: string): void {
  for (const [key, list] of Object.entries(preparation) as [string, readonly number[] | null][])
    if (list !== null && list.length !== columns)
      throw refusal(`${name}: ${list.length} numbers of ${key} for ${columns} columns`);
}

function refusal(seen: string, cause?: unknown): MinutehandError {
  return new MinutehandError('MODEL_LOAD', {
    seen,
    expected:
      '{"columns": [names], "impute": [numbers], "mean": [numbers], "scale": [numbers]}, each a number per column',
    next: 'Write it as docs/guides/extend/BRING_A_MODEL.md shows.',
    ...(cause !== undefined && { cause }),
  });
}
