import * as z from 'zod';
import { TIMEFRAME_NAMES } from '../../../shared/pair.ts';
import { DIRECTION_BALANCES } from '../../../shared/policy/balances.ts';
import { TRAIN_ENGINES } from '../../../shared/policy/engines.ts';
import { featurePlace } from '../../../shared/policy/feature_place.ts';
import { balancePolicy, ensemblePolicy } from '../../../shared/policy/schema.ts';
import { trainingSettingsSchema } from '../../../shared/policy/training_settings.ts';
import { directionSettingsSchema } from '../../learning/strategies/direction/direction_settings.ts';
import { formulaSearchSchema } from './automl_job.ts';
import { evolveJobSchema } from './evolve_job.ts';
import { judgeJobSchema } from './judge_job.ts';

/** What a request may choose for its run; the rest is that of the configuration. */
export const runParametersSchema = z.strictObject({
  seed: z.int().min(0).optional(),
  trials: z.int().min(0).optional(),
  engine: z.enum(TRAIN_ENGINES).optional(),
  /** Against imbalance of the classes, over that of the configuration. */
  balance: balancePolicy.optional(),
  /** What an ensemble consists of, over that of the configuration. */
  ensemble: ensemblePolicy.optional(),
  /** Where features and labels come from, in place of `retrain_features`. */
  features: featurePlace.optional(),
  /** Settings of this training alone. */
  settings: trainingSettingsSchema.optional(),
  /** First bar and end of the bars, as 2019-03-01T12:00:00Z. */
  from: z.iso.datetime().optional(),
  to: z.iso.datetime().optional(),
  /** Of a direction model, which needs the first two: instruments, their timeframe, bars until the labeled close. */
  symbols: z.array(z.string().min(1)).min(1).optional(),
  timeframe: z.enum(TIMEFRAME_NAMES).optional(),
  horizon: z.int().min(1).optional(),
  /** Of a direction model: return from which a bar is labeled up or down, a share. */
  threshold: z.number().gt(0).max(1).optional(),
  /** Of a direction model: what it is learned with, over that of the configuration. */
  direction_engine: z.enum(TRAIN_ENGINES).optional(),
  /** Of a direction model: balance of its classes, and settings of this training alone. */
  direction_balance: z.enum(DIRECTION_BALANCES).optional(),
  direction_settings: directionSettingsSchema.optional(),
  /** Of a search of formulas, which needs the first: what it does, and its threads. */
  formulas: formulaSearchSchema.optional(),
  workers: z.int().min(1).optional(),
  /** Of a search or a judgement of rules, which need it: the job, but for what asked for it. */
  rule_job: z
    .discriminatedUnion('kind', [evolveJobSchema.omit({ trigger: true }), judgeJobSchema.omit({ trigger: true })])
    .optional(),
});
export type RunParameters = Readonly<z.infer<typeof runParametersSchema>>;
