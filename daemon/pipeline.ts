import type { RuleModel } from '../shared/bundle/rule/rule_model.ts';
import type { DirectionModel } from '../shared/bundle/direction/direction_model.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import { SeriesBook } from '../shared/core/series/series_book.ts';
import { MinutehandError } from '../shared/errors.ts';
import type { FormulaStore } from '../shared/store/warm_bars.ts';
import type { RuleRole } from './features/rules_by_role.ts';
import type { InputRow, LastSignal } from '../shared/store/journal.ts';
import { Bookkeeping } from './bookkeeping.ts';
import type { Answer } from './decide/answer.ts';
import { Decider } from './decide/decider.ts';
import { IdleWindow } from './status/idle_window.ts';
import { FeatureMatrix } from './features/feature_matrix.ts';
import type { WarmUpTurns } from './features/formula_warm_up.ts';
import { HaltedPairs } from './infer/halted_pairs.ts';
import { ModelSlots } from './infer/model_slots.ts';
import { RolloutArms } from './infer/rollout_arms.ts';
import { Shadow } from './infer/shadow.ts';
import { readSeries } from './features/series_reader.ts';
import { Inputs } from './status/inputs.ts';
import { Instruments } from './instruments.ts';
import { SignalRecorder } from './journal/record.ts';
import { Stopwatch } from './publish/stopwatch.ts';
import type { PipelineOptions } from './options/pipeline_options.ts';
import { PipelineStatus } from './status/pipeline_status.ts';
import { BatchPublisher } from './batches/batch_publisher.ts';
import { Envelope } from './publish/envelope.ts';
import type { StateInput } from './queue/input.ts';
import { DegradationSet } from './queue/degradation_set.ts';
import { Queue, type MinuteItem } from './queue/queue.ts';
import { takeEffect, type States } from './state_input.ts';
import { Turns } from './turns.ts';

