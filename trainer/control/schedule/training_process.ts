import * as z from 'zod';
import { recordedGateSchema } from '../../../shared/bundle/gates/gate_schema.ts';
import type { Job } from '../../jobs/kinds/registry.ts';
import { startCommand } from './command_process.ts';
import type { ProgressLine } from '../../jobs/progress/progress_line.ts';
import { originEnv } from '../../jobs/records/job_origin.ts';
import { runResourcesSchema, type RunResources } from '../../jobs/resources/run_resources.ts';

/** Arguments after the program and its first arguments; the job is on standard input. */
const ARGUMENTS = ['job', 'run', '-', '--json'];
const answerSchema = z.object({
  /** null when a warm start has found nothing new. */
  version: z.string().nullable(),
  adopted: z.boolean(),
  /** Id of the rollout that it started instead of its activation. */
  rollout: z.string().nullable().default(null),
  gates: z.array(recordedGateSchema),
  resources: runResourcesSchema.optional(),
});
const confirmationSchema = z
  .object({
    days: z.number(),
    auc_before: z.number().nullable(),
    auc_after: z.number().nullable(),
    gain: z.number(),
    standard_error: z.number(),
  })
  .nullable();
/** Of a search of formulas: only what is read here. */
const foundSchema = z.object({
  rows: z.object({ screened: z.number(), confirmed: z.number() }),
  tested: z.record(z.string(), z.number()),
  untested: z.number(),
  reused: z.number(),
  judged: z.array(
    z.object({
      candidate: z.object({ name: z.string(), text: z.string() }),
      score: z.object({ p: z.number() }),
      refusal: z.string().nullable(),
    }),
  ),
  confirmation: confirmationSchema,
  columns: z.array(z.object({ feature: z.string(), mean: z.number(), std: z.number(), is_idle: z.boolean() })),
  without_idle: confirmationSchema,
  entries: z.string(),
  resources: runResourcesSchema.optional(),
});
/** Of a search or a judgement of rules. */
const judgedRuleSchema = z.looseObject({
  subject: z.string(),
  trials: z.number(),
  accepted: z.boolean(),
  checks: z.array(
    z.object({
      code: z.string(),
      passed: z.boolean(),
      value: z.number().nullable(),
      relation: z.string(),
      limit: z.number(),
    }),
  ),
  candidate: z.object({ version: z.string() }).nullable(),
});
const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

export type TrainingAnswer = z.infer<typeof answerSchema>;
export type FoundFormulas = z.infer<typeof foundSchema>;
/** All figures of a search or a judgement of rules; only those of the schema are read here. */
export interface RuleAnswer {
  readonly judgement: z.infer<typeof judgedRuleSchema>;
  readonly resources?: RunResources | undefined;
}
export type TrainingResult =
  | TrainingAnswer
  | FoundFormulas
  | RuleAnswer
  | { readonly error: string; readonly resources?: RunResources };

export interface TrainingProcess {
  readonly pid: number | null;
  /** Never rejects. */
  readonly result: Promise<TrainingResult>;
  /** Terminates it, and kills it when it does not end. */
  stop(): void;
}

export interface TrainingOptions {
  /** Program and first arguments of the command line. */
  readonly command: readonly string[];
  readonly job: Job;
  /** What the trainer calls it, such as `run:12`; default: nothing. */
  readonly origin?: string;
  /** Whether it runs at low priority. */
  readonly yields: boolean;
  onProgress(line: ProgressLine): void;
}

/** Runs a training job in a process of its own. */
export function startTraining({ command, job, origin, yields, onProgress }: TrainingOptions): TrainingProcess {
  const { pid, ended, stop } = startCommand({
    command: [...command, ...ARGUMENTS],
    input: JSON.stringify(job),
    ...(origin !== undefined && { env: originEnv({ origin, requested_by: 'trainer' }) }),
    yields,
    onProgress,
  });
  const result = ended.then(
    ({ code, answer, lastLine }) => readAnswer(answer) ?? { error: endWithoutAnswer(code, lastLine) },
  );
  return { pid, result, stop };
}

/** Words in the command line of every training process of `command`. */
export function trainingWords(command: readonly string[]): string[] {
  return [...command.slice(1), ...ARGUMENTS];
}

function readAnswer(text: string): TrainingResult | null {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const refused = errorSchema.safeParse(json);
  if (refused.success) return { error: `${refused.data.error.code}: ${refused.data.error.message}` };
  const answer = answerSchema.safeParse(json);
  if (answer.success) return answer.data;
  const found = foundSchema.safeParse(json);
  if (found.success) return found.data;
  const judged = judgedRuleSchema.safeParse(json);
  if (!judged.success) return null;
  const { resources, ...judgement } = judged.data;
  return { judgement, resources: runResourcesSchema.optional().parse(resources) };
}

function endWithoutAnswer(code: number | null, lastLine: string): string {
  const end = `the training process ended with ${code ?? 'a signal'}`;
  return lastLine === '' ? end : `${end}: ${lastLine}`;
}
