import { setTimeout as sleep } from 'node:timers/promises';
import type { Blobs } from '../../../shared/blob/blobs.ts';
import { packArrays } from '../../../shared/blob/packed_arrays.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { takeStep, type EvolutionState } from '../../learning/evolve/evolution.ts';
import type { AdvanceSearch } from '../../learning/evolve/judge.ts';
import { partsOfMarket, type SearchMarket } from '../../learning/evolve/search_market.ts';
import type { SearchSpace } from '../../learning/evolve/search_space.ts';
import { untilAborted } from '../../learning/learners/trees/fit.ts';
import { taskError } from './fleet_pool.ts';
import { codeHash } from './own_code.ts';
import { lastAnswer } from './patient_queue.ts';
import { generationKey, keptStep, putState, RULE_SEARCH, type SearchIdentity, type SearchTask } from './search_task.ts';
import { tallyIfPossible, type TaskQueue } from './task_queue.ts';

/**
 * Generations of a task. A worker takes up to 0.1 s to find a task, and a generation of the delivered spaces takes as
 * long: five of them are found once.
 */
export const TASK_GENERATIONS = 5;
/** How often what a worker has made is looked for. */
const LOOK_MS = 250;

export interface FleetSearchesOptions {
  readonly queue: TaskQueue;
  readonly blobs: Blobs;
  /** Whether generations that are kept are taken; false: every one is made again, and compared. */
  readonly usesKnown: boolean;
  readonly space: SearchSpace;
  readonly windows: Windows;
  readonly seed: string;
  readonly signal: AbortSignal;
}

/** Makes the generations of searches by the workers of a queue. */
export function fleetSearches(options: FleetSearchesOptions): (market: SearchMarket) => AdvanceSearch {
  const { queue, blobs, usesKnown, space, windows, seed, signal } = options;
  const { generations, ...ofAnyLength } = space.document;
  return (market) => {
    const { facts, arrays } = partsOfMarket(market);
    const stored = blobs.put(packArrays(facts, arrays));
    stored.catch(() => undefined);
    return async (blocks, state, onGeneration) => {
      const identity: SearchIdentity = {
        market: await stored,
        space: ofAnyLength,
        windows,
        seed,
        blocks,
        code: codeHash(),
      };
      // As a worker reads it, without what JSON has no word for.
      const search = JSON.parse(JSON.stringify(identity)) as SearchIdentity;
      const takeKept = async (until: number): Promise<void> => {
        while (state.generation < until) {
          const step = await keptStep(generationKey(search, state.generation + 1), blobs);
          if (step === null) return;
          takeStep(state, step);
          await onGeneration();
        }
      };
      while (state.generation < generations) {
        signal.throwIfAborted();
        const until = Math.min(generations, TASK_GENERATIONS * (Math.floor(state.generation / TASK_GENERATIONS) + 1));
        if (usesKnown) await takeKept(until);
        if (state.generation < until) await made(search, state, until, takeKept);
        else await tallyIfPossible(queue, RULE_SEARCH, { known: 1 });
      }
    };
  };

  /** Has the generations of a task made, and takes them. */
  async function made(
    search: SearchIdentity,
    state: EvolutionState,
    until: number,
    takeKept: (until: number) => Promise<void>,
  ): Promise<void> {
    const key = generationKey(search, until);
    const base = await putState(state, blobs);
    const task: SearchTask = { kind: 'rule_search', search, base, until, anew: !usesKnown };
    const queued = { key, needs: { learner: RULE_SEARCH }, isUrgent: false, payload: JSON.stringify(task) };
    // The queue may remember that it was done although its result has been removed since: then it is done again.
    for (const isAgain of [false, true]) {
      if (isAgain || !usesKnown) await queue.remove(key);
      await untilAborted(queue.enqueue(queued), signal);
      await settled(key, () => (isAgain || usesKnown ? takeKept(until) : Promise.resolve()));
      await takeKept(until);
      if (state.generation >= until) return;
    }
    throw new MinutehandError('BLOB_MISSING', { seen: `the result of task ${key}` });
  }

  /** Waits for the end of a task, and looks meanwhile at what it has kept. @throws what the worker met */
  async function settled(key: string, look: () => Promise<void>): Promise<void> {
    let isSettled = false;
    const ending = queue.settled(key, signal).finally(() => {
      isSettled = true;
    });
    // It is awaited below, after the looks.
    ending.catch(() => undefined);
    try {
      while (!isSettled) {
        await Promise.race([ending, sleep(LOOK_MS)]);
        await look();
      }
    } catch (error) {
      // Nobody waits for it any more.
      await lastAnswer(queue.remove(key), signal).catch(() => undefined);
      throw error;
    }
    const outcome = await ending;
    if (outcome.state === 'done') return;
    await tallyIfPossible(queue, RULE_SEARCH, { given_up: 1 });
    throw taskError(outcome.error);
  }
}
