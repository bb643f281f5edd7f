import type { Windows } from '../core/features/windows.ts';
import { MinutehandError } from '../errors.ts';
import { readActive, readManifest, resolveBundle } from './bundle.ts';
import { bundleWindows } from './feature_schema.ts';
import { pathInside } from '../path_name.ts';

/**
 * The windows of the bundle of a folder, or of the active or newest one in it, with its formulas.
 * @throws MinutehandError MODEL_MISSING, MODEL_MANIFEST
 */
export function windowsOfBundle(folder: string, configured: Windows): Windows {
  return bundleWindows(configured, readManifest(resolveBundle(folder)));
}

/** The same; without a bundle that can be read, the configured windows. */
export function windowsInUse(folder: string, configured: Windows): Windows {
  return ifReadable(() => windowsOfBundle(folder, configured), configured);
}

/** The windows of the active bundle of a folder, with its formulas; the configured ones where it cannot be read. */
export function activeWindows(folder: string, configured: Windows): Windows {
  return ifReadable(() => {
    const active = readActive(folder);
    return active === null ? configured : bundleWindows(configured, readManifest(pathInside(folder, active.version)));
  }, configured);
}

function ifReadable(read: () => Windows, otherwise: Windows): Windows {
  try {
    return read();
  } catch (error) {
    if (error instanceof MinutehandError) return otherwise;
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
