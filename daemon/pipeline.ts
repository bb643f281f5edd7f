import type { EpochMs } from '../shared/bar.ts';
import type { BatchScores } from '../shared/bundle/model_set.ts';
import type { Position } from '../shared/core/position/position.ts';
import type { InputRow, LastSignal } from '../shared/store/journal.ts';
import type { MinuteAnswer } from './decide/answer.ts';
import { Decider } from './decide/decider.ts';
import { IdleWindow } from './idle_window.ts';
import { FeatureMatrix } from './infer/feature_matrix.ts';
import { HaltedPairs } from './infer/halted_pairs.ts';
import { ModelSlots } from './infer/model_slots.ts';
import { RolloutArms } from './infer/rollout_arms.ts';
import { Shadow } from './infer/shadow.ts';
import type { StateInput } from './input.ts';
import { Inputs } from './inputs.ts';
import { SignalRecorder } from './journal/record.ts';
import { Stopwatch } from './metrics/stopwatch.ts';
import type { PipelineOptions } from './pipeline_options.ts';
import { PipelineStatus } from './pipeline_status.ts';
import { Envelope } from './publish/envelope.ts';
import type { Publication } from './publish/publish.ts';
import { Queue, type MinuteItem } from './queue.ts';
import { Turns } from './turns.ts';

/** Pairs of a piece of a batch. */
const PIECE_PAIRS = 128;

interface Published {
  readonly answers: readonly MinuteAnswer[];
  readonly publications: readonly Publication[];
}

/** A bar's way: feed → align → features → infer → decide → publish → journal. */
export class Pipeline {
  readonly inputs: Inputs;
  readonly queue: Queue;
  readonly status: PipelineStatus;
  readonly #options: PipelineOptions;
  readonly #idle: IdleWindow;
  readonly #degradations = new Set<string>();
  readonly #halts: HaltedPairs;
  readonly #models: ModelSlots;
  readonly #matrix: FeatureMatrix;
  readonly #decider: Decider;
  readonly #shadow: Shadow;
  readonly #arms: RolloutArms;
  readonly #envelope: Envelope;
  readonly #recorder: SignalRecorder;
  readonly #turns: Turns;
  readonly #stopwatch: Stopwatch;

