import { dropDamaged, type Blobs, type ContentHash } from '../../../shared/blob/blobs.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { canonicalJson } from '../../../shared/policy/policy_hash.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { newEvolution, takeStep, type EvolutionState, type GenerationStep } from '../../learning/evolve/evolution.ts';
import type { MarketParts } from '../../learning/evolve/search_market.ts';
import type { SearchThreads } from '../../learning/evolve/search_threads.ts';
import type { SpaceDocument } from '../../learning/evolve/search_space.ts';

/** What a worker must have to make generations, as it has learners. */
export const RULE_SEARCH = 'evolve';

/** A search of rules: each of its generations is a function of this and of its number. */
export interface SearchIdentity {
  /** Packed parts of its market. */
  readonly market: ContentHash;
  /** Without the number of generations, of which none depends on it. */
  readonly space: Omit<SpaceDocument, 'generations'>;
  readonly windows: Windows;
  readonly seed: string;
  readonly blocks: number;
  /** Hash of the compiled program that learns. */
  readonly code: string;
}

/** Generations of a search, as a worker reads them. */
export interface SearchTask {
  readonly kind: 'rule_search';
  readonly search: SearchIdentity;
  /** The state before; null: the search begins. */
  readonly base: ContentHash | null;
  /** The last generation that is to be made, from 1. */
  readonly until: number;
  /** Whether generations that are kept are made again, and compared. */
  readonly anew: boolean;
}

/** Of one generation of a search, from 1; a task has that of its last one. */
export function generationKey(search: SearchIdentity, generation: number): string {
  return sha256Hex(canonicalJson({ ...search, generation }));
}

export async function putState(state: EvolutionState, blobs: Blobs): Promise<ContentHash | null> {
  return state.generation === 0 ? null : await blobs.put(bytesOf(state));
}

/** The kept result of a generation; null: there is none, or its bytes are gone or damaged, and it is made again. */
export async function keptStep(key: string, blobs: Blobs): Promise<GenerationStep | null> {
  const kept = await blobs.result(key);
  if (kept === null || !(await blobs.has(kept.hash))) return null;
  try {
    return await readJson<GenerationStep>(kept.hash, blobs);
  } catch (error) {
    await dropDamaged(error, key, kept, blobs);
    return null;
  }
}

export interface SearchWork {
  readonly blobs: Blobs;
  readonly threads: SearchThreads;
  /** The market of a search by its hash. */
  partsOf(hash: ContentHash): Promise<MarketParts>;
  /** Aborted once the task is another's. */
  readonly signal: AbortSignal;
  /** Keeps the result of a generation. @returns the hash of the one that is kept, which may be another's */
  keep(key: string, hash: ContentHash): Promise<ContentHash>;
}

/**
 * Makes the generations of a task. Each is kept as soon as it is made, so that whoever has the task next goes on behind
 * it; the last one is its result.
 * @returns its bytes
 */
export async function doSearchTask(task: SearchTask, work: SearchWork): Promise<Uint8Array> {
  const { search, base, until, anew } = task;
  const { blobs, threads, signal } = work;
  const state = base === null ? newEvolution() : await readJson<EvolutionState>(base, blobs);
  const parts = await work.partsOf(search.market);
  let last: GenerationStep | null = null;
  while (state.generation < until) {
    signal.throwIfAborted();
    const key = generationKey(search, state.generation + 1);
    const known = anew ? null : await keptStep(key, blobs);
    last = known ?? (await makeStep());
    const isLast = state.generation + 1 === until;
    if (known === null && !isLast) {
      const hash = await blobs.put(bytesOf(last));
      const kept = await work.keep(key, hash);
      // The first result stays, and what follows is made from it.
      if (kept !== hash) last = await readJson<GenerationStep>(kept, blobs);
    }
    takeStep(state, last);
  }
  if (last === null) throw new RangeError(`a task until generation ${until} begins behind it`);
  return bytesOf(last);

  function makeStep(): Promise<GenerationStep> {
    const { market, windows, seed, blocks } = search;
    const space: SpaceDocument = { ...search.space, generations: until };
    return threads.run(() => ({ market, parts, space, windows, seed, blocks, state }));
  }
}

function bytesOf(value: EvolutionState | GenerationStep): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** What `bytesOf` made. @throws MinutehandError BLOB_MISSING, BLOB_DAMAGED */
async function readJson<Value extends EvolutionState | GenerationStep>(
  hash: ContentHash,
  blobs: Blobs,
): Promise<Value> {
  const text = Buffer.from(await blobs.get(hash)).toString('utf8');
  try {
    return JSON.parse(text) as Value;
  } catch (cause) {
    throw new MinutehandError('BLOB_DAMAGED', { seen: `${hash} is no JSON`, cause });
  }
}
