import type { OpenTime } from '../shared/bar.ts';
import type { AnsweredSignal, InputRow } from '../shared/store/journal.ts';
import { parseEarlierRow, type EarlierChange } from './queue/earlier_change.ts';
import type { StateInput } from './queue/input.ts';

/**
 * The changes that a replay applies before the minute that they name, though their rows stand behind its bars: models
 * that failed while they answered it. They are loaded before that minute's bars are read.
 */
export class ReplayedChanges {
  /** Ascending by minute, in the order of their rows; those that are not loaded yet. */
  #waiting: readonly EarlierChange[];
  readonly #loaded = new Map<string, StateInput[]>();
  readonly #load: (row: InputRow) => Promise<StateInput>;

  /**
   * @param rows of the kind `earlier`
   * @param signals of the same span, read only where there are such rows
   */
  constructor(
    rows: Iterable<InputRow>,
    signals: () => Iterable<AnsweredSignal>,
    load: (row: InputRow) => Promise<StateInput>,
  ) {
    const changes = [...rows].map(parseEarlierRow);
    const boots = changes.length === 0 ? new Map<string, string>() : answeringBoots(changes, signals());
    this.#waiting = changes
      .filter((change) => (boots.get(keyOf(change.pairId, change.time)) ?? change.bootId) === change.bootId)
      .sort((x, y) => x.time - y.time);
    this.#load = load;
  }

  /** Loads what minutes up to this one need. */
  async loadThrough(time: OpenTime): Promise<void> {
    if (this.#waiting.length === 0 || this.#waiting[0]!.time > time) return;
    const due = this.#waiting.filter((change) => change.time <= time);
    this.#waiting = this.#waiting.slice(due.length);
    for (const { pairId, time: minute, row } of due) {
      const key = keyOf(pairId, minute);
      const before = this.#loaded.get(key) ?? [];
      this.#loaded.set(key, [...before, await this.#load(row)]);
    }
  }

  /** The state changes to apply before this minute; the second call for a minute returns none. */
  readonly before = (pairId: string, time: OpenTime): readonly StateInput[] => {
    if (this.#loaded.size === 0) return [];
    const key = keyOf(pairId, time);
    const changes = this.#loaded.get(key) ?? [];
    this.#loaded.delete(key);
    return changes;
  };
}

/** A process that was killed in the middle of an answer left it to the next one, whose models may not have failed. */
function answeringBoots(
  changes: readonly EarlierChange[],
  signals: Iterable<AnsweredSignal>,
): ReadonlyMap<string, string> {
  const asked = new Set(changes.map(({ pairId, time }) => keyOf(pairId, time)));
  const boots = new Map<string, string>();
  for (const { pairId, time, bootId } of signals) {
    const key = keyOf(pairId, time);
    // Heartbeats follow the minute that they repeat.
    if (asked.has(key) && !boots.has(key)) boots.set(key, bootId);
  }
  return boots;
}

function keyOf(pairId: string, time: OpenTime): string {
  return `${pairId} ${time}`;
}
