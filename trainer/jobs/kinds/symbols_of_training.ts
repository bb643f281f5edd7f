import { symbolsNeeded } from '../../../shared/bar_file/other_bars.ts';
import { activeWindows } from '../../../shared/bundle/bundle_windows.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { parsePair } from '../../../shared/pair.ts';
import { withFormulas } from '../../../shared/policy/feature_settings.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { TrainingJob } from './pair_reversion_job.ts';

export interface SymbolsOfTraining {
  /** What the features of the new models need. */
  readonly learned: readonly string[];
  /** What those of the active models need, with which the new ones are compared. */
  readonly compared: readonly string[];
}

/**
 * Features of the models that a training makes: what continues a bundle has the formulas of the bundle.
 * @param modelsFolder with the active bundle
 */
export function learnedWindows(isContinuing: boolean, settings: Settings, modelsFolder: string): Windows {
  if (isContinuing) return activeWindows(modelsFolder, settings.minutehand.windows);
  return withFormulas(settings).minutehand.windows;
}

/** @param modelsFolder with the active bundle */
export function symbolsOfTraining(
  kind: TrainingJob['kind'],
  settings: Settings,
  modelsFolder: string,
): SymbolsOfTraining {
  const { pairs, windows } = settings.minutehand;
  const subjects = pairs.map(parsePair);
  const compared = symbolsNeeded(subjects, activeWindows(modelsFolder, windows));
  // What continues a bundle reads what it is compared with.
  if (kind !== 'train') return { learned: compared, compared };
  return { learned: symbolsNeeded(subjects, learnedWindows(false, settings, modelsFolder)), compared };
}
