import { MAX_BATCHES, STALL_MS } from '../daemon/journal/journal.ts';
import { finishWrite } from '../daemon/journal/journal_thread.ts';
import {
  appendBatches,
  type JournalBatch,
  type JournalWriter,
  type OnWritten,
} from '../daemon/journal/journal_writer.ts';
import type { JournalStore } from '../shared/store/journal.ts';
import type { MachineOptions } from './machine_options.ts';
import type { SimulatedProcess } from './process.ts';

/** Maximum time of a transaction, and travel time of the thread's reply. */
const USUAL_MS = 1;
const TRAVEL_MS = 0.1;

/**
 * The thread that writes the journal of the daemon's process. It has the world's latency and may die during a write;
 * the main thread then writes, as in `journal_thread.ts`.
 */
export function openJournalThread(
  owner: SimulatedProcess,
  options: MachineOptions,
  store: JournalStore,
): JournalWriter {
  return new SimulatedThread(owner, options, store);
}

class SimulatedThread implements JournalWriter {
  readonly #owner: SimulatedProcess;
  readonly #options: MachineOptions;
  readonly #store: JournalStore;
  #isAlive = true;

  constructor(owner: SimulatedProcess, options: MachineOptions, store: JournalStore) {
    this.#owner = owner;
    this.#options = options;
    this.#store = store;
  }

  write(batches: readonly JournalBatch[], onWritten: OnWritten): void {
    const { timeline, truth, planted, see } = this.#options;
    const before = this.#store.newestRows();
    let isUnderWay = true;
    let isInTime = batches.length < MAX_BATCHES;
    const answer: OnWritten = (stored, refusal) => {
      isUnderWay = false;
      if (refusal === null && truth.disks.isJournalRefusing) see('journal refuses, then recovers');
      if (refusal === null) truth.disks.journalStored(isInTime);
      else {
        if (batches[stored]!.shadows.length > 0) see('shadow waits in a refused flush');
        truth.disks.journalRefused();
      }
      onWritten(stored, refusal);
    };
    if (!this.#isAlive) {
      const { stored, refusal } = appendBatches(this.#store, batches);
      return answer(stored, refusal);
    }
    // Before the daemon's own timer, because events at the same time run in any order.
    this.#owner.at(timeline.nowMs + STALL_MS - TRAVEL_MS, () => {
      if (!isUnderWay) return;
      isInTime = false;
      see('journal stalls');
      truth.disks.journalRefused();
    });
    if (planted === 'early_acknowledgment') this.#later(TRAVEL_MS, () => answer(batches.length, null));
    const onDone = planted === 'early_acknowledgment' ? () => undefined : answer;
    this.#next(batches, 0, onDone, () => {
      see('journal thread dies');
      this.#isAlive = false;
      const { done, refusal } = finishWrite(this.#store, batches, before);
      onDone(done, refusal);
    });
  }

  #later(ms: number, work: () => void): void {
    this.#owner.at(this.#options.timeline.nowMs + ms, work);
  }

  #next(batches: readonly JournalBatch[], done: number, onDone: OnWritten, onDeath: () => void): void {
    const { journal, processRng } = this.#options;
    this.#later(processRng.uniform() * Math.max(USUAL_MS, journal.slowMs), () => {
      const dies = journal.takeDeath();
      if (dies && processRng.integer(2) === 0) return this.#later(TRAVEL_MS, onDeath);
      const { stored, refusal } = appendBatches(this.#store, [batches[done]!]);
      if (dies) return this.#later(TRAVEL_MS, onDeath);
      if (refusal !== null || done + stored === batches.length)
        return this.#later(TRAVEL_MS, () => onDone(done + stored, refusal));
      this.#next(batches, done + stored, onDone, onDeath);
    });
  }
}
