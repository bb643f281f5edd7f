import { rmSync } from 'node:fs';
import { MinutehandError } from '../../../../shared/errors.ts';
import { requestTrigger } from '../../schedule/run.ts';
import type { RunParameters } from '../../../jobs/kinds/run_parameters.ts';
import { autoMLConfigModel } from '../../schema/training.ts';
import { automlFeatureRoutes, type GenerateRequest } from '../../schema/automl_features.ts';
import type { Api, ApiContext } from '../context.ts';
import { barsOfRequest } from '../bars_of_request.ts';
import { automlErrors, DEFAULT_AUTOML, formulaSearchOf, refuseIdleKeys, wantsSearch } from '../formula_search.ts';
import { recentFeatures } from '../recent_features.ts';
import { ALL_SUBJECTS } from '../spelled_subjects.ts';
import { instantOf, unsupported } from '../training_options.ts';
import { shownRun } from './runs.ts';

const SHOWN_MINUTES = 1000;

/** `/api/automl-features/…`: a search of formulas, as `minutehand automl` makes it, and what belongs to it. */
export function addAutomlFeatureRoutes(api: Api, context: ApiContext): void {
  const { retrainer, paths } = context;

  api.route({
    ...automlFeatureRoutes['POST /api/automl-features/generate'],
    async handler(request, reply) {
      const { symbol, limit = SHOWN_MINUTES, automl_config } = request.body;
      request.written = { target: symbol };
      if (!wantsSearch(automl_config)) {
        refuseOfSearch(request.body);
        return recentFeatures(context, symbol, limit);
      }
      const parameters = searchParametersOf(request.body);
      await barsOfRequest(parameters, context);
      const run = await retrainer.request({ kind: 'automl', trigger: requestTrigger('api', parameters), parameters });
      if (run === null) throw new MinutehandError('RETRAIN_RUNNING');
      request.written = { target: `run ${run.run_id}`, after: request.body };
      return reply.status(202).send(shownRun(run));
    },
  });

  api.route({
    ...automlFeatureRoutes['POST /api/automl-features/validate-config'],
    async handler({ body }) {
      const errors = automlErrors(body);
      const warnings = wantsSearch(body) ? [] : ['No generator is enabled: nothing would be searched.'];
      return { success: true, valid: errors.length === 0, errors, warnings };
    },
  });

  api.route({
    ...automlFeatureRoutes['GET /api/automl-features/default-config'],
    handler: async () => DEFAULT_AUTOML,
  });

  api.route({
    ...automlFeatureRoutes['POST /api/automl-features/clear-cache'],
    async handler(request) {
      request.written = { target: 'caches of features and formulas' };
      if (retrainer.runs()[0]?.status === 'running') throw new MinutehandError('RETRAIN_RUNNING');
      rmSync(paths.datasetCache, { recursive: true, force: true });
      rmSync(paths.candidateCache, { recursive: true, force: true });
      return { success: true, message: 'The caches of features, labels and scores of formulas are empty.' };
    },
  });
}

/** @throws MinutehandError SETTING_UNSUPPORTED for values that would not act */
function searchParametersOf(request: GenerateRequest): RunParameters {
  const { symbol, limit, automl_config, start_date, end_date, candidates, random_state, limit_minutes } = request;
  if (symbol !== ALL_SUBJECTS)
    throw unsupported('symbol', symbol, 'all: AI1 learns from all pairs, as a search does', 'Set symbol to all.');
  if (limit !== undefined)
    throw unsupported('limit', limit, 'no value: a search has start_date and end_date', 'Omit it.');
  const config = autoMLConfigModel.parse(automl_config);
  const { search, workers } = formulaSearchOf(config);
  for (const name of ['generations', 'population_size'] as const)
    if (candidates !== undefined && config.autofeat[name] !== undefined)
      throw unsupported(
        `automl_config.autofeat.${name}`,
        config.autofeat[name],
        `no value beside candidates ${candidates}`,
        'Give candidates, or generations and population_size, whose product they are.',
      );
  const options = {
    seed: random_state,
    from: instantOf(start_date),
    to: instantOf(end_date, 'end'),
    workers,
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return {
    ...(Object.fromEntries(given) as RunParameters),
    formulas: {
      ...search,
      candidates: candidates ?? search.candidates,
      ...(limit_minutes !== undefined && { limit_minutes }),
    },
  };
}

/** @throws MinutehandError SETTING_UNSUPPORTED for fields of a search where there is none */
function refuseOfSearch(request: GenerateRequest): void {
  for (const name of ['start_date', 'end_date', 'candidates', 'random_state', 'limit_minutes'] as const)
    if (request[name] !== undefined)
      throw unsupported(
        name,
        request[name],
        'no value without an enabled generator',
        'Enable a generator in automl_config, or omit it.',
      );
  if (request.automl_config !== undefined) refuseIdleKeys(request.automl_config);
}
