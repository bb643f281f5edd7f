import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
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

  /** Versions by timeframe. */
  get versions(): Partial<Record<Timeframe, string>> {
    const active = [...this.#slots].flatMap(([barSeconds, slot]) =>
      slot.active === null ? [] : [[timeframeOf(barSeconds), slot.active.manifest.version]],
    );
    return Object.fromEntries(active) as Partial<Record<Timeframe, string>>;
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

  /** Scores the rows of a batch. Without a model, or when the last one fails: mode HALT. */
  infer(rows: TimeframeRows): DirectionScores {
    const slot = this.#slots.get(rows.barSeconds);
    if (slot === undefined || slot.active === null || rows.rows === 0)
      return { model: slot?.active ?? null, probabilities: null };
    // Direction models answer at once.
    const probabilities = slot.infer(rows) as Float64Array | null;
    // The fallback, where the active model has failed.
    const model = slot.active;
    return { model, probabilities, ...(model !== null && { features: rows.valuesOf(model) }) };
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
      // Nothing of it is bound to a thread.
      release: () => undefined,
    });
  }
}
