import { MinutehandError } from '../../../../shared/errors.ts';
import { requestTrigger, type RetrainRun } from '../../schedule/run.ts';
import type { Api, ApiContext } from '../context.ts';
import { REFUSALS } from '../../schema/refusal.ts';
import { runSchema } from '../../schema/runs.ts';
import { mlTrainingConfig, startedRunSchema, trainingStatusSchema } from '../../schema/training.ts';
import { barsOfRequest, directionOf, directionParametersOf } from '../direction_request.ts';
import { chosenLearner, CONFIGURED_LEARNER, trainedLearner } from '../ensemble_request.ts';
import { runParametersOf } from '../training_options.ts';
import { shownRun } from './runs.ts';

/** `POST /api/ml-training/train`, `GET /api/ml-training/training/status`, `POST /api/ml-training/stop`. */
export function addTrainingRoutes(api: Api, context: ApiContext): void {
  const { retrainer, settings } = context;
  for (const url of ['/api/ml-training/train', '/api/ml/train'])
    api.route({
      method: 'POST',
      url,
      config: { role: 'operator' },
      schema: {
        tags: ['training'],
        summary: 'Start a training run',
        description:
          'With a body that has neither `ensemble_config` nor `single_model_config`, the weighted vote of LightGBM, XGBoost and a random forest is trained; gbdt stands in for an engine that is not installed, and `learner` of the answer names what is trained. Without a body: the engine of the configuration.',
        body: mlTrainingConfig.nullish(),
        response: { 202: startedRunSchema, ...REFUSALS },
      },
      async handler(request, reply) {
        const config = request.body ?? mlTrainingConfig.parse({});
        request.written = { target: config.kind, after: config };
        const direction = directionOf(config);
        // Without a body it is the training of the configuration, as the button of the dashboard asks for.
        const chosen =
          request.body == null || direction !== null ? CONFIGURED_LEARNER : chosenLearner(config, settings);
        const parameters =
          direction === null ? runParametersOf(config, settings, chosen) : directionParametersOf(config, direction);
        const learner =
          direction === null ? trainedLearner(chosen, settings) : { engine: 'gbdt', members: [], stand_ins: [] };
        const kind = direction === null ? config.kind : 'direction';
        const bars = direction === null ? [] : await barsOfRequest(parameters, context);
        const run = await retrainer.start({ trigger: requestTrigger('api', parameters), kind, parameters });
        if (run === null) throw new MinutehandError('RETRAIN_RUNNING');
        request.written = { target: `run ${run.run_id}`, after: config };
        return reply.status(202).send({ ...shownRun(run), bars, learner });
      },
    });

  api.route({
    method: 'GET',
    url: '/api/ml-training/training/status',
    config: { role: 'viewer' },
    schema: {
      tags: ['training'],
      summary: 'State of the newest run',
      response: { 200: trainingStatusSchema, ...REFUSALS },
    },
    handler: async () => statusOf(retrainer.runs()[0]),
  });

  api.route({
    method: 'POST',
    url: '/api/ml-training/stop',
    config: { role: 'operator' },
    schema: {
      tags: ['training'],
      summary: 'Stop the current run',
      response: { 202: runSchema, ...REFUSALS },
    },
    async handler(request, reply) {
      const run = retrainer.cancel();
      if (run === null) throw new MinutehandError('RETRAIN_IDLE');
      request.written = { target: `run ${run.run_id}` };
      return reply.status(202).send(shownRun(run));
    },
  });
}

function statusOf(run: RetrainRun | undefined) {
  return {
    is_training: run?.status === 'running',
    status: run?.status ?? 'idle',
    progress: run?.percent ?? 0,
    message: run?.stage ?? '',
    start_time: run?.started_at ?? null,
    end_time: run?.finished_at ?? null,
    eta_seconds: run?.eta_seconds ?? null,
    error: run?.error ?? null,
    run: run === undefined ? null : shownRun(run),
  };
}
