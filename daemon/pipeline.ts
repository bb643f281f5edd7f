import type { Position } from '../shared/core/position/position.ts';
import type { InputRow, LastSignal } from '../shared/store/journal.ts';
import { Decider } from './decide/decider.ts';
import { IdleWindow } from './idle_window.ts';
import { FeatureMatrix } from './infer/feature_matrix.ts';
import { HaltedPairs } from './infer/halted_pairs.ts';
import { ModelSlots } from './infer/model_slots.ts';
import { Shadow } from './infer/shadow.ts';
import type { StateInput } from './input.ts';
import { Inputs } from './inputs.ts';
import { SignalRecorder } from './journal/record.ts';
import { Stopwatch } from './metrics/stopwatch.ts';
import type { PipelineOptions } from './pipeline_options.ts';
import { PipelineStatus } from './pipeline_status.ts';
import { Envelope } from './publish/envelope.ts';
import { Queue, type MinuteItem } from './queue.ts';
import { Turns } from './turns.ts';

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
    this.#envelope = new Envelope(options, clock.nowMs());
    this.#recorder = new SignalRecorder({ ...options, matrix });
    this.#stopwatch = new Stopwatch(clock);
    const owners = { inputs: this.inputs, halts, slots: this.#models, degradations, matrix, envelope: this.#envelope };
    this.status = new PipelineStatus({ pairs, clock, decider: this.#decider, ...owners });
  }

  // ---- features → infer → decide → publish → journal ----

  async #answer(batch: readonly MinuteItem[]): Promise<void> {
    const { clock, sockets, files, observer } = this.#options;
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
    watch.lap('infer');
    const answers = this.#decider.decide(toPublish, this.#models.active, scores, this.#halts.mask);
    watch.lap('decide');
    const nowMs = clock.nowMs();
    const publications = this.#envelope.seal(answers, nowMs);
    for (const socket of sockets) {
      socket.publish(publications);
      watch.handed(socket.name);
    }
    watch.lap('publish');
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
    watch.lap('shadow');
    this.#recorder.store(answers, nowMs);
    watch.lap('journal');
    observer.onSignals(answers, watch.timing(answers.length));
    for (const { minute } of answers) this.#decider.ids.precompute(minute, this.#models.active);
    this.#idle.open();
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
      case 'policy':
        return this.#decider.setPolicy(input.record);
      case 'degraded':
        return void this.#degradations.add(input.what);
      case 'recovered':
        return void this.#degradations.delete(input.what);
      case 'boot':
        // Halts outlive the process.
        this.#models.clear();
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