  constructor(options: PipelineOptions) {
    const { pairs, clock, observer } = options;
    this.#options = options;
    this.#turns = new Turns(options);
    this.#idle = new IdleWindow(clock, options.scheduler, options.feedIntervalMs);
    this.queue = new Queue({
      loopTurn: () => this.#turns.end(),
      answer: (batch) => this.#answer(batch),
      apply: (input) => this.#takeEffect(input),
      onWaiting: () => this.#turns.interrupt(),
      onIdle: () => this.inputs.suspects.takeFound().forEach((found) => observer.onScreened(found)),
    });
    this.#halts = new HaltedPairs(pairs, options.halts);
    const [halts, queue, idle, degradations] = [this.#halts, this.queue, this.#idle, this.#degradations];
    this.#models = new ModelSlots({ ...options, halts, degradations, inputs: () => this.inputs });
    this.inputs = new Inputs({ pipeline: options, queue, idle, halts, slots: this.#models });
    this.#matrix = new FeatureMatrix(pairs, options.windows, options.schema.definitions.length);
    const matrix = this.#matrix;
    this.#decider = new Decider({ ...options, matrix, degradations });
    this.#shadow = new Shadow({ ...options, matrix, decider: this.#decider });
    this.#arms = new RolloutArms({ ...options, matrix, decider: this.#decider, halts, inputs: () => this.inputs });
    this.#envelope = new Envelope(options, clock.nowMs());
    this.#recorder = new SignalRecorder({ ...options, matrix });
    this.#stopwatch = new Stopwatch(clock);
    const owners = { inputs: this.inputs, halts, slots: this.#models, degradations, matrix, envelope: this.#envelope };
    this.status = new PipelineStatus({ pairs, clock, decider: this.#decider, ...owners, arms: this.#arms });
  }

  // ---- features → infer → decide → publish → journal ----

  async #answer(batch: readonly MinuteItem[]): Promise<void> {
    const { clock, files, observer } = this.#options;
    const watch = this.#stopwatch;
    const room = this.#recorder.room(batch);
    if (room !== null) await room;
    watch.start();
    for (const { minute } of batch) this.#decider.ids.note(minute);
    const rows = this.#matrix.step(batch);
    watch.lap('features');
    const toPublish = batch.filter((item) => item.publish);
    if (toPublish.length === 0) return;
    watch.arrived(toPublish[0]!.arrivedUs);
    const scoring = this.#models.infer(this.#matrix.values, rows);
    const scores = scoring instanceof Promise ? await scoring : scoring;
    // The challenger of a rollout scores the same batch.
    const comparing = this.#arms.isActive(this.#models.active) ? this.#arms.infer(rows) : undefined;
    const compared = comparing instanceof Promise ? await comparing : comparing;
    watch.lap('infer');
    const nowMs = clock.nowMs();
    const { answers, publications } = this.#publish(toPublish, scores, compared, nowMs);
    await this.#turns.end();
    watch.start();
    for (const file of files) {
      file.publish(publications);
      watch.handed(file.name);
    }
    watch.lap('file');
    if (this.queue.isEmpty) await this.#turns.rest();
    watch.start();
    if (this.#shadow.isPresent && rows > 0) await this.#shadow.follow(answers, rows);
    this.#arms.follow(answers);
    watch.lap('shadow');
    this.#recorder.store(answers, nowMs);
    watch.lap('journal');
    observer.onSignals(answers, watch.timing(answers.length));
    for (const answer of answers)
      this.#decider.ids.precompute(answer.minute, this.#arms.nextModels(answer, this.#models.active));
    this.#idle.open();
  }

  /** A large batch in pieces: their readers work on the first while the next is made. */
  #publish(
    items: readonly MinuteItem[],
    scores: BatchScores | null,
    compared: BatchScores | null | undefined,
    nowMs: EpochMs,
  ): Published {
    const { sockets } = this.#options;
    const watch = this.#stopwatch;
    const answers: MinuteAnswer[] = [];
    const publications: Publication[] = [];
    for (let from = 0; from < items.length; from += PIECE_PAIRS) {
      const piece = items.length <= PIECE_PAIRS ? items : items.slice(from, from + PIECE_PAIRS);
      const decided = this.#decide(piece, scores, compared);
      watch.add('decide');
      const sealed = this.#envelope.seal(decided, nowMs);
      for (const socket of sockets) if (socket.takesPieces === true) socket.publish(sealed);
      watch.add('publish');
      answers.push(...decided);
      publications.push(...sealed);
    }
    for (const socket of sockets) {
      if (socket.takesPieces !== true) socket.publish(publications);
      watch.handed(socket.name);
    }
    watch.add('publish');
    return { answers, publications };
  }

  /** @param compared scores of a challenger, which ends its rollout when it fails; undefined without one */
  #decide(
    items: readonly MinuteItem[],
    scores: BatchScores | null,
    compared: BatchScores | null | undefined,
  ): MinuteAnswer[] {
    const { active } = this.#models;
    return compared !== undefined && this.#arms.isActive(active)
      ? this.#arms.decide(items, active, scores, compared)
      : this.#decider.decide(items, active, scores, this.#halts.mask);
  }

  // ---- between two minutes ----

  #takeEffect(input: StateInput): void {
    switch (input.kind) {
      case 'swap':
        return this.#models.swap(input);
      case 'halts':
        return this.#halts.setHalts(input.standing.halts);
      case 'shadow':
        return this.#shadow.swap(input);
      case 'rollout':
        return this.#arms.change(input);
      case 'policy':
        return this.#decider.setPolicy(input.record);
      case 'degraded':
        return void this.#degradations.add(input.what);
      case 'recovered':
        return void this.#degradations.delete(input.what);
      case 'boot':
        // Halts outlive the process.
        this.#models.clear();
        this.#arms.restart();
        this.#degradations.clear();
    }
  }

  /** Resolves when all that was taken so far is published and stored. @returns false when the disk refuses it */
  async settled(): Promise<boolean> {
    await this.queue.settled();
    return this.#options.journal.stored();
  }

  /** Resolves when the thread may be blocked for some milliseconds. */
  idleWindow(): Promise<void> {
    return this.#models.active === null ? Promise.resolve() : this.#idle.wait();
  }

  /** No bars can be expected yet: silence and expiry are counted from now on. */
  expectNoBars(): void {
    this.inputs.silence.restart(this.#options.clock.monotonicUs());
    this.#envelope.restart(this.#options.clock.nowMs());
  }

  /** Brings the pipeline to where a killed one was; positions are those of the last signals. See `Inputs.recover`. */
  async recover(rows: Iterable<InputRow>, last: readonly LastSignal[], loadModels: () => Promise<void>): Promise<void> {
    for (const { pairId, position } of last) this.#decider.setPosition(pairId, JSON.parse(position) as Position);
    await this.inputs.recover(rows, last, loadModels);
    await this.settled();
    this.expectNoBars();
  }
}
