import * as z from 'zod';
import { JOB_STATUSES } from '../../store/schema/jobs.ts';

const count = z.number();

/** What a queued job waits for: a code with values; its text is made where it is read. */
export const jobWaitSchema = z.discriminatedUnion('code', [
  z.object({ code: z.literal('order').describe('Another job begins first'), job_id: z.int() }),
  z.object({
    code: z.literal('cores').describe('Other jobs take the cores'),
    needed: count,
    free: count,
    jobs: z.array(z.int()).describe('Those that run'),
  }),
  z.object({ code: z.literal('memory').describe('Too little memory is free'), needed_mb: count, free_mb: count }),
]);
export type JobWait = z.infer<typeof jobWaitSchema>;

/** What happens to a job. */
export const jobEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('state'),
    status: z.enum(JOB_STATUSES),
    by: z.string().nullable().describe('Who asked for it; null: nobody'),
    error: z.string().nullable(),
  }),
  z.object({ type: z.literal('waits'), waits_for: jobWaitSchema }),
  z.object({
    type: z.literal('progress'),
    stage: z.string(),
    done: count.describe('Of `total`, in units of the stage: bars, trees, trials …'),
    total: count,
  }),
  z.object({ type: z.literal('message'), text: z.string() }),
  z.object({
    type: z.literal('artifact'),
    what: z.enum(['bundle', 'file', 'import']),
    name: z.string().describe('Version of a bundle, path of a file, number of an import'),
  }),
]);
export type JobEvent = z.infer<typeof jobEventSchema>;

/**
 * Artifacts that the result of a command names: `version` of a bundle, `file` or `files`, `import_number`.
 * @param result the document of `--json`
 */
export function artifactsOf(result: unknown): JobEvent[] {
  if (typeof result !== 'object' || result === null) return [];
  const { version, file, files, import_number } = result as Readonly<Record<string, unknown>>;
  const paths = [file, ...(typeof files === 'object' && files !== null ? Object.values(files) : [])];
  const made: JobEvent[] = [];
  if (typeof version === 'string') made.push({ type: 'artifact', what: 'bundle', name: version });
  for (const path of paths) if (typeof path === 'string') made.push({ type: 'artifact', what: 'file', name: path });
  if (typeof import_number === 'number') made.push({ type: 'artifact', what: 'import', name: String(import_number) });
  return made;
}
