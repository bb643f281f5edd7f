import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { TIMEFRAMES, timeframeOf, type Timeframe } from '../../shared/pair.ts';
import type { DirectionScores } from '../decide/instrument_answer.ts';
import type { DirectionInput, InputSink } from '../queue/input.ts';
import type { PipelineObserver } from '../options/pipeline_options.ts';
import type { TimeframeRows } from '../features/instrument_matrix.ts';

export interface DirectionSlotsOptions {
  inputs(): InputSink;
  readonly observer: Pick<PipelineObserver, 'onDirectionSwap' | 'onDirectionFailure'>;
}

const NOTHING: DirectionScores = { model: null, probabilities: null };

/** The active direction model of each timeframe. */
export class DirectionSlots {
  readonly #options: DirectionSlotsOptions;
  readonly #active = new Map<number, DirectionModel>();

  constructor(options: DirectionSlotsOptions) {
    this.#options = options;
  }

  /** Versions by timeframe. */
  get versions(): Partial<Record<Timeframe, string>> {
    return Object.fromEntries(
      [...this.#active].map(([barSeconds, { manifest }]) => [timeframeOf(barSeconds), manifest.version]),
    );
  }

  activeOf(barSeconds: number): DirectionModel | null {
    return this.#active.get(barSeconds) ?? null;
  }

  swap({ timeframe, set }: DirectionInput): void {
    if (set === null) this.#active.delete(TIMEFRAMES[timeframe]);
    else {
      this.#active.set(TIMEFRAMES[timeframe], set);
      this.#options.observer.onDirectionSwap?.(set, timeframe);
    }
  }

  /** No models any more. */
  clear(): void {
    this.#active.clear();
  }

  /** Scores the rows of a batch. A model that fails is dropped before the batch is decided: mode HALT. */
  infer({ barSeconds, values, rows }: TimeframeRows): DirectionScores {
    const model = this.#active.get(barSeconds);
    if (model === undefined) return NOTHING;
    if (rows === 0) return { model, probabilities: null };
    try {
      return { model, probabilities: model.infer(values, rows) };
    } catch (error) {
      const { inputs, observer } = this.#options;
      this.#active.delete(barSeconds);
      // Already effective for this bar; a replay whose model does not fail again gets there by the journal.
      inputs().record({ kind: 'direction', timeframe: timeframeOf(barSeconds), set: null });
      observer.onDirectionFailure?.(error, model);
      return NOTHING;
    }
  }
}
