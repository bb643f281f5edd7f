import * as z from 'zod';

const scalar = z.union([z.string(), z.number(), z.boolean()]);

/** Deviations that the monitor looks for. */
export const FINDING_CODES = [
  'drift psi',
  'drift mean shift',
  'auc',
  'win rate',
  'direction bias',
  'direction drift psi',
  'direction drift mean shift',
  'direction win rate',
  'direction age',
  'pass rate',
  'risk streak',
  'model age',
  'fill win rate',
  'fill result',
  'fill costs',
] as const;
export type FindingCode = (typeof FINDING_CODES)[number];

/** A significant violation of a limit, as data. */
export const findingSchema = z.strictObject({
  trigger: z.enum(FINDING_CODES),
  /**
   * A feature, a group, a kind of account, a symbol and a kind of account, or empty; of a direction model its
   * timeframe, and a feature or limit after it.
   */
  subject: z.string(),
  figure: z.number(),
  limit: z.number(),
  /** The pair that moved most; null where it is of all together. */
  pair: z.string().nullable(),
  /** Further figures, for the text. */
  evidence: z.record(z.string(), scalar),
});
export type Finding = Readonly<z.infer<typeof findingSchema>>;

/**
 * Schedules of trainings: `retrain_cron`, `retrain_weekly_cron`, `retrain_incremental_cron`, `retrain_direction_cron`,
 * `rule_search_cron`.
 */
export const SCHEDULES = ['full', 'weekly', 'incremental', 'direction', 'rules'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** What asked for a run: a code, and what belongs to it. */
export const runTriggerSchema = z.discriminatedUnion('code', [
  z.strictObject({ code: z.literal('command'), values: z.strictObject({ command: z.string() }) }),
  z.strictObject({
    code: z.literal('request'),
    values: z.strictObject({
      /** `/retrain`, or the API with options. */
      door: z.enum(['retrain', 'api']),
      options: z.record(z.string(), scalar),
      /** Settings of this run alone. */
      settings: z.record(z.string(), scalar),
    }),
  }),
  z.strictObject({ code: z.literal('first_models'), values: z.strictObject({}) }),
  z.strictObject({ code: z.literal('schedule'), values: z.strictObject({ schedule: z.enum(SCHEDULES) }) }),
  z.strictObject({
    code: z.literal('monitor'),
    values: z.strictObject({
      /** The ones furthest past their limits. */
      findings: z.array(findingSchema),
      /** Findings beside them. */
      more: z.int().min(0),
    }),
  }),
  /** Of a later version, or of another program. */
  z.strictObject({ code: z.literal('other'), values: z.strictObject({ text: z.string() }) }),
]);
/** What a person or another program may name as the cause of a job: schedules and the monitor are the trainer's. */
export const requestedTriggerSchema = z.discriminatedUnion('code', [
  z.strictObject({ code: z.literal('command'), values: z.strictObject({ command: z.string().max(200) }) }),
  z.strictObject({
    code: z.literal('request'),
    values: z.strictObject({
      door: z.enum(['retrain', 'api']),
      options: z.record(z.string().max(80), z.union([z.string().max(200), z.number(), z.boolean()])),
      settings: z.record(z.string().max(80), z.union([z.string().max(200), z.number(), z.boolean()])),
    }),
  }),
]);

export type RunTrigger = Readonly<z.infer<typeof runTriggerSchema>>;
export type TriggerCode = RunTrigger['code'];
export type TriggerOf<Code extends TriggerCode> = Extract<RunTrigger, { readonly code: Code }>;

/**
 * The trigger of a stored run; a code that this version does not know is shown as it is.
 * @param values JSON
 */
export function storedTrigger(code: string, values: string): RunTrigger {
  const parsed = runTriggerSchema.safeParse({ code, values: JSON.parse(values) });
  return parsed.success ? parsed.data : { code: 'other', values: { text: code } };
}
