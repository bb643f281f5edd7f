import type { EpochMs } from '../shared/bar.ts';
import type { ModelSet } from '../shared/bundle/model_set.ts';
import type { Answer, MinuteAnswer } from './decide/answer.ts';
import type { Decider } from './decide/decider.ts';
import type { IdleWindow } from './status/idle_window.ts';
import type { ModelSlots } from './infer/model_slots.ts';
import type { Instruments } from './instruments.ts';
import type { SignalRecorder } from './journal/record.ts';
import type { BatchTiming, Stopwatch } from './publish/stopwatch.ts';
import type { PipelineObserver } from './options/pipeline_options.ts';
import type { Publication } from './publish/publish.ts';
import type { MinuteItem } from './queue/queue.ts';

/** A batch whose signals have left. */
export interface AnsweredBatch {
  readonly answers: readonly Answer[];
  readonly ofPairs: readonly MinuteAnswer[];
  readonly nowMs: EpochMs;
  /** Empty without the lease. */
  readonly publications: readonly Publication[];
  /** Up to the journal. */
  readonly timing: BatchTiming;
}

export interface BookkeepingOptions {
  readonly recorder: SignalRecorder;
  readonly stopwatch: Stopwatch;
  readonly decider: Pick<Decider, 'ids'>;
  readonly arms: {
    /** What will probably answer the bar after this one. */
    nextModels(answer: MinuteAnswer, active: ModelSet | null): { readonly modelsHash: string } | null;
  };
  readonly instruments: Pick<Instruments, 'precomputeIds'>;
  readonly idle: Pick<IdleWindow, 'open'>;
  readonly observer: Pick<PipelineObserver, 'onSignals'>;
  readonly slots: Pick<ModelSlots, 'active'>;
}

/**
 * Journal, metrics and the ids of the next bars: what no consumer waits for. Bars that arrive meanwhile are answered
 * first, unless they are of a subject that still has a signal here: at most one signal of each is not journaled.
 */
export class Bookkeeping {
  readonly #options: BookkeepingOptions;
  #batches: AnsweredBatch[] = [];

  constructor(options: BookkeepingOptions) {
    this.#options = options;
  }

  add(batch: AnsweredBatch): void {
    this.#batches.push(batch);
  }

  /** To be called before a batch is answered. */
  finishBefore(batch: readonly MinuteItem[]): void {
    for (const { answers } of this.#batches)
      for (const { minute } of answers)
        for (const item of batch) if (item.minute.pairIndex === minute.pairIndex) return this.finish();
  }

  /** Journals all signals in one transaction. */
  finish(): void {
    if (this.#batches.length === 0) return;
    const { recorder, stopwatch, decider, arms, instruments, idle, observer, slots } = this.#options;
    const batches = this.#batches;
    this.#batches = [];
    stopwatch.start();
    for (const { answers, nowMs } of batches) recorder.add(answers, nowMs);
    recorder.store();
    const journal_us = stopwatch.lap('journal') / batches.length;
    for (const { answers, ofPairs, publications, timing } of batches) {
      if (publications.length > 0) observer.onSignals(answers, { ...timing, journal_us });
      for (const answer of ofPairs) decider.ids.precompute(answer.minute, arms.nextModels(answer, slots.active));
      instruments.precomputeIds(answers);
    }
    idle.open();
  }
}