/** A bar's way: feed → align → features → infer → decide → publish → journal. */
export class Pipeline {
  readonly inputs: Inputs;
  readonly queue: Queue;
  /** What was known of auxiliary series, as of the input that is being answered. */
  readonly series = new SeriesBook();
  readonly status: PipelineStatus;
  /** Reads what the next bar of a pair needs into the cache. */
  readonly touch = (pairIndex: number): void => this.#matrix.features.touch(pairIndex);
  readonly #options: PipelineOptions;
  readonly #idle: IdleWindow;
  readonly #warmUpTurns: WarmUpTurns = {
    stored: async () => {
      if (!(await this.settled())) throw new MinutehandError('WARM_UP_WAITS');
    },
    pause: () => this.idleWindow(),
  };
  readonly #models: ModelSlots;
  readonly #matrix: FeatureMatrix;
  readonly #decider: Decider;
  readonly #shadow: Shadow;
  readonly #arms: RolloutArms;
  /** Of a rollout, by strategy: each keeps what concerns it. */
  readonly #lanes: readonly Pick<RolloutArms, 'announce' | 'change' | 'restart'>[];
  readonly #instruments: Instruments;
  readonly #envelope: Envelope;
  readonly #batches: BatchPublisher;
  readonly #recorder: SignalRecorder;
  readonly #books: Bookkeeping;
  readonly #turns: Turns;
  readonly #stopwatch: Stopwatch;
  readonly #states: States;
  /** The journal from which formulas of pairs were warmed; null: none were. */
  #warmedFrom: FormulaStore | null = null;

  /** The parts in the order of a bar's way. Those that get subjects as `pairs` count pairs first, then instruments. */
  constructor(options: PipelineOptions) {
    const { pairs, instruments = [], clock, scheduler, journal, observer } = options;
    const { feedIntervalMs, slowInferenceMs, bootId } = options;
    const subjects = [...pairs, ...instruments];
    // For parts that are made before the inputs are.
    const inputs = (): Inputs => this.inputs;
    this.#options = options;
    this.#stopwatch = new Stopwatch(clock);
    this.#turns = new Turns(options);
    this.#idle = new IdleWindow(clock, scheduler, feedIntervalMs);

    // What changes between two minutes: models, halts, degradations.
    const degradations = new DegradationSet();
    const halts = new HaltedPairs(pairs, options.halts, instruments);
    this.#models = new ModelSlots({ clock, slowInferenceMs, halts, degradations, inputs, observer });

    // feed → align: inputs one after the other, as the journal has them.
    this.queue = new Queue({
      loopTurn: () => this.#turns.end(),
      answer: (batch) => this.#answer(batch),
      apply: (input) => this.#apply(input),
      finish: () => this.#books.finish(),
      onWaiting: () => this.#turns.interrupt(),
      readsSeries: (at: number) => at >= pairs.length || this.#matrix.readsSeries,
      onIdle: () => this.inputs.suspects.takeFound().forEach((found) => observer.onScreened(found)),
    });
    this.inputs = new Inputs({
      pipeline: options,
      subjects,
      queue: this.queue,
      idle: this.#idle,
      halts,
      slots: this.#models,
      directions: { announce: (input) => this.#instruments.slots.announce(input) },
      rules: { announce: (input) => this.#instruments.ruleSlots.announce(input) },
      arms: { announce: () => this.#lanes.forEach((arms) => arms.announce()) },
    });

    // features → infer → decide
    const series = readSeries(this.series);
    const matrix = new FeatureMatrix(pairs, options.windows, options.schema.definitions.length, series);
    const decider = new Decider({
      pairs,
      subjects,
      schema: options.schema,
      policy: options.policy,
      policyHash: options.policyHash,
      costs: options.costs,
      matrix,
      degradations,
    });
    this.#matrix = matrix;
    this.#decider = decider;
    this.#instruments = new Instruments({
      clock,
      slowInferenceMs,
      pairs,
      instruments,
      matrix,
      decider,
      halts,
      degradations,
      series,
      journal,
      activeModels: () => this.#models.active,
      inputs,
      observer,
    });
    this.#shadow = new Shadow({ pairs, matrix, decider, journal, observer });
    this.#arms = new RolloutArms({
      pairs,
      clock,
      matrix,
      decider,
      halts,
      journal,
      slowInferenceMs,
      inputs,
      observer,
    });
    this.#lanes = [this.#arms, this.#instruments.arms, this.#instruments.ruleArms];

    // publish → journal
    this.#envelope = new Envelope({ pairs: subjects, market: options.market, bootId, feedIntervalMs }, clock.nowMs());
    this.#batches = new BatchPublisher({
      sockets: options.sockets,
      files: options.files,
      lease: options.lease,
      envelope: this.#envelope,
      stopwatch: this.#stopwatch,
    });
    // The instruments know the checksum of any subject's features.
    this.#recorder = new SignalRecorder({ pairs: subjects, matrix: this.#instruments, bootId, journal });
    this.#books = new Bookkeeping({
      recorder: this.#recorder,
      stopwatch: this.#stopwatch,
      decider,
      arms: this.#arms,
      instruments: this.#instruments,
      idle: this.#idle,
      observer,
      slots: this.#models,
    });

    // What inputs other than minutes change, and what others see of it.
    this.#states = {
      slots: this.#models,
      directions: this.#instruments.slots,
      rules: this.#instruments.ruleSlots,
      halts,
      shadow: this.#shadow,
      directionShadows: this.#instruments.shadows,
      ruleShadows: this.#instruments.ruleShadows,
      arms: {
        change: (input) => this.#lanes.forEach((arms) => arms.change(input)),
        restart: () => this.#lanes.forEach((arms) => arms.restart()),
      },
      decider,
      degradations,
      batches: this.#batches,
      series: this.series,
      clock,
    };
    this.status = new PipelineStatus({
      subjects,
      slots: this.#models,
      directions: this.#instruments.slots,
      rules: this.#instruments.rules,
      halts,
      arms: this.#arms,
      directionArms: this.#instruments.arms,
      ruleArms: this.#instruments.ruleArms,
      decider,
      degradations,
      batches: this.#batches,
      series: this.series,
      clock,
      inputs: this.inputs,
      envelope: this.#envelope,
      isReady: this.#instruments.isReady,
      hasTaker: this.#instruments.hasTaker,
    });
  }

  /** Sets come and go between two minutes, and their formulas with them. */
  #apply(input: StateInput): void {
    takeEffect(input, this.#states);
    const others = [this.#shadow.set, this.#arms.challenger].filter((set) => set !== null);
    this.#matrix.use([...this.#models.sets, ...others]);
    if (input.kind !== 'series') this.#readOthers();
    this.#instruments.useModels();
  }

  /** Bars come with those of the symbols that the formulas of loaded models read. */
  #readOthers(): void {
    const symbols = this.#matrix.otherSymbols;
    if (symbols.join() !== this.inputs.aligner.readOthers.join()) this.inputs.aligner.readOthers = symbols;
  }

  async #answer(batch: readonly MinuteItem[]): Promise<void> {
    const { clock } = this.#options;
    const watch = this.#stopwatch;
    this.#books.finishBefore(batch);
    const room = this.#recorder.room(batch);
    if (room !== null) await room;
    watch.start();
    for (const { minute } of batch) this.#decider.ids.note(minute);
    const rows = this.#matrix.step(this.#instruments.step(batch));
    watch.lap('features');
    const toPublish = batch.filter((item) => item.publish);
    if (toPublish.length === 0) return;
    watch.arrived(toPublish[0]!.arrivedUs);
    this.inputs.answering(toPublish);
    const scoring = this.#models.infer(this.#matrix, rows, this.#matrix.rowPairs);
    const scores = scoring instanceof Promise ? await scoring : scoring;
    const { active } = this.#models;
    const comparing = this.#arms.infer(active, rows);
    const compared = comparing instanceof Promise ? await comparing : comparing;
    const directing = this.#instruments.infer();
    if (directing instanceof Promise) await directing;
    watch.lap('infer');
    const nowMs = clock.nowMs();
    const decidePairs = (items: readonly MinuteItem[]) => this.#arms.decide(items, active, scores, compared);
    const decide = (items: readonly MinuteItem[]): readonly Answer[] => this.#instruments.decide(items, decidePairs);
    const { answers, publications } = this.#batches.publish(toPublish, decide, nowMs);
    await this.#turns.end();
    watch.start();
    this.#batches.publishFiles(publications);
    watch.lap('file');
    if (this.queue.isEmpty) await this.#turns.rest();
    watch.start();
    const ofPairs = this.#instruments.pairsIn(answers);
    if (this.#shadow.isPresent && rows > 0) await this.#shadow.follow(ofPairs, rows);
    this.#arms.follow(ofPairs);
    this.#instruments.follow(answers);
    if (this.#instruments.shadows.isPresent) await this.#instruments.followShadows(answers);
    if (this.#instruments.ruleShadows.isPresent) await this.#instruments.followRuleShadows(answers);
    watch.lap('shadow');
    this.#books.add({ answers, ofPairs, publications, nowMs, timing: watch.timing(answers.length) });
    if (this.queue.isEmpty) this.#books.finish();
  }

  // ---- between two minutes ----

  /** Resolves when all that was taken so far is published and stored. @returns false when the disk refuses it */
  async settled(): Promise<boolean> {
    await this.queue.settled();
    return this.#options.journal.stored();
  }

  /** Resolves when the thread may be blocked for some milliseconds. */
  idleWindow(): Promise<void> {
    const isAnswering = this.#models.active !== null || this.#instruments.slots.isActive;
    return isAnswering ? this.#idle.wait() : Promise.resolve();
  }

  /**
   * Computes the formulas of a loaded set over its last journaled bars, off the way of bars, before it answers.
   * @param store the journal of this pipeline's bars
   * @throws MinutehandError WARM_UP_WAITS where the journal could not be brought up to date
   */
  async warm(set: ModelSet, store: FormulaStore): Promise<void> {
    this.#warmedFrom = store;
    try {
      await this.#matrix.warm(set, store, this.#warmUpTurns, () => this.#beginToRead());
    } finally {
      this.#readOthers();
    }
  }

  /** Every bar that a warm-up does not read from the journal comes with those of other symbols. */
  async #beginToRead(): Promise<void> {
    this.#readOthers();
    await this.queue.settled();
  }

  /** The same of the formulas of a rule. @param store the journal of this pipeline's bars */
  warmRule(rule: RuleModel, store: FormulaStore, role: RuleRole = 'served'): Promise<void> {
    return this.#instruments.warmRule(role, rule, store, this.#warmUpTurns);
  }

  /** The same of a direction model. @param store the journal of this pipeline's bars */
  warmDirection(model: DirectionModel, store: FormulaStore): Promise<void> {
    return this.#instruments.warmDirection(model, store, this.#warmUpTurns);
  }

  /** No bars can be expected yet: silence and expiry are counted from now on. */
  expectNoBars(): void {
    this.inputs.silence.restart(this.#options.clock.monotonicUs());
    this.#envelope.restart(this.#options.clock.nowMs());
  }

  /** Brings the pipeline to where a killed one was; positions are those of the last signals. See `Inputs.recover`. */
  async recover(rows: Iterable<InputRow>, last: readonly LastSignal[], loadModels: () => Promise<void>): Promise<void> {
    for (const signal of last) this.#instruments.setPosition(signal);
    await this.inputs.recover(rows, last, async () => {
      await loadModels();
      return this.#warmedFrom;
    });
    await this.settled();
    this.expectNoBars();
  }
}
