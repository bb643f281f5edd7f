import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { admit } from '../../../shared/bundle/admission/admission.ts';
import { activePath, readActive } from '../../../shared/bundle/bundle.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openStoreIfThere } from '../../store/store.ts';
import { createRegistry, type Recovery, type Registry } from './registry.ts';

export interface LostPlace {
  readonly settings: Settings;
  readonly paths: HomePaths;
  /** Environment with the address of the store. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Whether `active.json`, or the folder of the bundle that it names, is not there. A file that is there and damaged is
 * not lost: a person decides about it (`models verify`, `models recover`).
 */
export function areModelsLost(modelsFolder: string): boolean {
  if (!existsSync(activePath(modelsFolder))) return true;
  try {
    const active = readActive(modelsFolder);
    return active !== null && !existsSync(join(pathInside(modelsFolder, active.version), 'manifest.json'));
  } catch {
    return false;
  }
}

/**
 * Restores bundles of the registry; the one that becomes active again goes through the lock of all models.
 * @param version the only bundle to restore; undefined: all, and the active one
 * @throws MinutehandError as `Registry.recover`
 */
export function recoverAdmitted(
  registry: Registry,
  { settings, paths }: Pick<LostPlace, 'settings' | 'paths'>,
  version: string | undefined,
): Promise<Recovery> {
  return registry.recover(version, (active) =>
    admit(
      { settings, paths, registered: (one) => registry.verdictsOf(one) },
      { door: 'recovery', folder: pathInside(paths.models, active) },
    ),
  );
}

/**
 * Restores models that are lost from the bytes in the registry, through the lock of all models: what the registry knows
 * as active becomes active again, if these settings may run it.
 * @returns null when nothing is lost, or the registry has no active models
 * @throws MinutehandError as `Registry.recover`; STORE_UNUSABLE
 */
export async function recoverLostModels({ settings, paths, env }: LostPlace): Promise<Recovery | null> {
  if (!areModelsLost(paths.models)) return null;
  const store = await openStoreIfThere(env, paths);
  if (store === null) return null;
  try {
    const registry = createRegistry(store, paths.models, { marks: trainerMarks(paths) });
    const hasActive = (await registry.list()).some(
      ({ status, removed_at }) => status === 'active' && removed_at === null,
    );
    if (!hasActive) return null;
    return await recoverAdmitted(registry, { settings, paths }, undefined);
  } finally {
    await store.close();
  }
}
