import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import type { ScoringEngine } from '../../shared/bundle/scoring_engine.ts';
import { TIMEFRAMES, timeframeOf, type Timeframe } from '../../shared/pair.ts';
import type { Clock } from '../../shared/ports.ts';
import type { DirectionScores } from '../../shared/bundle/direction/direction_scores.ts';
import { directionSlot, type DegradationSet } from '../queue/degradation_set.ts';
import type { DirectionInput, InputSink } from '../queue/input.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import type { TimeframeRows } from '../features/instrument_matrix.ts';
import { Slot } from './slot.ts';

export interface DirectionSlotsOptions {
  readonly clock: Clock;
  /** A model that takes longer for a batch, twice in a row, is dropped if it has a fallback. */
  readonly slowInferenceMs: number;
  readonly degradations: DegradationSet;
  /** Journal of fallbacks. */
  inputs(): InputSink;
  readonly observer: Pick<PipelineObserver, 'onDirectionSwap' | 'onDirectionFailure' | 'onDirectionRecovery'>;
}

type DirectionSlot = Slot<DirectionModel, TimeframeRows, Float64Array>;

/** A slot for the instruments of each timeframe: the active direction model, and the one before it as its fallback. */
export class DirectionSlots {
  readonly #options: DirectionSlotsOptions;
  /** By seconds of a bar. */
  readonly #slots = new Map<number, DirectionSlot>();

  constructor(options: DirectionSlotsOptions) {
    this.#options = options;
  }

  /** Whether any timeframe has a model. */
  get isActive(): boolean {
    for (const { active } of this.#slots.values()) if (active !== null) return true;
    return false;
  }

  /** Versions by timeframe. */
  get versions(): Partial<Record<Timeframe, string>> {
    return this.#ofActive(({ manifest }) => manifest.version);
  }

  /** What scores the active model, by timeframe. */
  get engines(): Partial<Record<Timeframe, ScoringEngine>> {
    return this.#ofActive(({ engine }) => engine);
  }

  /** What was compared, or why onnxruntime scores it, by timeframe. */
  get engineNotes(): Partial<Record<Timeframe, string>> {
    return this.#ofActive(({ engineNote }) => engineNote);
  }

  #ofActive<Value>(of: (model: DirectionModel) => Value): Partial<Record<Timeframe, Value>> {
    const active = [...this.#slots].flatMap(([barSeconds, slot]) =>
      slot.active === null ? [] : [[timeframeOf(barSeconds), of(slot.active)]],
    );
    return Object.fromEntries(active) as Partial<Record<Timeframe, Value>>;
  }

  /** The active model of a timeframe and its fallback. */
  modelsOf(barSeconds: number): readonly DirectionModel[] {
    return this.#slots.get(barSeconds)?.models ?? [];
  }

  activeOf(barSeconds: number): DirectionModel | null {
    return this.#slots.get(barSeconds)?.active ?? null;
  }

  /** A swap was journaled; `swap` follows. */
  announce(input: DirectionInput): void {
    this.#slotOf(input.timeframe).announce(input);
  }

  swap(input: DirectionInput): void {
    this.#slotOf(input.timeframe).swap(input);
  }

  /** No models any more. */
  clear(): void {
    for (const slot of this.#slots.values()) slot.clear();
  }

  /**
   * Scores the rows of a batch, at once where our own code does. Without a model, or when the last one fails: mode
   * HALT.
   */
  infer(rows: TimeframeRows): DirectionScores | Promise<DirectionScores> {
    const slot = this.#slots.get(rows.barSeconds);
    if (slot === undefined || slot.active === null || rows.rows === 0)
      return { model: slot?.active ?? null, probabilities: null };
    const scoring = slot.infer(rows);
    if (!(scoring instanceof Promise)) return scoresOf(slot, rows, scoring);
    return scoring.then((probabilities) => scoresOf(slot, rows, probabilities));
  }

  #slotOf(timeframe: Timeframe): DirectionSlot {
    const barSeconds = TIMEFRAMES[timeframe];
    const slot = this.#slots.get(barSeconds) ?? this.#createSlot(timeframe);
    this.#slots.set(barSeconds, slot);
    return slot;
  }

  #createSlot(timeframe: Timeframe): DirectionSlot {
    const { clock, slowInferenceMs, degradations, inputs, observer } = this.#options;
    return new Slot({
      clock,
      slowInferenceMs,
      degradations,
      degradation: directionSlot(timeframe),
      versionOf: ({ manifest }) => manifest.version,
      score: (model, group) => model.infer(group.valuesOf(model), group.rows),
      swapTo: (set, slow) =>
        slow === undefined ? { kind: 'direction', timeframe, set } : { kind: 'direction', timeframe, set, slow },
      inputs,
      onActive: () => undefined,
      onSwap: (model) => observer.onDirectionSwap?.(model, timeframe),
      onFailure: (...failure) => observer.onDirectionFailure?.(...failure),
      onRecovery: (model) => observer.onDirectionRecovery?.(model),
      release: releaseDirection,
    });
  }
}

/** A model that cannot be released costs memory, not signals. */
export function releaseDirection(model: DirectionModel): void {
  model.release().catch(() => undefined);
}

/** Of the model that has answered: the fallback, where the active one has failed. */
function scoresOf(
  { active: model }: DirectionSlot,
  rows: TimeframeRows,
  probabilities: Float64Array | null,
): DirectionScores {
  return { model, probabilities, ...(model !== null && { features: rows.valuesOf(model) }) };
}
