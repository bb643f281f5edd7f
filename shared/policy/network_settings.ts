import type * as z from 'zod';
import { networkFigures, trainedNetworks, type TrainedNetworks } from './schema.ts';

const PREFIX = 'train.networks.';

/**
 * Limits of the figures of networks by the names that they have as settings of one training, such as
 * `train.networks.epochs`.
 * @param models that may have figures of their own, such as `train.networks.ai1.epochs`
 */
export function networkSettings(models: readonly string[] = []): Record<string, z.ZodType<number | undefined>> {
  const common = Object.entries(trainedNetworks.shape).map(([name, schema]) => [PREFIX + name, schema] as const);
  const own = models.flatMap((model) =>
    Object.entries(networkFigures.shape).map(([name, schema]) => [`${PREFIX}${model}.${name}`, schema] as const),
  );
  return Object.fromEntries<z.ZodType<number | undefined>>([...common, ...own]);
}

/** The figures of all networks among settings of one training. */
export function networksIn(settings: Readonly<Record<string, number | undefined>>): TrainedNetworks {
  const names = Object.keys(trainedNetworks.shape);
  return Object.fromEntries(
    names.flatMap((name) => (settings[PREFIX + name] === undefined ? [] : [[name, settings[PREFIX + name]]])),
  ) as TrainedNetworks;
}

/** A figure of a network by its last name, such as `epochs`; null: another setting. */
export function networkFigureOf(setting: string): string | null {
  return setting.startsWith(PREFIX) ? setting.split('.').at(-1)! : null;
}

/** Settings by name, of figures as a configuration has them: `{ epochs: 3, ai1: { dropout: 0.1 } }`. */
export function networkSettingsOf(networks: object): Record<string, number> {
  const settings: Record<string, number> = {};
  for (const [name, value] of Object.entries(networks) as [string, number | object | undefined][])
    if (typeof value === 'number') settings[PREFIX + name] = value;
    else
      for (const [figure, own] of Object.entries(value ?? {}) as [string, number | undefined][])
        if (own !== undefined) settings[`${PREFIX}${name}.${figure}`] = own;
  return settings;
}
