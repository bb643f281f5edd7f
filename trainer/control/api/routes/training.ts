import { MinutehandError } from '../../../../shared/errors.ts';
import { originOfRun } from '../../../jobs/records/job_origin.ts';
import { requestTrigger, type RetrainRun } from '../../schedule/run.ts';
import type { Api, ApiContext } from '../context.ts';
import { expectedTime, type BarSpan } from '../../schedule/expected_time.ts';
import { barsOfRequest } from '../bars_of_request.ts';
import { refuseUnreadFormulas } from '../formula_symbols.ts';
import { requestedTraining } from '../training_request.ts';
import { endRun, shownRun } from './runs.ts';
import { trainingRoutes, mlTrainingConfig, type TrainedBars } from '../../schema/training.ts';

/** `POST /api/ml-training/train`, `GET /api/ml-training/training/status`, `POST /api/ml-training/stop`. */
export function addTrainingRoutes(api: Api, context: ApiContext): void {
  const { retrainer, settings } = context;
  for (const name of ['POST /api/ml-training/train', 'POST /api/ml/train'] as const)
    api.route({
      ...trainingRoutes[name],
      async handler(request, reply) {
        const config = request.body ?? mlTrainingConfig.parse({});
        request.written = { target: config.kind, after: config };
        const { kind, parameters, learner } = requestedTraining(request.body ?? null, settings);
        const bars = await barsOfRequest(parameters, context);
        if (parameters.symbols === undefined) await refuseUnreadFormulas({ kind, parameters }, context);
        const run = await retrainer.request({ trigger: requestTrigger('api', parameters), kind, parameters });
        if (run === null) throw new MinutehandError('RETRAIN_RUNNING');
        request.written = { target: `run ${run.run_id}`, after: config };
        const expected = expectedTime(run, retrainer.runs(), spanOf(bars), settings);
        return reply.status(202).send({ ...shownRun(run), bars, learner, expected, origin: originOfRun(run.run_id) });
      },
    });

  api.route({
    ...trainingRoutes['GET /api/ml-training/training/status'],
    handler: async () => statusOf(retrainer.runs()[0]),
  });

  api.route({
    ...trainingRoutes['POST /api/ml-training/stop'],
    async handler(request, reply) {
      const run = await endRun(retrainer, request.query.run ?? null, request.identity!.name);
      request.written = { target: `run ${run.run_id}` };
      return reply.status(202).send(shownRun(run));
    },
  });
}

function spanOf(bars: readonly TrainedBars[]): BarSpan | null {
  if (bars.length === 0) return null;
  const times = (of: 'first' | 'last'): number[] => bars.map((own) => Date.parse(own[of]));
  return { firstMs: Math.min(...times('first')), lastMs: Math.max(...times('last')) };
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
