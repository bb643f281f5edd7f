import * as z from 'zod';
import { trainingWarningSchema } from '../../../shared/bundle/training_warning.ts';
import { skillSchema } from '../../../shared/bundle/manifest.ts';
import { SCORING_ENGINES } from '../../../shared/bundle/scoring_engine.ts';
import { SCENARIOS } from '../splits/scenarios.ts';
import { SPREAD_MEASURES } from './calls.ts';
import type { GeneratedScenarios } from './generated_scenarios.ts';
import type { HoldoutNet } from './holdout_net.ts';
import type { LeagueReport } from './league.ts';
import type { ServingCost } from './serving_cost.ts';

const number = z.number();
const maybe = z.number().nullable();
const count = z.int().nonnegative();
const names = z.array(z.string());

/** A figure over rows that depend on each other within a day. */
export const figureSchema = z.object({
  value: maybe,
  standard_error: maybe.describe('By days; null within a single day'),
});

export const holdoutNetSchema = z.object({
  threshold: number.describe('Of an entry: a quantile of the probabilities of the folds'),
  trades: count,
  net_bps: figureSchema.describe('A trade, after costs and swaps, at full size'),
  gross_bps: maybe,
  edges: names.describe('Pairs that show an edge; each entrant is a later evaluation of the holdout'),
}) satisfies z.ZodType<HoldoutNet>;

export const servingCostSchema = z.object({
  engine: z.enum(SCORING_ENGINES),
  bytes: count.describe('Of the ONNX file'),
  latency_us: z.object({ p50: number, p99: number }).describe('Of ten subjects in the daemon'),
}) satisfies z.ZodType<ServingCost>;

export const generatedScenariosSchema = z
  .partialRecord(
    z.enum(SCENARIOS),
    z.object({ rows: count, log_loss: number, auc: maybe, answer_mean: number, label_mean: number }),
  )
  .describe(
    "Answers in markets made of the pairs' own bars; their labels are no evidence for an edge",
  ) satisfies z.ZodType<GeneratedScenarios>;

const callsSchema = z.object({
  threshold: number,
  confusion: z.object({
    true_positive: number,
    false_positive: number,
    false_negative: number,
    true_negative: number,
  }),
  accuracy: maybe,
  precision: maybe,
  recall: maybe,
  f1: maybe,
  balanced_accuracy: maybe,
  macro_precision: maybe,
  macro_f1: maybe,
  matthews: maybe,
});

const measuredSchema = z.object({
  rows: count,
  days: count,
  log_loss: figureSchema,
  brier: figureSchema,
  auc: figureSchema,
  ece: figureSchema,
  calls: callsSchema,
});

const spreadSchema = z.partialRecord(
  z.enum(SPREAD_MEASURES),
  z.object({ folds: count, mean: number, var: maybe, min: number, max: number, cv: maybe }),
);

const kindSchema = z.enum(['baseline', 'single', 'groups', 'ensemble']);

const entrantSchema = z.object({
  name: z.string(),
  kind: kindSchema,
  complexity: number.describe('A smaller number is simpler'),
  columns: count,
  folds: measuredSchema,
  walk_forward: measuredSchema,
  holdout: measuredSchema,
  spread: z.object({ folds: spreadSchema, walk_forward: spreadSchema }),
  skill: skillSchema.nullable().describe('AUC of the holdout beyond that of markets whose direction is a coin'),
  behind_best: figureSchema.describe('Log loss of the folds above that of the best one, paired row by row'),
  is_within_error: z.boolean(),
  log_loss_of_seeds: z.array(number),
  scenarios: z.partialRecord(z.enum(SCENARIOS), z.object({ rows: count, log_loss: figureSchema, auc: maybe })),
  // Results of earlier versions have none.
  generated: generatedScenariosSchema.default({}),
  net: holdoutNetSchema,
  serving: servingCostSchema,
  seconds: number.describe('Of the fits with the first seed'),
  memory_mb: number,
});

const shares = z.array(
  z.object({ split: z.string(), train_rows: count, train_share: maybe, test_rows: count, test_share: maybe }),
);

/** An entrant without a result. */
export const failedEntrantSchema = z.object({
  name: z.string(),
  code: z.string().describe('Of docs/reference/ERRORS.md'),
  message: z.string(),
  next: z.string().describe('What to do'),
});

/** Of a league of any strategy. */
export const placeboEarnersSchema = z
  .array(z.object({ entrant: z.string(), subjects: names.describe('Pairs or instruments of the edge') }))
  .describe('Entrants with an edge on a market of coins, where nobody can earn: do not trust such a league');

const reportSchema = z.object({
  dataset_id: z.string(),
  seed: number,
  folds: count,
  market: z.enum(['recorded', 'coins']).describe('coins: the direction of every bar was drawn'),
  class_shares: z.object({ folds: shares, walk_forward: shares, holdout: shares }),
  increments: z.array(
    z.object({
      step: z.enum(['baseline', 'advanced_features', 'ensemble']),
      entrant: z.string(),
      log_loss: number,
      gain: figureSchema.nullable().describe('Over the step before'),
    }),
  ),
  entrants: z.array(entrantSchema).describe('The lowest log loss of the folds first'),
  failed: z.array(failedEntrantSchema).describe('Entrants without a result'),
  taken_over: names.describe('Entrants whose measures are those of an unfinished league like this one'),
  earners_on_placebo: placeboEarnersSchema,
  warnings: z.array(trainingWarningSchema).describe('Of the training rows, as a training on them has'),
  best: z.string(),
  simplest_within_error: z.string(),
}) satisfies z.ZodType<LeagueReport>;

/** The document of `minutehand league --json`. */
export const leagueResultSchema = reportSchema.extend({
  holdout_looks: count.describe('Evaluations of the holdout so far, these included; 0 on a market of coins'),
  trials: count.describe('Configurations that were tried on the bars before it'),
});
