import * as z from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Of a card. */
export const EXPORTED_LINE =
  'Labels of the bars that it was measured on had been given out here before: the figures below may be known answers, and claim nothing.';

/** A model that was learned elsewhere, as it was brought. */
export const importedModelSchema = z.strictObject({
  /** Of the ONNX file. */
  sha256,
  /** Its producer, as the file says; null: it does not. */
  producer: z.string().max(200).nullable(),
  /** Labels that it was learned from were known before this, as its owner says. */
  learned_until: z.string(),
  /** SHA-256 of the file that says how its columns are prepared; null: without. */
  preprocess: sha256.nullable(),
  /**
   * This installation had given out labels of bars that the model is judged on: its results there claim nothing.
   * Absent: not as far as is known.
   */
  exported_holdout: z.literal(true).optional(),
});
