import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { readActive, readManifest } from '../../../shared/bundle/bundle.ts';
import { bundleWindows } from '../../../shared/bundle/feature_schema.ts';
import { daemonsOf, refuseUnservedFormulas } from '../../../shared/bundle/served_formulas.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { describeError } from '../../../shared/errors.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { NoChampion } from '../gates/champion.ts';

/** The active bundle with which new ones are compared, by its manifest alone. */
export interface Champion {
  readonly version: string;
  readonly folder: string;
  /** With its formulas. */
  readonly windows: Windows;
  /** Start of its holdout, in epoch seconds. */
  readonly holdoutFrom: number;
}

export interface ChampionPlace {
  /** The folder with active.json. */
  readonly modelsFolder: string;
  readonly settings: Pick<Settings, 'minutehand'>;
  /** Of the new models. */
  readonly market: Market;
}

/** The champion, or why new models are compared with none: an unusable one does not block its successor. */
export function findChampion({ modelsFolder, settings, market }: ChampionPlace): Champion | NoChampion {
  try {
    const active = readActive(modelsFolder);
    if (active === null) return { reason: 'none' };
    const { version } = active;
    const folder = pathInside(modelsFolder, version);
    const manifest = readManifest(folder);
    const windows = bundleWindows(settings.minutehand.windows, manifest);
    refuseUnservedFormulas(version, windows, daemonsOf(settings));
    if (manifest.market !== market) return { reason: 'other_market', version, market: manifest.market };
    return { version, folder, windows, holdoutFrom: Date.parse(manifest.period.holdout_from) / 1000 };
  } catch (error) {
    const { code, message } = describeError(error);
    return { reason: 'unusable', error_code: code, error: message };
  }
}
