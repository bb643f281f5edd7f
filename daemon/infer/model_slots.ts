import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import type { Clock } from '../../shared/ports.ts';
import { PAIRS_SLOT, type DegradationSet } from '../queue/degradation_set.ts';
import type { InputSink, SwapInput } from '../queue/input.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import type { HaltedPairs } from './halted_pairs.ts';
import { Slot, type Scoring } from './slot.ts';

export interface ModelSlotsOptions {
  readonly clock: Clock;
  /** A set that takes longer for a batch, twice in a row, is dropped if it has a fallback. */
  readonly slowInferenceMs: number;
  readonly halts: HaltedPairs;
  readonly degradations: DegradationSet;
  /** Journal of fallbacks. */
  inputs(): InputSink;
  readonly observer: Pick<PipelineObserver, 'onSwap' | 'onModelFailure' | 'onModelRecovery'>;
}

/** The rows of a batch with the columns of each set. */
export interface BatchRows {
  valuesOf(set: ModelSet): Float32Array;
}

interface PairRequest {
  readonly matrix: BatchRows;
  readonly rows: number;
  readonly pairs: readonly string[] | undefined;
}

/** The slot of the pairs: the active model set, and the one before it as its fallback. */
export class ModelSlots {
  readonly #slot: Slot<ModelSet, PairRequest, BatchScores>;

  constructor({ clock, slowInferenceMs, halts, degradations, inputs, observer }: ModelSlotsOptions) {
    this.#slot = new Slot({
      clock,
      slowInferenceMs,
      degradations,
      degradation: PAIRS_SLOT,
      versionOf: ({ version }) => version,
      score: (set, { matrix, rows, pairs }) => set.infer(matrix.valuesOf(set), rows, undefined, pairs),
      swapTo: (set, slow) => (slow === undefined ? { kind: 'swap', set } : { kind: 'swap', set, slow }),
      inputs,
      onActive: (set) => halts.setVersion(set?.version ?? null),
      onSwap: (set) => observer.onSwap(set),
      onFailure: (...failure) => observer.onModelFailure(...failure),
      onRecovery: (set) => observer.onModelRecovery?.(set),
      release,
    });
  }

  get active(): ModelSet | null {
    return this.#slot.active;
  }

  /** The active set and its fallback. */
  get sets(): readonly ModelSet[] {
    return this.#slot.models;
  }

  /** A swap was journaled; `swap` follows. */
  announce(input: SwapInput): void {
    this.#slot.announce(input);
  }

  swap(input: SwapInput): void {
    this.#slot.swap(input);
  }

  /** No models any more. */
  clear(): void {
    this.#slot.clear();
  }

  /** Scores the first rows of a batch. */
  infer(matrix: BatchRows, rows: number, pairs?: readonly string[]): Scoring<BatchScores> {
    return rows === 0 ? null : this.#slot.infer({ matrix, rows, pairs });
  }
}

/** A set that cannot be released costs memory, not signals. */
export function release(set: ModelSet): void {
  set.release().catch(() => undefined);
}
