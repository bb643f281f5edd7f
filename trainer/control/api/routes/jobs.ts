import * as z from 'zod';
import { MinutehandError } from '../../../../shared/errors.ts';
import { maskSecretsIn } from '../../../../shared/secrets.ts';
import { refuseForeignBars } from '../../../jobs/other_market.ts';
import { requestedJobSchema } from '../../../jobs/kinds/registry.ts';
import type { RecordedJob } from '../../../jobs/records/job_records.ts';
import { jobResultSchema } from '../../schema/leagues.ts';
import { jobRoutes, recordedJobSchema } from '../../schema/jobs.ts';
import { usualLeagues } from '../usual_leagues.ts';
import type { Api, ApiContext } from '../context.ts';

/** Routes below `/api/jobs`. */
export function addJobRoutes(api: Api, { jobs, settings }: ApiContext): void {
  api.route({
    ...jobRoutes['GET /api/jobs'],
    async handler({ query: { limit, status, kind, origin } }) {
      const records = await jobs.records();
      const found = await records.list({
        limit,
        statuses: status === undefined ? undefined : [status],
        kinds: kind === undefined ? undefined : [kind],
        origin,
      });
      return { jobs: found.map(shown), waiting: [...(await jobs.queuedWork())] };
    },
  });

  api.route({
    ...jobRoutes['POST /api/jobs'],
    async handler(request, reply) {
      const { job: document, priority } = request.body;
      request.written = { target: 'job', after: document };
      const job = jobOf(document);
      refuseForeignBars({ market: job.market, source: { folder: null } }, settings);
      const added = await jobs.request(job, request.identity!.name, priority);
      request.written = { target: `job ${added.job_id}`, after: document };
      return reply.status(202).send(shown(added));
    },
  });

  api.route({
    ...jobRoutes['GET /api/jobs/{job_id}'],
    handler: async ({ params: { job_id } }) => shown(await (await jobs.records()).find(job_id)),
  });

  api.route({
    ...jobRoutes['GET /api/jobs/{job_id}/events'],
    async handler({ params: { job_id }, query: { after, limit } }) {
      const records = await jobs.records();
      await records.find(job_id);
      return { events: await records.events(job_id, after, limit) };
    },
  });

  api.route({
    ...jobRoutes['GET /api/jobs/{job_id}/result'],
    async handler({ params: { job_id } }) {
      const records = await jobs.records();
      return resultOf(await records.find(job_id), await records.resultOf(job_id));
    },
  });

  api.route({
    ...jobRoutes['GET /api/leagues'],
    handler: () => ({ leagues: usualLeagues(settings) }),
  });

  api.route({
    ...jobRoutes['POST /api/jobs/{job_id}/cancel'],
    async handler(request, reply) {
      const { job_id } = request.params;
      request.written = { target: `job ${job_id}` };
      return reply.status(202).send(shown(await jobs.cancel(job_id, request.identity!.name)));
    },
  });
}

/** @throws MinutehandError JOB_INVALID */
function jobOf(document: unknown): z.infer<typeof requestedJobSchema> {
  const parsed = requestedJobSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
  throw new MinutehandError('JOB_INVALID', {
    seen: `${path.length === 0 ? 'job' : `job.${path.join('.')}`}: ${message}`,
  });
}

/** @throws MinutehandError JOB_NO_RESULT */
function resultOf({ job_id, kind, status }: RecordedJob, text: string | null): z.infer<typeof jobResultSchema> {
  if (text === null) throw new MinutehandError('JOB_NO_RESULT', { seen: `job ${job_id}, ${kind}, is ${status}` });
  const parsed = jobResultSchema.safeParse({ kind, result: maskSecretsIn(JSON.parse(text)) });
  if (parsed.success) return parsed.data;
  throw new MinutehandError('JOB_NO_RESULT', {
    seen: `job ${job_id}, ${kind}: its result is that of another version of minutehand`,
  });
}

function shown(job: RecordedJob): z.infer<typeof recordedJobSchema> {
  return { ...job, document: maskSecretsIn(job.document), stages: job.stages.map((stage) => ({ ...stage })) };
}
