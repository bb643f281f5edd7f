import type { Rejection } from '../../../shared/bundle/recorded_gates.ts';
import { trainerMarks } from '../../../shared/bundle/pointer_marks.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import { createRegistry, type Registry } from './registry.ts';

/** Outcome of a trained bundle. */
export interface Outcome {
  readonly version: string;
  /** Whether active.json names it: activation happens first. */
  readonly adopted: boolean;
  /** Whether it is the challenger of a rollout that its training started. */
  readonly inRollout?: boolean;
  /** The failed gates; of a rejected bundle. */
  readonly reasons: readonly Rejection[];
}

/**
 * Records the outcome of a bundle in the registry, and removes the bundles beyond the retention. Idempotent: a training
 * process and the trainer that started it both call it.
 * @param retention number of bundles that are kept: model_version_retention
 * @returns the removed versions
 * @throws MinutehandError as Registry.register
 */
export async function enterOutcome(
  registry: Registry,
  { version, adopted, inRollout = false, reasons }: Outcome,
  retention: number,
): Promise<readonly string[]> {
  if (inRollout) await registry.register(version);
  else if (!adopted) await registry.reject(version, reasons);
  // The active bundle is that of active.json, which may have changed meanwhile.
  await registry.mend();
  return registry.retain(retention);
}

/**
 * Runs `work` with the registry of this home, and closes its store afterward. Creates the store if absent, because
 * otherwise the bytes of the active bundle would not be stored for `models recover`.
 * @throws MinutehandError STORE_UNUSABLE, and what `work` throws
 */
export async function withRegistry<Result>(
  env: NodeJS.ProcessEnv,
  paths: HomePaths,
  work: (registry: Registry) => Promise<Result>,
): Promise<Result> {
  const store = await openStore(storeUrl(env, paths));
  try {
    return await work(createRegistry(store, paths.models, { marks: trainerMarks(paths) }));
  } finally {
    await store.close();
  }
}
