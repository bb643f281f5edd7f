import type { NativeEngine } from '../../../../shared/policy/engines.ts';
import { checkRequest, refuseBase, refuseFocal } from '../gbdt_request.ts';
import type { Learner } from '../learner.ts';
import { librariesFrom, openLibrary } from './engine_library.ts';
import { learnOffTheWay } from './engine_thread.ts';
import { bindLightgbm, lightgbmVersion } from './lightgbm.ts';
import { createTurns } from './turns.ts';
import { bindXgboost, xgboostVersion } from './xgboost.ts';

export interface FoundEngine {
  readonly path: string;
  /** null where the library does not report it. */
  readonly version: string | null;
}

/**
 * Where an engine's library is, opened and seen to be what it should be.
 * @throws MinutehandError LEARNER_MISSING
 */
export function findEngine(engine: NativeEngine): FoundEngine {
  const open = openLibrary(engine, librariesFrom());
  if (engine === 'lightgbm') {
    bindLightgbm(open);
    return { path: open.path, version: lightgbmVersion(open.path) };
  }
  bindXgboost(open);
  return { path: open.path, version: xgboostVersion(open).join('.') };
}

/** LightGBM has its number of threads in a global, by which buffers of running learners are measured. */
const turns = createTurns();

/**
 * A learner that uses an engine's library through its C API. It learns on a thread of its own; the caller's continues.
 *
 * The same table, parameters and seed give the same model, by LightGBM with any number of threads. These are the
 * engines' own guarantees: another processor or another build of the library may differ in last bits.
 * @throws MinutehandError LEARNER_MISSING when the library is not on this machine; `learn` throws LEARNER_TASK for a
 * task that the engine does not support and for a base, and LEARNER_FAILED with the library's message when it reports
 * an error
 */
export function nativeLearner(engine: NativeEngine): Learner {
  const { path } = findEngine(engine);
  const found = { ...librariesFrom(), [engine]: path };
  return {
    engine,
    async learn(request) {
      refuseBase(engine, request);
      refuseFocal(engine, request);
      checkRequest(request);
      const { task, table, params, stopping, threads, onRound } = request;
      // LightGBM's starting score is a part of its first tree.
      if (params.rounds < 1) throw new RangeError(`rounds is ${params.rounds}, expected an integer ≥ 1`);
      const job = { engine, libraries: found, task, table, params, stopping, threads };
      return turns.take(engine, threads, () => learnOffTheWay(job, onRound));
    },
  };
}
