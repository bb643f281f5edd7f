import { SECONDS_PER_BAR, type Bar, type OpenTime } from '../shared/bar.ts';
import type { BatchScores, ModelSet } from '../shared/bundle/model_set.ts';
import { isAtOnce } from '../shared/bundle/scoring_engine.ts';
import { createSimulatedMarket, type SimulatedMarket } from '../shared/market/simulated_market.ts';
import { barSecondsOf, symbolsOf, type Pair } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { Clock, Scheduler } from '../shared/ports.ts';
import { createIntake, type Intake } from './feed/intake.ts';
import { barInput } from './queue/input.ts';
import { NO_JOURNAL } from './journal/journal.ts';
import { Pipeline } from './pipeline.ts';
import { pipelineSettings } from './options/pipeline_options.ts';
import { createWebSocketPublisher } from './publish/websocket.ts';

/** More would not run other code. */
const MAX_PAIRS = 16;
const BARS_PER_RUN = 4;
const START = (Date.UTC(2020, 0, 6) / 1000) as OpenTime;
/** Two years: some days of dry runs. Bars must not reach the present. */
const MINUTES = 2 * 365 * 1440;
const nothing = (): void => undefined;

export interface DryRunOptions {
  readonly settings: Settings;
  /** Those of longer bars are left out: they would need years of minutes. */
  readonly pairs: readonly Pair[];
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /** The active models. */
  models(): ModelSet | null;
  /** No real bar is being answered. */
  isIdle(): boolean;
  /** Duration of the simulated market, which then starts over. */
  readonly minutes?: number;
}

interface Simulation {
  readonly pipeline: Pipeline;
  readonly intake: Intake;
  readonly market: SimulatedMarket;
  readonly lastTime: number;
}

/**
 * A second pipeline that answers bars of a simulated market with the active models. Nothing of it is journaled or
 * leaves the process. It runs while no real bar is answered, and one that comes meanwhile has the models to itself.
 */
export class DryRuns {
  readonly #options: DryRunOptions;
  readonly #pairs: readonly Pair[];
  #simulation: Simulation;
  /** Bars of the newest simulated minute that are not answered yet. */
  #bars: Bar[] = [];
  /** The last active models, whether or not dry runs use them. */
  #seen: ModelSet | null = null;
  #hasModels = false;
  #isRunning = false;
  #answered = 0;

  constructor(options: DryRunOptions) {
    this.#options = options;
    this.#pairs = options.pairs.filter((pair) => barSecondsOf(pair) === SECONDS_PER_BAR).slice(0, MAX_PAIRS);
    this.#simulation = this.#openSimulation();
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
    if (this.#isRunning || this.#pairs.length === 0) return;
    if (this.#simulation.market.nextTime > this.#simulation.lastTime) this.#renew();
    if (!this.#followModels()) return;
    this.#isRunning = true;
    try {
      if (this.#simulation.pipeline.status.readyPairs < this.#pairs.length) await this.#takeHistory();
      else await this.#answerBars();
    } finally {
      this.#isRunning = false;
    }
  }

  #openSimulation(): Simulation {
    const { settings, clock, scheduler, minutes = MINUTES } = this.#options;
    const { interval_ms, max_clock_skew_ms, max_bars_per_request } = settings.minutehand.feed;
    const pairs = this.#pairs;
    const websocket = createWebSocketPublisher({ pairIds: pairs.map(({ id }) => id), onFailure: nothing });
    websocket.attach({ publishAll: nothing });
    const pipeline = new Pipeline({
      ...pipelineSettings(settings),
      pairs,
      clock,
      scheduler,
      market: 'replay',
      bootId: '',
      feedIntervalMs: interval_ms,
      restMs: 0,
      silence: { degradedIntervals: Infinity, haltIntervals: Infinity },
      slowInferenceMs: Infinity,
      sockets: [websocket],
      files: [],
      journal: NO_JOURNAL,
      observer: {
        onSignals: (batch) => (this.#answered += batch.length),
        onSwap: nothing,
        onModelFailure: nothing,
        onShadowFailure: nothing,
        onChallengerFailure: nothing,
        onScreened: nothing,
      },
    });
    const intake = createIntake({
      sink: pipeline.inputs,
      bootId: '',
      clock,
      open: true,
      onOutcome: nothing,
      maxClockSkewMs: max_clock_skew_ms,
      maxBars: max_bars_per_request,
    });
    const market = createSimulatedMarket({ seed: 'dry run', symbols: symbolsOf(pairs), start: START });
    return { pipeline, intake, market, lastTime: START + minutes * SECONDS_PER_BAR };
  }

  #renew(): void {
    this.#simulation = this.#openSimulation();
    this.#bars = [];
    this.#seen = null;
  }

  /** @returns whether there are models that answer at once */
  #followModels(): boolean {
    const { models, isIdle } = this.#options;
    const set = models();
    if (set !== this.#seen) {
      this.#seen = set;
      this.#hasModels = set !== null && Object.values(set.engines).every(isAtOnce);
      const own = this.#hasModels ? borrowed(set!, this.#pairs.length, isIdle) : null;
      this.#simulation.pipeline.inputs.apply({ kind: 'swap', set: own });
    }
    return this.#hasModels;
  }

  async #takeHistory(): Promise<void> {
    for (const bar of this.#simulation.market.next().bars) this.#simulation.pipeline.inputs.apply(barInput(bar, true));
    await this.#simulation.pipeline.settled();
  }

  async #answerBars(): Promise<void> {
    for (let done = 0; done < BARS_PER_RUN && this.#options.isIdle(); done++) {
      if (this.#bars.length === 0) this.#bars = [...this.#simulation.market.next().bars];
      const bar = this.#bars.shift()!;
      this.#simulation.intake(JSON.stringify({ ...bar, time: bar.time * 1000 }), false);
      await this.#simulation.pipeline.settled();
    }
  }
}

/**
 * The set of another pipeline: it is not released, and not asked while that pipeline answers, whose scores it would
 * overwrite.
 */
function borrowed(set: ModelSet, maxRows: number, isFree: () => boolean): ModelSet {
  const column = (): Float64Array => new Float64Array(maxRows);
  const zeros: BatchScores = {
    return_prob: column(),
    risk_prob: column(),
    risk_score: column(),
    position_scale: column(),
    result_sigmas: column(),
    ...(set.novelty && { novelty: () => 0 }),
  };
  return {
    ...set,
    infer: (...batch) => (isFree() ? set.infer(...batch) : zeros),
    release: () => Promise.resolve(),
  };
}
