import { MinutehandError } from '../../shared/errors.ts';
import type { Clock } from '../../shared/ports.ts';
import type { DegradationScope, DegradationSet } from '../queue/degradation_set.ts';
import type { Degradation } from '../queue/degradations.ts';
import type { InputSink, StateInput } from '../queue/input.ts';

/** Scores, at once where nothing has to be waited for; null = there is nothing that could score. */
export type Scoring<Scores> = Scores | null | Promise<Scores | null>;

export interface SlotOptions<Model, Request, Scores> {
  readonly clock: Clock;
  /** A model that takes longer for a batch, twice in a row, is dropped if it has a fallback. */
  readonly slowInferenceMs: number;
  /** Holds this degradation, for this scope, while a fallback serves, or a slow model without one. */
  readonly degradations: DegradationSet;
  readonly degradation: { readonly what: Degradation; readonly scope: DegradationScope };
  versionOf(model: Model): string;
  score(model: Model, request: Request): Scores | Promise<Scores>;
  /** The journaled input of a swap in this slot. @param slow the active model, where the other replaces it for that */
  swapTo(model: Model | null, slow?: Model): StateInput;
  /** Journal of fallbacks. */
  inputs(): InputSink;
  onActive(model: Model | null): void;
  onSwap(model: Model): void;
  onFailure(error: unknown, failed: Model, next: Model | null): void;
  onRecovery(model: Model): void;
  release(model: Model): void;
}

/** A change of what a slot serves. */
export interface SlotSwap<Model> {
  readonly set: Model | null;
  /** The active model that was too slow, when `set` is its fallback. */
  readonly slow?: Model;
}

/** The active model of a slot, and the one before it as its fallback. */
export class Slot<Model, Request, Scores> {
  readonly #options: SlotOptions<Model, Request, Scores>;
  #active: Model | null = null;
  #fallback: Model | null = null;
  /** The active model serves instead of one that failed or was slow. */
  #isFallback = false;
  /** The active model is slow, and has no fallback. */
  #isSlow = false;
  /** Models that wait in the queue. */
  #waiting = 0;

  constructor(options: SlotOptions<Model, Request, Scores>) {
    this.#options = options;
  }

  get active(): Model | null {
    return this.#active;
  }

  /** The active model and its fallback. */
  get models(): readonly Model[] {
    return [this.#active, this.#fallback].filter((model) => model !== null);
  }

  /** A swap was journaled; `swap` follows. */
  announce({ slow }: SlotSwap<Model>): void {
    if (slow === undefined) this.#waiting++;
  }

  swap({ set, slow }: SlotSwap<Model>): void {
    if (slow !== undefined) return this.#drop(slow);
    this.#waiting--;
    if (set === null) return this.clear();
    const retired = this.#fallback;
    this.#fallback = this.#active;
    this.#activate(set);
    this.#options.degradations.endOfSlot(this.#options.degradation);
    this.#options.onSwap(set);
    if (retired !== null) this.#options.release(retired);
  }

  /** No model any more. */
  clear(): void {
    this.#activate(null);
    this.#fallback = null;
  }

  #drop(slow: Model): void {
    if (this.#active === slow) this.#activate(this.#fallback, true);
    this.#fallback = null;
    this.#options.release(slow);
  }

  #activate(model: Model | null, isFallback = false): void {
    this.#active = model;
    this.#isFallback = isFallback;
    this.#isSlow = false;
    this.#options.onActive(model);
  }

  /**
   * Scores a batch. A model that fails is replaced by its fallback within the same bar. A model that was slow is run
   * again at once, because a pause of the machine may be the cause. If it is slow again, its answers are still used,
   * and its fallback replaces it right after this bar. Without one it continues to answer, degraded, until it is fast
   * again.
   */
  infer(request: Request): Scoring<Scores> {
    const model = this.#active;
    if (model === null) return null;
    const { slowInferenceMs } = this.#options;
    return this.#ask(model, request, (scores, tookMs) => {
      if (tookMs <= slowInferenceMs) {
        if (this.#isSlow) this.#recover(model);
        return scores;
      }
      if (this.#isSlow) return scores;
      return this.#ask(model, request, (again, againMs) => {
        if (againMs > slowInferenceMs) this.#demote(model, againMs);
        return again;
      });
    });
  }

  /** Without an await where the model answers at once. */
  #ask(model: Model, request: Request, check: (scores: Scores, tookMs: number) => Scoring<Scores>): Scoring<Scores> {
    const { clock, score } = this.#options;
    const startUs = clock.monotonicUs();
    const tookMs = (): number => (clock.monotonicUs() - startUs) / 1000;
    try {
      const answer = score(model, request);
      if (!(answer instanceof Promise)) return check(answer, tookMs());
      return answer.then(
        (scores) => check(scores, tookMs()),
        (error: unknown) => this.#fallBack(error, model, request),
      );
    } catch (error) {
      return this.#fallBack(error, model, request);
    }
  }

  #fallBack(error: unknown, failed: Model, request: Request): Scoring<Scores> {
    const { degradations, degradation, inputs, swapTo, onFailure, release } = this.#options;
    this.#activate(this.#fallback, true);
    this.#fallback = null;
    degradations.add(degradation.what, degradation.scope);
    // Already active for this bar. A swap that waits in the queue is journaled before these two and takes effect after
    // them: it ends both.
    const changes: readonly StateInput[] = [swapTo(this.#active), { kind: 'degraded', ...degradation }];
    inputs().recordEarlier(changes, this.#waiting > 0 ? 'waits' : 'none');
    onFailure(error, failed, this.#active);
    release(failed);
    return this.infer(request);
  }

  #demote(slow: Model, tookMs: number): void {
    // A newer model is about to replace it anyway.
    if (this.#waiting > 0) return;
    const { slowInferenceMs, degradation, inputs, swapTo, versionOf, onFailure } = this.#options;
    const fallback = this.#fallback;
    if (fallback === null) this.#isSlow = true;
    else inputs().apply(swapTo(fallback, slow));
    inputs().apply({ kind: 'degraded', ...degradation });
    const seen = `${versionOf(slow)}: ${tookMs.toFixed(0)} ms`;
    const error = new MinutehandError('MODEL_SLOW', { seen, expected: `at most ${slowInferenceMs} ms` });
    onFailure(error, slow, fallback ?? slow);
  }

  #recover(model: Model): void {
    // A newer model ends the degradation.
    if (this.#waiting > 0) return;
    const { degradation, inputs, onRecovery } = this.#options;
    this.#isSlow = false;
    if (!this.#isFallback) inputs().apply({ kind: 'recovered', ...degradation });
    onRecovery(model);
  }
}
