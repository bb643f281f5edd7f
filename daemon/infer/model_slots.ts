import type { BatchScores, ModelSet } from '../../shared/bundle/model_set.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports.ts';
import type { InputSink, SwapInput } from '../queue/input.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import type { HaltedPairs } from './halted_pairs.ts';

/** Scores, at once where nothing has to be waited for; null = there is nothing that could score. */
export type Scoring = BatchScores | null | Promise<BatchScores | null>;

/** The rows of a batch with the columns of each set. */
export interface BatchRows {
  valuesOf(set: ModelSet): Float32Array;
}

export interface SlotOptions {
  readonly clock: Clock;
  /** A set that takes longer for a batch, twice in a row, is dropped if it has a fallback. */
  readonly slowInferenceMs: number;
  readonly halts: HaltedPairs;
  /** Contains 'models' while a fallback serves, or a slow set without one. */
  readonly degradations: Set<string>;
  /** Journal of fallbacks. */
  inputs(): InputSink;
  readonly observer: Pick<PipelineObserver, 'onSwap' | 'onModelFailure' | 'onModelRecovery'>;
}

/** The active model set, and the one before it as its fallback. */
export class ModelSlots {
  readonly #options: SlotOptions;
  #active: ModelSet | null = null;
  #fallback: ModelSet | null = null;
  /** The active set serves instead of one that failed or was slow. */
  #isFallback = false;
  /** The active set is slow, and has no fallback. */
  #isSlow = false;
  /** Sets that wait in the queue. */
  #waiting = 0;

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  get active(): ModelSet | null {
    return this.#active;
  }

  /** The active set and its fallback. */
  get sets(): readonly ModelSet[] {
    return [this.#active, this.#fallback].filter((set) => set !== null);
  }

  /** A swap was journaled; `swap` follows. */
  announce({ set, slow }: SwapInput): void {
    if (set !== null && slow === undefined) this.#waiting++;
  }

  swap({ set, slow }: SwapInput): void {
    if (slow !== undefined) return this.#drop(slow);
    if (set === null) return this.clear();
    this.#waiting--;
    const retired = this.#fallback;
    this.#fallback = this.#active;
    this.#activate(set);
    this.#options.degradations.delete('models');
    this.#options.observer.onSwap(set);
    if (retired !== null) release(retired);
  }

  /** No models any more. */
  clear(): void {
    this.#activate(null);
    this.#fallback = null;
  }

  #drop(slow: ModelSet): void {
    if (this.#active === slow) this.#activate(this.#fallback, true);
    this.#fallback = null;
    release(slow);
  }

  #activate(set: ModelSet | null, isFallback = false): void {
    this.#active = set;
    this.#isFallback = isFallback;
    this.#isSlow = false;
    this.#options.halts.setVersion(set?.version ?? null);
  }

  /**
   * Scores the first rows of a batch. A set that fails is replaced by its fallback within the same bar. A set that was
   * slow is run again at once, because a pause of the machine may be the cause. If it is slow again, its answers are
   * still used, and its fallback replaces it right after this bar. Without one it continues to answer, degraded, until
   * it is fast again.
   */
  infer(matrix: BatchRows, rows: number, pairs?: readonly string[]): Scoring {
    const set = this.#active;
    if (set === null || rows === 0) return null;
    const { slowInferenceMs } = this.#options;
    return this.#ask(set, matrix, rows, pairs, (scores, tookMs) => {
      if (tookMs <= slowInferenceMs) {
        if (this.#isSlow) this.#recover(set);
        return scores;
      }
      if (this.#isSlow) return scores;
      return this.#ask(set, matrix, rows, pairs, (again, againMs) => {
        if (againMs > slowInferenceMs) this.#demote(set, againMs);
        return again;
      });
    });
  }

  /** Without an await where the set answers at once. */
  #ask(
    set: ModelSet,
    matrix: BatchRows,
    rows: number,
    pairs: readonly string[] | undefined,
    check: (scores: BatchScores, tookMs: number) => Scoring,
  ): Scoring {
    const { clock } = this.#options;
    const startUs = clock.monotonicUs();
    const tookMs = (): number => (clock.monotonicUs() - startUs) / 1000;
    try {
      const answer = set.infer(matrix.valuesOf(set), rows, undefined, pairs);
      if (!(answer instanceof Promise)) return check(answer, tookMs());
      return answer.then(
        (scores) => check(scores, tookMs()),
        (error: unknown) => this.#fallBack(error, set, matrix, rows, pairs),
      );
    } catch (error) {
      return this.#fallBack(error, set, matrix, rows, pairs);
    }
  }

  #fallBack(
    error: unknown,
    failed: ModelSet,
    matrix: BatchRows,
    rows: number,
    pairs: readonly string[] | undefined,
  ): Scoring {
    const { degradations, inputs, observer } = this.#options;
    this.#activate(this.#fallback, true);
    this.#fallback = null;
    degradations.add('models');
    // Already active for this bar; a replay whose set does not fail again gets there by the journal. A swap that waits
    // in the queue is journaled before these two and takes effect after them: it ends both.
    if (this.#waiting === 0) {
      inputs().record({ kind: 'swap', set: this.#active });
      inputs().record({ kind: 'degraded', what: 'models' });
    }
    observer.onModelFailure(error, failed, this.#active);
    release(failed);
    return this.infer(matrix, rows, pairs);
  }

  #demote(slow: ModelSet, tookMs: number): void {
    // A newer set is about to replace it anyway.
    if (this.#waiting > 0) return;
    const { slowInferenceMs, inputs, observer } = this.#options;
    const fallback = this.#fallback;
    if (fallback === null) this.#isSlow = true;
    else inputs().apply({ kind: 'swap', set: fallback, slow });
    inputs().apply({ kind: 'degraded', what: 'models' });
    const seen = `${slow.version}: ${tookMs.toFixed(0)} ms`;
    const error = new MinutehandError('MODEL_SLOW', { seen, expected: `at most ${slowInferenceMs} ms` });
    observer.onModelFailure(error, slow, fallback ?? slow);
  }

  #recover(set: ModelSet): void {
    // A newer set ends the degradation.
    if (this.#waiting > 0) return;
    this.#isSlow = false;
    if (!this.#isFallback) this.#options.inputs().apply({ kind: 'recovered', what: 'models' });
    this.#options.observer.onModelRecovery?.(set);
  }
}

/** A set that cannot be released costs memory, not signals. */
export function release(set: ModelSet): void {
  set.release().catch(() => undefined);
}
