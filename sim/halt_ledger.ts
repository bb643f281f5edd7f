import { ALL_PAIRS, type StandingHalt } from '../shared/bundle/halts.ts';

/**
 * Halts that a daemon must apply, and halts that it may apply, given the changes to `halts.json` by the monitor, an
 * operator, a failing disk and power cuts. Follows docs/reference/PROTOCOL.md; shares no code with the daemon.
 */
export interface HaltLedger {
  /** The monitor ordered a halt, and was possibly killed before it was complete. */
  ordered(halt: StandingHalt): void;
  /** An operator lifted the halts of a pair, or of all, under a version; `isDone`: the command completed. */
  lifted(pairId: string, version: string, isDone: boolean): void;
  /**
   * The file changed although no halt was lifted.
   * @param journaled active halts of the journal; null when it has lost commits too
   * @param named halts in the file now
   */
  lost(journaled: readonly StandingHalt[] | null, named: readonly StandingHalt[]): void;
  /** Every daemon has had time to read the file; null: the file is damaged. */
  settle(named: readonly StandingHalt[] | null): void;
  /** Something may have changed: nothing must be applied until `settle`. */
  unsettle(): void;
  readonly isSettled: boolean;
  mustHalt(pairId: string, version: string): boolean;
  mayHalt(pairId: string, version: string): boolean;
}

const keyOf = ({ pair_id, version }: StandingHalt): string => `${pair_id} ${version}`;

export function createHaltLedger(): HaltLedger {
  /** Halts named by the file; null: not settled. */
  let named: ReadonlySet<string> | null = new Set();
  /** In the journal but lost from the file. */
  const kept = new Set<string>();
  /** Ordered, and possibly not lifted. */
  const possible = new Set<string>();
  /** Possibly lifted: the operator's command was interrupted. */
  const unsure = new Set<string>();
  /** Lifted, but no daemon has certainly read that yet. */
  const unread = new Set<string>();

  const covers = (keys: ReadonlySet<string>, pair_id: string, version: string): boolean =>
    keys.has(keyOf({ pair_id, version })) || keys.has(keyOf({ pair_id: ALL_PAIRS, version }));
  const mustHalt = (pairId: string, version: string): boolean =>
    covers(kept, pairId, version) || (named !== null && covers(named, pairId, version));

  return {
    ordered(halt) {
      possible.add(keyOf(halt));
      unsure.delete(keyOf(halt));
      unread.delete(keyOf(halt));
    },
    lifted(pairId, version, isDone) {
      for (const key of [...possible, ...kept]) {
        const [ofPair, ofVersion] = key.split(' ');
        if (ofVersion !== version || (pairId !== ALL_PAIRS && ofPair !== pairId)) continue;
        kept.delete(key);
        if (!isDone) unsure.add(key);
        else if (possible.delete(key)) unread.add(key);
      }
    },
    lost(journaled, inFile) {
      const stillNamed = new Set(inFile.map(keyOf));
      if (journaled === null) kept.clear();
      for (const key of (journaled ?? []).map(keyOf)) {
        if (stillNamed.has(key)) continue;
        // A daemon that finds no file keeps what it has: it cannot know that the halt had been lifted in it.
        if (unread.has(key)) {
          possible.add(key);
          unsure.add(key);
        } else if (possible.has(key) && !unsure.has(key)) kept.add(key);
      }
    },
    settle(halts) {
      named = new Set((halts ?? []).map(keyOf));
      unread.clear();
    },
    unsettle: () => void (named = null),
    get isSettled() {
      return named !== null;
    },
    mustHalt,
    mayHalt: (pairId, version) => mustHalt(pairId, version) || covers(possible, pairId, version),
  };
}
