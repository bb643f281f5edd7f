import { MARKETS } from '../../../shared/signal/signal.ts';
import * as z from 'zod';
import { MODEL_NAMES } from '../../../shared/core/features/feature.ts';
import { GROUP_NAME } from '../../../shared/pair.ts';
import { DEVICES, TRAIN_ENGINES } from '../../../shared/policy/engines.ts';
import { balancePolicy, ensemblePolicy } from '../../../shared/policy/schema.ts';
import { trainingSettingsSchema } from '../../../shared/policy/training_settings.ts';
import { TARGETS, UPDATES } from '../../learning/options/train_options.ts';
import { runTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { importedSource, jobInstant, jobWindow } from '../job_fields.ts';

/**
 * - train: all stations on all bars of the window.
 * - warm_start: a few more trees for the active models, on the bars since their full training.
 * - thresholds: another θ2 for the active models, on the bars since their training.
 */
export const TRAINING_KINDS = ['train', 'warm_start', 'thresholds'] as const;
export type TrainingKind = (typeof TRAINING_KINDS)[number];

/** What only a full training reads, in the order of the schema. */
const OF_FULL_TRAININGS = [
  'trials',
  'engine',
  'target',
  'groups',
  'settings',
  'balance',
  'device',
  'ensemble',
] as const;
export type IdleParameter = (typeof OF_FULL_TRAININGS)[number];
/** A warm start adds trees by the learner of the active models, and refuses another one. */
const OF_WARM_STARTS: readonly IdleParameter[] = ['engine', 'device'];
/** Values that are those of what continues models. */
const USUAL: Readonly<Partial<Record<IdleParameter, unknown>>> = { target: 'reversion', trials: 0 };

/** Parameters of a job that its kind does not read; none: all of them act. */
export function idleParameters({
  kind,
  parameters,
}: {
  readonly kind: TrainingKind;
  readonly parameters: Readonly<Partial<Record<IdleParameter, unknown>>>;
}): IdleParameter[] {
  if (kind === 'train') return [];
  return OF_FULL_TRAININGS.filter(
    (name) =>
      (parameters[name] ?? null) !== null &&
      parameters[name] !== USUAL[name] &&
      !(kind === 'warm_start' && OF_WARM_STARTS.includes(name)),
  );
}

/**
 * A training, as data: what the command line, the API, the schedule and the monitor all ask for, and what a training
 * process reads. Every field acts and says what null or its absence means: a key of the configuration is that of the
 * time of the run.
 */
export const pairReversionJobSchema = z
  .strictObject({
    kind: z.enum(TRAINING_KINDS),
    market: z.enum(MARKETS).describe('Market of the bars: recorded in the bundle'),
    window: jobWindow,
    seed: z.int().min(0).describe('Seed of row and column sampling, and of the search'),
    source: z.strictObject({
      folder: z.string().min(1).nullable().describe('Folder of SYMBOL.csv[.gz]; null: the bars of this installation'),
      features: z
        .string()
        .min(1)
        .nullable()
        .describe('File, `store`, `table:schema.name` or address of features and labels; null: computed of the bars'),
      mid: z.boolean().describe('Whether bid bars become mids'),
    }),
    parameters: z.strictObject({
      trials: z.int().min(0).nullable().describe('Trials of the search; null: search.trials'),
      engine: z.enum(TRAIN_ENGINES).nullable().describe('null: train.engine'),
      target: z.enum(TARGETS),
      holdout_from: jobInstant.nullable().describe('Start of the holdout; null: train.holdout_fraction'),
      groups: z
        .record(z.string().regex(GROUP_NAME), z.array(z.string()))
        .nullable()
        .describe('Groups with models of their own; {}: none; null: train.groups'),
      settings: trainingSettingsSchema
        .optional()
        .describe('Settings of this training alone, such as `train.folds`: 3; absent: none'),
      balance: balancePolicy
        .optional()
        .describe('Against imbalance of the classes, over that of train.balance; absent: train.balance'),
      update: z
        .enum(UPDATES)
        .optional()
        .describe('What a warm start changes: trees (absent): a few more; calibration: probabilities alone'),
      device: z.enum(DEVICES).optional().describe('Where models are learned; absent: train.device'),
      ensemble: ensemblePolicy
        .optional()
        .describe('What ensembles consist of, over that of the configuration; absent: that'),
      imported: z
        .partialRecord(z.enum(MODEL_NAMES), importedSource)
        .optional()
        .describe('Models of other programs in place of trained ones; absent: none'),
    }),
    output: z.strictObject({
      folder: z.string().min(1).nullable().describe('Folder of bundles; null: that of this installation'),
      hash_name: z.boolean().describe('Whether the name of the bundle ends in a hash of its configuration'),
      settings_name: z
        .boolean()
        .optional()
        .describe('Whether the name of the bundle ends in engine and horizon of the label; absent: no'),
      is_dry_run: z.boolean().describe('Whether data, settings and resources are only checked: nothing is learned'),
    }),
    adopt: z.boolean().describe('Whether a bundle that passes all gates becomes active'),
    resources: z.strictObject({
      workers: z.int().min(0).describe('Threads to learn on; they affect speed only'),
      cache: z.boolean().describe('Whether features, labels and finished trials are reused'),
    }),
    trigger: runTriggerSchema,
  })
  .refine(({ output, adopt }) => !(output.is_dry_run && adopt), { error: 'a dry run adopts nothing', path: ['adopt'] })
  .refine(({ kind, source }) => kind !== 'thresholds' || source.features === null, {
    error: 'a search of θ2 learns from no table: it asks the active models about the bars, as the daemon does',
    path: ['source', 'features'],
  })
  .refine(({ kind, parameters }) => kind === 'warm_start' || parameters.update === undefined, {
    error: 'only a warm start is an update',
    path: ['parameters', 'update'],
  })
  .refine((job) => idleParameters(job).length === 0, {
    error:
      'what continues the active models has no search, target, groups, settings, balance or ensemble of its own, and a search of θ2 no engine and device either',
    path: ['parameters'],
  })
  .refine(({ kind, parameters }) => kind === 'train' || parameters.imported === undefined, {
    error: 'only a full training takes models of other programs',
    path: ['parameters', 'imported'],
  })
  .refine(({ parameters: { imported, groups } }) => imported === undefined || Object.keys(groups ?? {}).length === 0, {
    error: 'a model of another program serves all pairs',
    path: ['parameters', 'groups'],
  })
  // No id: the registry of ids is that of the API's document.
  .describe('A training: full, warm start, or of θ2 alone');

export type TrainingJob = z.infer<typeof pairReversionJobSchema>;
