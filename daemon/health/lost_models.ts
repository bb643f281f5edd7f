import type { Logger } from 'pino';
import { describeError } from '../../shared/errors.ts';
import { lacksModels } from '../../shared/rule_health.ts';
import type { Scheduler } from '../../shared/ports.ts';
import type { HealthReport } from './health.ts';

const LOOK_MS = 10_000;
/** Looks in a row that find the models lost before a recovery is asked for: a promotion may be under way. */
const LOOKS = 2;
const MAX_PAUSE_MS = 600_000;

/** Codes of a bundle, or a pointer, whose bytes are missing or damaged. */
const DAMAGED: ReadonlySet<string> = new Set([
  'MODEL_MISSING',
  'MODEL_MANIFEST',
  'MODEL_FILE',
  'MODEL_HASH',
  'MODEL_LOAD',
  'MODEL_SIGNATURE',
]);

type Seen = Pick<HealthReport, 'pairs' | 'model_version' | 'model_refused' | 'dependencies'>;

export interface LostModelsOptions {
  readonly health: () => Seen;
  /**
   * Starts a process that restores lost models from the registry, and waits for its end.
   * @returns what was done, in a sentence; null when nobody was asked, because there is no registry, or its trainer
   * runs and does it itself
   */
  readonly recover: () => Promise<string | null>;
  readonly scheduler: Scheduler;
  readonly nowMs: () => number;
  /** Resolves when this thread may be used. */
  readonly whenIdle: () => Promise<unknown>;
  readonly log: Logger;
  print(line: string): void;
}

/** Why the daemon has no models, or would have none after a restart; null when it has. */
export function lossOf(seen: Seen): string | null {
  const { model_refused, dependencies } = seen;
  if (model_refused !== null && DAMAGED.has(model_refused.code))
    return `${model_refused.code}: ${model_refused.message}`;
  const folder = dependencies.find(({ dependency, code }) => dependency === 'models_folder' && DAMAGED.has(code));
  if (folder !== undefined) return `${folder.code}: ${folder.message}`;
  return lacksModels(seen) && model_refused === null ? 'no models are active' : null;
}

/**
 * Asks for the recovery of lost models, at growing distances for as long as they are lost. Bars do not wait for it: it
 * looks between bars, and the work is another process's.
 * @returns a function that ends it
 */
export function askForLostModels(options: LostModelsOptions): () => void {
  const { health, recover, scheduler, nowMs, whenIdle, log, print } = options;
  let looks = 0;
  let pauseMs = LOOK_MS;
  let notBeforeMs = -Infinity;
  let isAsking = false;

  async function look(): Promise<void> {
    const loss = lossOf(health());
    if (loss === null) {
      looks = 0;
      pauseMs = LOOK_MS;
      notBeforeMs = -Infinity;
      return;
    }
    looks++;
    if (looks < LOOKS || nowMs() < notBeforeMs) return;
    await whenIdle();
    const outcome = await recover().catch((error: unknown) => {
      const { code, message } = describeError(error);
      return `${code}: ${message}`;
    });
    notBeforeMs = nowMs() + pauseMs;
    pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
    if (outcome === null) return;
    log.warn({ loss, outcome }, 'asked the registry for lost models');
    print(`Models are lost (${loss}). ${outcome}`);
  }

  return scheduler.every(LOOK_MS, () => {
    if (isAsking) return;
    isAsking = true;
    void look().finally(() => {
      isAsking = false;
    });
  });
}
