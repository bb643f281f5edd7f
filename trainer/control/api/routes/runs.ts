import type { RetrainRun } from '../../schedule/run.ts';
import type { Api, ApiContext } from '../context.ts';
import { REFUSALS } from '../../schema/refusal.ts';
import { runsSchema } from '../../schema/runs.ts';

/** `GET /api/runs`. */
export function addRunRoutes(api: Api, { retrainer }: ApiContext): void {
  api.route({
    method: 'GET',
    url: '/api/runs',
    config: { role: 'viewer' },
    schema: { tags: ['training'], summary: 'Training runs', response: { 200: runsSchema, ...REFUSALS } },
    handler: async () => ({ runs: retrainer.runs().map(shownRun) }),
  });
}

export function shownRun(run: RetrainRun) {
  return {
    ...run,
    stages: run.stages.map((stage) => ({ ...stage })),
    gate: run.gate === null ? null : [...run.gate],
    reasons: [...run.reasons],
    causes: [...run.causes],
  };
}
