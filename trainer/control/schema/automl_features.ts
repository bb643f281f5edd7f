import * as z from 'zod';
import { autoMLConfigModel } from './training.ts';

export const generateRequest = z
  .strictObject({
    symbol: z.string().max(80).describe('A subject'),
    timeframe: z.literal('1m').default('1m'),
    limit: z.int().min(100).max(10_000).default(1000).describe('Number of newest minutes'),
    automl_config: autoMLConfigModel.optional().describe('Generators; enabled ones are refused'),
    include_target: z
      .literal(false)
      .default(false)
      .describe('Labels are part of datasets: `minutehand dataset export`'),
  })
  .meta({ id: 'FeatureGenerationRequest' });

const figure = z.number().nullable();

export const generatedSchema = z
  .object({
    success: z.boolean(),
    message: z.string(),
    feature_count: z.int(),
    processing_time: z.number().describe('Seconds'),
    feature_names: z.array(z.string()),
    statistics: z
      .record(
        z.string(),
        z.object({
          last: figure.describe('Newest value'),
          mean: figure,
          min: figure,
          max: figure,
          missing: z.int().describe('Minutes without a value'),
        }),
      )
      .describe('By feature'),
    rows: z.int().describe('Minutes with bars of both legs'),
    feature_schema: z.string().describe('Hash of the feature schema'),
  })
  .meta({ id: 'FeatureGenerationResponse' });

export const checkSchema = z
  .object({
    success: z.boolean().describe('Always true'),
    valid: z.boolean(),
    errors: z.array(z.string()),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'ConfigValidationResponse' });

export const clearedSchema = z.object({ success: z.boolean(), message: z.string() }).meta({ id: 'ClearedCache' });
