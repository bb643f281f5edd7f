import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { admit } from '../../../shared/bundle/admission/admission.ts';
import { activePath, readActive } from '../../../shared/bundle/bundle.ts';
import {
  directionFolder,
  directionPointer,
  readActiveDirection,
} from '../../../shared/bundle/direction/active_direction.ts';
import { barSecondsOf, parseInstrument, timeframeOf } from '../../../shared/pair.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { pathInside } from '../../../shared/path_name.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openStoreIfThere } from '../../store/store.ts';
import { registryOf, type Recovery, type Registry } from './registry.ts';
import type { ShelfName } from '../../../shared/bundle/shelf_name.ts';

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

/** The same of the direction models of the configured instruments. */
export function areDirectionsLost(modelsFolder: string, { minutehand }: Pick<Settings, 'minutehand'>): boolean {
  const timeframes = new Set(minutehand.instruments.map((id) => timeframeOf(barSecondsOf(parseInstrument(id)))));
  return [...timeframes].some((timeframe) => {
    if (!existsSync(directionPointer(modelsFolder, timeframe))) return true;
    try {
      const active = readActiveDirection(modelsFolder, timeframe);
      const folder = directionFolder(modelsFolder);
      return active !== null && !existsSync(join(pathInside(folder, active.version), 'manifest.json'));
    } catch {
      return false;
    }
  });
}

/**
 * Restores bundles of a registry; the one that becomes active again goes through the lock of all models.
 * @param version the only bundle to restore; undefined: all, and the active ones
 * @throws MinutehandError as `Registry.recover`
 */
export function recoverAdmitted(
  registry: Registry,
  { settings, paths }: Pick<LostPlace, 'settings' | 'paths'>,
  version: string | undefined,
  shelf: ShelfName,
): Promise<Recovery> {
  const bundles = shelf === 'pairs' ? paths.models : directionFolder(paths.models);
  return registry.recover(version, (active) =>
    admit(
      { settings, paths, registered: (one) => registry.verdictsOf(one) },
      { door: 'recovery', folder: pathInside(bundles, active) },
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
  const lost: ShelfName[] = [];
  if (areModelsLost(paths.models)) lost.push('pairs');
  if (areDirectionsLost(paths.models, settings)) lost.push('direction');
  if (lost.length === 0) return null;
  const store = await openStoreIfThere(env, paths);
  if (store === null) return null;
  try {
    const recoveries: Recovery[] = [];
    for (const shelf of lost) {
      const registry = registryOf(store, paths, shelf);
      const hasActive = (await registry.list()).some(
        ({ status, removed_at }) => status === 'active' && removed_at === null,
      );
      if (hasActive) recoveries.push(await recoverAdmitted(registry, { settings, paths }, undefined, shelf));
    }
    return recoveries.length === 0 ? null : joined(recoveries);
  } finally {
    await store.close();
  }
}

function joined(recoveries: readonly Recovery[]): Recovery {
  return {
    recovered: recoveries.flatMap(({ recovered }) => recovered),
    intact: recoveries.flatMap(({ intact }) => intact),
    failed: recoveries.flatMap(({ failed }) => failed),
    activated: recoveries.flatMap(({ activated }) => activated),
  };
}
