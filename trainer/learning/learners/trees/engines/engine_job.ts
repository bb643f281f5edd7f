import { createRng } from '../../../../../shared/rng.ts';
import type { LearnRequest } from '../learner.ts';
import type { NativeEngine } from '../../../../../shared/policy/engines.ts';
import type { EngineLibraries } from './engine_library.ts';

/** One model to train with an engine's library, as plain data that can be passed to a thread. */
export interface EngineJob extends Pick<LearnRequest, 'task' | 'table' | 'params' | 'stopping' | 'threads'> {
  readonly engine: NativeEngine;
  readonly libraries: EngineLibraries;
}

export type OnRound = LearnRequest['onRound'];

const SEEDS = 2 ** 31 - 1;

/** A number of 31 bits from the seed's text: the engines take numbers. */
export function seedNumber(seed: string): number {
  return createRng(seed).integer(SEEDS);
}
