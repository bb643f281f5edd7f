import type { FailedGate } from '../../../shared/bundle/recorded_gates.ts';
import { describeError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { openStore, storeUrl } from '../../store/store.ts';
import { registryOf, type Registry, type Retained } from './registry.ts';
import type { ShelfName } from '../../../shared/strategies/registry.ts';

/** Outcome of a trained bundle. */
export interface Outcome {
  readonly version: string;
  /** Whether a pointer names it: activation happens first. */
  readonly adopted: boolean;
  /** Whether it passed without being adopted: it is the challenger of a rollout. */
  readonly isCandidate?: boolean;
  /** The failed gates; of a rejected bundle. */
  readonly reasons: readonly FailedGate[];
}

/**
 * Records the outcome of a bundle in the registry, and removes the bundles beyond the retention. Idempotent: a training
 * process and the trainer that started it both call it.
 * @param retention number of bundles that are kept: model_version_retention
 * @throws MinutehandError as Registry.register
 */
export async function enterOutcome(
  registry: Registry,
  { version, adopted, isCandidate = false, reasons }: Outcome,
  retention: number,
): Promise<Retained> {
  if (isCandidate) await registry.register(version);
  else if (!adopted) await registry.reject(version, reasons);
  // The active bundle is that of the pointer, which may have changed meanwhile.
  await registry.mend();
  return registry.retain(retention);
}

/**
 * Runs `work` with a registry of this home, and closes its store afterward. Creates the store if absent, because
 * otherwise the bytes of the active bundle would not be stored for `models recover`.
 * @throws MinutehandError STORE_UNUSABLE, and what `work` throws
 */
export async function withRegistry<Result>(
  env: NodeJS.ProcessEnv,
  paths: HomePaths,
  work: (registry: Registry) => Promise<Result>,
  shelf: ShelfName = 'pairs',
): Promise<Result> {
  const store = await openStore(storeUrl(env, paths));
  try {
    return await work(registryOf(store, paths, shelf));
  } finally {
    await store.close();
  }
}

/** What a person should know of bundles that could not be removed; empty: all were. */
export function retentionFailures({ failed }: Retained): string[] {
  return failed.map(({ version, error }) => `${version} was not removed: ${describeError(error).message}`);
}
