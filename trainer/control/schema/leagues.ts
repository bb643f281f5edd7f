import * as z from 'zod';
import { trainingWarningSchema } from '../../../shared/bundle/training_warning.ts';
import { TIMEFRAME_NAMES } from '../../../shared/pair.ts';
import { REQUESTED_KINDS } from '../../jobs/kinds/registry.ts';
import {
  failedEntrantSchema,
  figureSchema,
  leagueResultSchema,
  placeboEarnersSchema,
  servingCostSchema,
} from '../../learning/league/league_schema.ts';
import { SCENARIOS } from '../../learning/splits/scenarios.ts';

const number = z.number();
const maybe = z.number().nullable();
const count = z.int().nonnegative();
const ofClasses = z.array(number).describe('Up, down, range');

const differenceSchema = z.object({ mean: number, lower_5: maybe, upper_95: maybe });

/** Behind the description of what earlier versions did not state. */
const EARLIER = 'absent in earlier results';

/** Where an entrant, or base rates, stand. */
const standing = {
  behind_best: figureSchema
    .optional()
    .describe(`Log loss above that of the best entrant, paired row by row, its error by days; ${EARLIER}`),
  is_within_error: z.boolean().optional().describe(`Whether that is within one standard error; ${EARLIER}`),
};

/** The document of `minutehand league --strategy direction --json`. */
const directionLeagueSchema = z.object({
  strategy: z.literal('direction'),
  timeframe: z.enum(TIMEFRAME_NAMES),
  symbols: z.array(z.string()),
  market: z.enum(['recorded', 'coins']).describe('coins: the direction of every bar was drawn'),
  reference: z.string().describe('The entrant that the others are compared with'),
  entrants: z.array(
    z.object({
      name: z.string(),
      metrics: z.object({
        rows: count,
        log_loss: number,
        brier: number,
        auc: z.array(maybe).describe('Of each class against the rest: up, down, range'),
        auc_errors: z.array(maybe),
        up_or_down_auc: maybe.describe('Of up against down, on the rows that left the range'),
        up_or_down_error: maybe,
        class_wise_ece: number,
        ece: ofClasses,
        mean_probability: ofClasses,
        base_rate: ofClasses,
        f1: number,
        f1_by_class: ofClasses,
        f1_chance: number,
        f1_gain_lower: maybe,
        balanced_accuracy: maybe.optional(),
        over_blocks: z.record(z.string(), z.unknown()).describe('Mean and error of measures over the blocks'),
      }),
      complexity: number.optional().describe(`A smaller number is simpler; ${EARLIER}`),
      ...standing,
      against_reference: differenceSchema.nullable().describe('Log loss minus that of the reference'),
      net: z.object({
        trades: count,
        longs: count,
        long_net_bps: maybe,
        short_net_bps: maybe,
        win_rate: maybe,
        gross_bps: maybe,
        net_bps: maybe,
        lower_5_net_bps: maybe,
        upper_95_net_bps: maybe,
        cost_bps: number,
        funding_bps: maybe,
        p_value: maybe,
        no_edge: z.boolean(),
      }),
      log_loss_of_seeds: z.array(number),
      scenarios: z
        .partialRecord(z.enum(SCENARIOS), z.object({ rows: count, log_loss: figureSchema, up_or_down_auc: maybe }))
        .optional()
        .describe(`Evaluated rows, by what the market had done up to them; ${EARLIER}`),
      generated: z
        .partialRecord(
          z.enum(SCENARIOS),
          z.object({
            rows: count,
            log_loss: number,
            up_or_down_auc: maybe,
            mean_probability: ofClasses,
            base_rate: ofClasses,
          }),
        )
        .optional()
        .describe(
          `Answers of the model of the last block in markets made of the instruments’ own moves, whose labels are no evidence for an edge; ${EARLIER}`,
        ),
      serving: servingCostSchema.optional().describe(`Of the model of the last block; ${EARLIER}`),
      seconds: number.describe('Of the fits with the first seed'),
      memory_mb: number,
    }),
  ),
  failed: z.array(failedEntrantSchema).describe('Entrants without a result'),
  taken_over: z
    .array(z.string())
    .optional()
    .describe(`Entrants whose measures are those of an unfinished league like this one; ${EARLIER}`),
  priors: z
    .array(z.object({ name: z.string(), log_loss: number, difference: differenceSchema, ...standing }))
    .describe('Base rates; difference: log loss of the reference minus theirs'),
  best: z.string().optional().describe(`The entrant with the lowest log loss; ${EARLIER}`),
  simplest_within_error: z
    .string()
    .optional()
    .describe(`The simplest entrant within one standard error of the best; ${EARLIER}`),
  earners_on_placebo: placeboEarnersSchema,
  warnings: z.array(trainingWarningSchema).describe('Of the rows that the reference learned from'),
  better: z.array(z.string()).describe('Entrants with a lower log loss than the reference, each at 5 %'),
  look: count
    .nullable()
    .describe('Number of this evaluation of the holdout, the evaluated blocks; null on a market of coins'),
});

/** Kinds that a request can queue, whose answers have no schema here. */
const OTHER_KINDS = REQUESTED_KINDS.filter((kind) => kind !== 'league' && kind !== 'direction_league');

export const jobResultSchema = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('league'),
      result: leagueResultSchema.meta({ id: 'LeagueResult', description: 'What `minutehand league --json` prints' }),
    }),
    z.object({
      kind: z.literal('direction_league'),
      result: directionLeagueSchema.meta({
        id: 'DirectionLeagueResult',
        description: 'What `minutehand league --strategy direction --json` prints',
      }),
    }),
    z.object({ kind: z.enum(OTHER_KINDS), result: z.record(z.string(), z.unknown()) }),
  ])
  .describe('What the job has answered: the document of `--json`');

export const leaguesSchema = z.object({
  leagues: z.array(
    z.object({
      kind: z.enum(['league', 'direction_league']),
      entrants: z.array(z.string()).describe('All that there are, whether or not this machine can run them'),
      job: z.record(z.string(), z.unknown()).describe('A document for `POST /api/jobs`, with the usual entrants'),
    }),
  ),
});
