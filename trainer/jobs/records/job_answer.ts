import * as z from 'zod';
import { recordedGateSchema } from '../../../shared/bundle/gates/gate_schema.ts';
import { runResourcesSchema, type RunResources } from '../resources/run_resources.ts';

/** What `job run --json` prints of a training, whatever its strategy, and the trainer reads. */
const answerSchema = z.object({
  /** null when a warm start has found nothing new. */
  version: z.string().nullable(),
  adopted: z.boolean(),
  /** Id of the rollout that it started instead of its activation. */
  rollout: z.string().nullable().default(null),
  /** Verdicts of its gates; none where nothing judges it. */
  gates: z.array(recordedGateSchema).readonly(),
  /** Whether its models will trade, and why; absent: nothing was judged. */
  verdict: z.object({ will_trade: z.boolean(), text: z.string() }).optional(),
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

export type TrainingAnswer = z.input<typeof answerSchema>;
/** With the fields of a strategy, which people read. */
export type PrintedTraining = TrainingAnswer & Readonly<Record<string, unknown>>;
/** The same as read. */
export type TrainingOutcome = z.infer<typeof answerSchema>;
export type FoundFormulas = z.infer<typeof foundSchema>;
/** All figures of a search or a judgement of rules; only those of the schema are read here. */
export interface RuleAnswer {
  readonly judgement: z.infer<typeof judgedRuleSchema>;
  readonly resources?: RunResources | undefined;
}
/** What came of a run, as the trainer reads it. */
export type TrainingResult =
  | TrainingOutcome
  | FoundFormulas
  | RuleAnswer
  | { readonly error: string; readonly resources?: RunResources };

/** @param text that `job run --json` has printed; null: it is none of these answers */
export function readAnswer(text: string): TrainingResult | null {
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
