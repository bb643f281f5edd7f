import { rmSync } from 'node:fs';
import { MinutehandError, describeError } from '../../../../shared/errors.ts';
import type { Api, ApiContext } from '../context.ts';
import { recentFeatures } from '../recent_features.ts';
import { checkSchema, clearedSchema, generatedSchema, generateRequest } from '../../schema/automl_features.ts';
import { REFUSALS } from '../../schema/refusal.ts';
import { autoMLConfigModel } from '../../schema/training.ts';
import { refuseGenerators } from '../training_options.ts';

/** `/api/automl-features/…`: features are minutehand's fixed ones; generators of other packages are refused. */
export function addAutomlFeatureRoutes(api: Api, context: ApiContext): void {
  const { retrainer, paths } = context;
  const tags = ['features'];

  api.route({
    method: 'POST',
    url: '/api/automl-features/generate',
    config: { role: 'operator' },
    schema: {
      tags,
      summary: 'Features of the newest minutes of a subject',
      body: generateRequest,
      response: { 200: generatedSchema, ...REFUSALS },
    },
    async handler(request) {
      const { symbol, limit, automl_config } = request.body;
      request.written = { target: symbol };
      refuseGenerators({ automl_config });
      return recentFeatures(context, symbol, limit);
    },
  });

  api.route({
    method: 'POST',
    url: '/api/automl-features/validate-config',
    config: { role: 'viewer' },
    schema: { tags, summary: 'Check generators', body: autoMLConfigModel, response: { 200: checkSchema, ...REFUSALS } },
    async handler({ body }) {
      try {
        refuseGenerators({ automl_config: body });
        return { success: true, valid: true, errors: [], warnings: [] };
      } catch (error) {
        return { success: true, valid: false, errors: [describeError(error).message], warnings: [] };
      }
    },
  });

  api.route({
    method: 'GET',
    url: '/api/automl-features/default-config',
    config: { role: 'viewer' },
    schema: { tags, summary: 'What is valid', response: { 200: autoMLConfigModel, ...REFUSALS } },
    handler: async () => autoMLConfigModel.parse({}),
  });

  api.route({
    method: 'POST',
    url: '/api/automl-features/clear-cache',
    config: { role: 'operator' },
    schema: {
      tags,
      summary: 'Delete cached features and labels; refused during a run',
      response: { 200: clearedSchema, ...REFUSALS },
    },
    async handler(request) {
      request.written = { target: 'dataset cache' };
      if (retrainer.runs()[0]?.status === 'running') throw new MinutehandError('RETRAIN_RUNNING');
      rmSync(paths.datasetCache, { recursive: true, force: true });
      return { success: true, message: 'The cache of features and labels is empty.' };
    },
  });
}
