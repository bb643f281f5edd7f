import { SECONDS_PER_BAR, type Bar, type OpenTime } from '../../shared/bar.ts';
import { partsOfSet, type BatchScores, type ModelSet } from '../../shared/bundle/model_set.ts';
import { createSimulatedMarket, type SimulatedMarket } from '../../shared/market/simulated_market.ts';
import { barSecondsOf, symbolsOf, type Pair } from '../../shared/pair.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { Clock, Scheduler } from '../../shared/ports.ts';
import { createIntake, type Intake } from '../feed/intake.ts';
import { barInput } from '../input.ts';
import { NO_JOURNAL } from '../journal/journal.ts';
import { Pipeline } from '../pipeline.ts';
import { pipelineSettings } from '../pipeline_options.ts';
import { createWebSocketPublisher } from '../publish/websocket.ts';

/** More would not run other code. */
const MAX_PAIRS = 16;
const BARS_PER_RUN = 4;
const START = (Date.UTC(2020, 0, 6) / 1000) as OpenTime;
const nothing = (): void => undefined;

export interface DryRunOptions {
  readonly settings: Settings;
  /** Those of longer bars are left out: they would need years of minutes. */
  readonly pairs: readonly Pair[];
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** The models in force. */
  models(): ModelSet | null;
  /** No real bar is being answered. */
  isIdle(): boolean;
}

/**
 * A second pipeline that answers bars of a simulated market with the models in force. Nothing of it is journaled or
 * leaves the process. It runs while no real bar is answered, and one that comes meanwhile has the models to itself.
 */
export class DryRuns {
  readonly #options: DryRunOptions;
  readonly #pipeline: Pipeline;
  readonly #intake: Intake;
  readonly #market: SimulatedMarket;
  readonly #pairs: number;
  #bars: readonly Bar[] = [];
  /** The last models in force, whether or not they are used here. */
  #seen: ModelSet | null = null;
  #hasModels = false;
  #isRunning = false;
  #answered = 0;

  constructor(options: DryRunOptions) {
    const { settings, clock, scheduler } = options;
    const pairs = options.pairs.filter((pair) => barSecondsOf(pair) === SECONDS_PER_BAR).slice(0, MAX_PAIRS);
    const websocket = createWebSocketPublisher({ pairIds: pairs.map(({ id }) => id), onFailure: nothing });
    websocket.attach({ publishAll: nothing });
    this.#options = options;
    this.#pairs = pairs.length;
    this.#pipeline = new Pipeline({
      ...pipelineSettings(settings),
      ...{ pairs, clock, scheduler, market: 'replay', bootId: '2020-01-06T00:00:00.000Z', restMs: 0 },
      feedIntervalMs: settings.minutehand.feed.interval_ms,
      silence: { degradedIntervals: Infinity, haltIntervals: Infinity },
      slowInferenceMs: Infinity,
      ...{ sockets: [websocket], files: [], journal: NO_JOURNAL },
      observer: {
        onSignals: (batch) => (this.#answered += batch.length),
        ...{ onSwap: nothing, onModelFailure: nothing, onShadowFailure: nothing },
        ...{ onChallengerFailure: nothing, onScreened: nothing },
      },
    });
    const { max_clock_skew_ms, max_bars_per_request } = settings.minutehand.feed;
    this.#intake = createIntake({
      ...{ sink: this.#pipeline.inputs, bootId: '', clock, open: true, onOutcome: nothing },
      ...{ maxClockSkewMs: max_clock_skew_ms, maxBars: max_bars_per_request },
    });
    this.#market = createSimulatedMarket({ seed: 'dry run', symbols: symbolsOf(pairs), start: START });
  }

  /** Signals so far. */
  get answered(): number {
    return this.#answered;
  }

  /**
   * Answers the next bars; before its features are complete, takes a minute of history. Resolves when that is done: at
   * once while the last run is under way, without models, or where onnxruntime serves any, whose answers come later.
   */
  async run(): Promise<void> {
    if (this.#isRunning || this.#pairs === 0 || !this.#followModels()) return;
    this.#isRunning = true;
    try {
      if (this.#pipeline.status.readyPairs < this.#pairs) await this.#takeHistory();
      else await this.#answerBars();
    } finally {
      this.#isRunning = false;
    }
  }

  /** @returns whether there are models that answer at once */
  #followModels(): boolean {
    const { models, isIdle } = this.#options;
    const set = models();
    if (set !== this.#seen) {
      this.#seen = set;
      this.#hasModels = set !== null && answersAtOnce(set);
      const own = this.#hasModels ? borrowed(set!, this.#pairs, isIdle) : null;
      this.#pipeline.inputs.apply({ kind: 'swap', set: own });
    }
    return this.#hasModels;
  }

  async #takeHistory(): Promise<void> {
    for (const bar of this.#market.next().bars) this.#pipeline.inputs.apply(barInput(bar, true));
    await this.#pipeline.settled();
  }

  async #answerBars(): Promise<void> {
    for (let done = 0; done < BARS_PER_RUN && this.#options.isIdle(); done++) {
      if (this.#bars.length === 0) this.#bars = this.#market.next().bars;
      const [bar, ...others] = this.#bars;
      this.#bars = others;
      this.#intake(JSON.stringify({ ...bar, time: bar!.time * 1000 }), false);
      await this.#pipeline.settled();
    }
  }
}

function answersAtOnce(set: ModelSet): boolean {
  return partsOfSet(set).every(({ engines }) => Object.values(engines).every((engine) => engine === 'wasm-simd'));
}

/**
 * The set of another pipeline: it is not released, and not asked while that pipeline answers, whose scores it would
 * overwrite.
 */
function borrowed(set: ModelSet, maxRows: number, isFree: () => boolean): ModelSet {
  const column = (): Float64Array => new Float64Array(maxRows);
  const zeros: BatchScores = {
    ...{ return_prob: column(), risk_prob: column(), risk_score: column() },
    ...{ position_scale: column(), result_sigmas: column() },
  };
  return {
    ...set,
    infer: (...batch) => (isFree() ? set.infer(...batch) : zeros),
    release: () => Promise.resolve(),
  };
}
