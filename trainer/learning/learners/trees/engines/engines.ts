import { type Engine, ENGINES, NATIVE_ENGINES, type NativeEngine } from '../../../../../shared/policy/engines.ts';
import { checkRequest, refuseBase, refuseFocal } from '../gbdt_request.ts';
import type { TreeLearner } from '../learner.ts';
import { librariesFrom, openLibrary } from './engine_library.ts';
import { learnOffTheWay } from './engine_thread.ts';
import { bindLightgbm, lightgbmVersion } from './lightgbm.ts';
import { bindXgboost, xgboostVersion } from './xgboost.ts';

/** Lets work in one queue run concurrently only if it has the same key. */
interface Turns {
  /** Runs `work` once no work with another key runs or waits before it in this queue. */
  take<T>(queue: string, key: number, work: () => Promise<T>): Promise<T>;
}

interface Queue {
  key: number;
  running: number;
  readonly waiting: { readonly key: number; readonly start: () => void }[];
}

export function createTurns(): Turns {
  const queues = new Map<string, Queue>();

  function startNext(queue: Queue): void {
    for (let next = queue.waiting[0]; next !== undefined; next = queue.waiting[0]) {
      if (queue.running > 0 && next.key !== queue.key) return;
      queue.waiting.shift();
      queue.key = next.key;
      queue.running++;
      next.start();
    }
  }

  return {
    async take(name, key, work) {
      const queue = queues.get(name) ?? { key, running: 0, waiting: [] };
      queues.set(name, queue);
      await new Promise<void>((start) => {
        queue.waiting.push({ key, start });
        startNext(queue);
      });
      try {
        return await work();
      } finally {
        queue.running--;
        startNext(queue);
      }
    },
  };
}

export interface FoundEngine {
  readonly path: string;
  /** null where the library does not report it. */
  readonly version: string | null;
}

/**
 * Finds, opens and checks an engine's library.
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

/** @throws MinutehandError LEARNER_MISSING where an engine's library is not installed */
export function refuseMissingEngine(engine: Engine): void {
  const native = NATIVE_ENGINES.find((name) => name === engine);
  if (native !== undefined) findEngine(native);
}

/** Engines that this machine has. */
export function installedEngines(): Engine[] {
  return ENGINES.filter((engine) => {
    try {
      refuseMissingEngine(engine);
      return true;
    } catch {
      return false;
    }
  });
}

/** LightGBM stores its number of threads in a global that sizes buffers of running learners. */
const turns = createTurns();

/**
 * A learner that uses an engine's library through its C API, on a separate thread.
 *
 * The same table, parameters and seed give the same model, with LightGBM for any number of threads. These are the
 * engines' own guarantees: another processor or build of the library may differ in the last bits.
 * @throws MinutehandError LEARNER_MISSING if the library is not installed; `learn` throws LEARNER_TASK for an
 * unsupported task and for a base, and LEARNER_FAILED with the library's error message
 */
export function nativeLearner(engine: NativeEngine): TreeLearner {
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
