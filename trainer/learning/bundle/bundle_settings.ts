import { bundleWindows } from '../../../shared/bundle/feature_schema.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES } from '../../../shared/core/features/feature.ts';
import { withWindows } from '../../../shared/policy/feature_settings.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { DatasetPolicy } from '../strategies/pair_reversion/dataset/dataset.ts';
import type { Barriers } from '../strategies/pair_reversion/label/reversion.ts';

/** The settings with the parameters and formulas that a bundle was learned by, as its manifest has them. */
export function settingsOfBundle(configured: Settings, manifest: Pick<Manifest, 'engine' | 'windows'>): Settings {
  const { engine } = manifest;
  const settings = withWindows(configured, bundleWindows(configured.minutehand.windows, manifest));
  const { minutehand } = settings;
  const { train } = minutehand;
  const trees = MODEL_NAMES.map((name) => {
    const own = Object.entries(train[name]).map(([key, value]) => [key, engine.parameters[`${name}_${key}`] ?? value]);
    return [name, Object.fromEntries(own)] as const;
  });
  return { ...settings, minutehand: { ...minutehand, train: { ...train, ...Object.fromEntries(trees) } } };
}

/** Barriers of the label of a bundle's AI1; the configured ones where its manifest has none. */
export function barriersOfBundle(
  { label_policy }: Pick<Manifest, 'label_policy'>,
  { barriers }: Pick<DatasetPolicy, 'barriers'>,
): Barriers {
  const of = (name: keyof Barriers): number => label_policy[`ai1_${name}`] ?? barriers[name];
  return { z_entry: of('z_entry'), z_exit: of('z_exit'), stop: of('stop'), horizon: of('horizon') };
}
