import * as z from 'zod';
import { MinutehandError } from '../errors.ts';
import type { MinutehandSettings } from './schema.ts';
import { networkSettings } from './network_settings.ts';
import { SEARCHED_PARAMETERS, searchPolicy, trainPolicy, treesPolicy } from './schema.ts';

const MODELS = ['ai1', 'ai2', 'ai3'] as const;
const OF_TRAIN = ['folds', 'holdout_fraction', 'max_rows', 'min_bars'] as const;
const OF_SEARCH = ['max_rows', 'theta_evaluations', 'min_trades'] as const;

/** By name, such as `train.ai1.leaves`. */
const schemas: Record<string, z.ZodType<number | undefined>> = networkSettings(MODELS);
for (const model of MODELS) {
  for (const [name, schema] of Object.entries(treesPolicy.shape)) schemas[`train.${model}.${name}`] = schema;
}
for (const name of OF_TRAIN) schemas[`train.${name}`] = trainPolicy.shape[name];
for (const name of OF_SEARCH) schemas[`search.${name}`] = searchPolicy.shape[name];
for (const name of SEARCHED_PARAMETERS)
  for (const end of ['low', 'high']) schemas[`search.ranges.${name}.${end}`] = treesPolicy.shape[name];

/** Names of settings that one training may have otherwise than the configuration. */
export const TRAINING_SETTINGS: readonly string[] = Object.keys(schemas);

/** Values of such settings by name, within the limits of the configuration. */
export const trainingSettingsSchema = z
  .partialRecord(z.enum(TRAINING_SETTINGS), z.number())
  .superRefine((given, context) => {
    for (const [name, value] of Object.entries(given)) {
      const { error } = schemas[name]?.safeParse(value) ?? {};
      for (const { message } of error?.issues ?? []) context.addIssue({ code: 'custom', path: [name], message });
    }
  });
export type TrainingSettings = Readonly<z.infer<typeof trainingSettingsSchema>>;

/**
 * The configuration with these values in place of its own.
 * @throws MinutehandError CONFIG_INVALID when a value contradicts another one of the configuration
 */
export function withTrainingSettings(configured: MinutehandSettings, given: TrainingSettings): MinutehandSettings {
  const changed = structuredClone({ train: configured.train, search: configured.search });
  for (const [name, value] of Object.entries(given)) {
    const path = name.split('.');
    const key = path.pop()!;
    let section: Record<string, unknown> = changed;
    // Ranges and figures of networks may be absent.
    for (const part of path) section = (section[part] ??= {}) as Record<string, unknown>;
    section[key] = value;
  }
  const issue = searchPolicy.safeParse(changed.search).error?.issues[0];
  if (issue !== undefined)
    throw new MinutehandError('CONFIG_INVALID', { seen: `search.${issue.path.join('.')}: ${issue.message}` });
  return { ...configured, ...changed };
}
