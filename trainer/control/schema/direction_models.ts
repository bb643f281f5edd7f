import * as z from 'zod';
import { directionManifestSchema } from '../../../shared/bundle/direction/direction_manifest.ts';
import { VERSION } from '../../../shared/bundle/bundle.ts';
import { overrideShape } from './override.ts';
import { pointersSchema } from './models.ts';
import { ADMISSION_ERRORS, BODY_ERRORS, BUNDLE_ERRORS } from './route_errors.ts';
import { routes } from './routes.ts';

const directionModelSchema = z
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

const directionModelsSchema = z.object({ models: z.array(directionModelSchema).describe('Newest first') });

const directionDetailSchema = z
  .object({
    version: z.string(),
    is_signed: z.boolean(),
    manifest: directionManifestSchema
      .omit({ golden: true })
      .meta({ id: 'DirectionManifest', description: 'The manifest of a direction bundle without golden answers' }),
    card: z.string().describe('Model card, Markdown'),
  })
  .meta({ id: 'DirectionDetail' });

const verifiedDirectionSchema = z
  .object({
    version: z.string(),
    rows: z.int().describe('Rows compared with onnxruntime'),
    largest_difference: z.number().describe('Of a probability'),
    engine: z.string().describe('What scores it in a daemon: wasm-simd, own-graph or onnxruntime-node'),
    note: z.string().describe('What was compared, or why no faster engine scores it'),
  })
  .meta({ id: 'VerifiedDirection' });

const params = z.object({
  model_name: z.string().max(60).regex(VERSION).describe('Version of a direction bundle'),
});

/** Routes of `api/routes/direction_models.ts`. */
export const directionModelRoutes = routes({
  'GET /api/ml/direction-models': {
    role: 'viewer',
    errors: ['MODEL_FILE'],
    tags: ['models'],
    summary: 'Direction bundles',
    response: { 200: directionModelsSchema },
  },
  'GET /api/ml/direction-models/{model_name}': {
    role: 'viewer',
    errors: BUNDLE_ERRORS,
    tags: ['models'],
    summary: 'A direction bundle: manifest, card',
    params,
    response: { 200: directionDetailSchema },
  },
  'POST /api/ml/direction-models/{model_name}/verify': {
    role: 'operator',
    errors: [...BUNDLE_ERRORS, 'KERNEL_MISSING'],
    tags: ['models'],
    summary: 'Verify a direction bundle as a daemon does, without activating it',
    params,
    response: { 200: verifiedDirectionSchema },
  },
  'POST /api/ml/direction-models/{model_name}/load': {
    role: 'approver',
    errors: [...ADMISSION_ERRORS, ...BODY_ERRORS],
    tags: ['models'],
    summary:
      'Verify a direction bundle, refuse failed or unknown gates, and make it the active one of its timeframe. The predecessor is rolled back to',
    params,
    body: z.strictObject(overrideShape).nullish(),
    response: { 200: pointersSchema },
  },
});
