import * as z from 'zod';
import { directionManifestSchema } from '../../../shared/bundle/direction/direction_manifest.ts';

export const directionModelSchema = z
  .object({
    model_id: z.string().describe('Version of the bundle'),
    timeframe: z.string().describe('Timeframe of its instruments'),
    created: z.string().describe('ISO 8601 in UTC'),
    instruments: z.array(z.string()).describe('Symbols it was trained on'),
    with_edge: z.array(z.string()).describe('Symbols with an edge after costs'),
    is_active: z.boolean(),
    is_previous: z.boolean().describe('Predecessor of the active one'),
    is_shadow: z.boolean().describe('Scores the same bars without publishing'),
    error: z.string().nullable().describe('Error code if it is unusable'),
  })
  .meta({ id: 'DirectionModel', description: 'A bundle of the direction model' });

export const directionModelsSchema = z.object({ models: z.array(directionModelSchema).describe('Newest first') });

export const directionDetailSchema = z
  .object({
    version: z.string(),
    is_signed: z.boolean(),
    manifest: directionManifestSchema
      .omit({ golden: true })
      .meta({ id: 'DirectionManifest', description: 'The manifest of a direction bundle without golden answers' }),
    card: z.string().describe('Model card, Markdown'),
  })
  .meta({ id: 'DirectionDetail' });

export const verifiedDirectionSchema = z
  .object({
    version: z.string(),
    rows: z.int().describe('Rows compared with onnxruntime'),
    largest_difference: z.number().describe('Of a probability'),
    engine: z.string().describe('What scores it in a daemon: wasm-simd, own-graph or onnxruntime-node'),
    note: z.string().describe('What was compared, or why no faster engine scores it'),
  })
  .meta({ id: 'VerifiedDirection' });
