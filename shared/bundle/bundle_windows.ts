import type { Windows } from '../core/features/windows.ts';
import { MinutehandError } from '../errors.ts';
import { readManifest, resolveBundle } from './bundle.ts';
import { bundleWindows } from './feature_schema.ts';

/**
 * The windows of the bundle of a folder, or of the active or newest one in it, with its formulas.
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST
 */
export function windowsOfBundle(folder: string, configured: Windows): Windows {
  return bundleWindows(configured, readManifest(resolveBundle(folder)));
}

/** The same; without a bundle that can be read, the configured windows. */
export function windowsInUse(folder: string, configured: Windows): Windows {
  try {
    return windowsOfBundle(folder, configured);
  } catch (error) {
    if (error instanceof MinutehandError) return configured;
    throw error;
  }
}

/**
 * The windows of one bundle; null where it has neither formulas nor a sequence.
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST
 */
export function formulaWindows(folder: string, configured: Windows): Windows | null {
  const windows = bundleWindows(configured, readManifest(folder));
  return windows.formulas === undefined && windows.sequence === undefined ? null : windows;
}
