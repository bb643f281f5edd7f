import { ALL_PAIRS, type StandingHalt } from '../shared/bundle/halts.ts';

/**
 * Which halts a daemon has to obey, and which it may, by what the monitor, a person, a failing disk and power cuts did
 * to `halts.json`. Written from docs/reference/PROTOCOL.md; shares no rule with the daemon.
 */
export interface HaltLedger {
  /** The monitor halts, or died in the middle of it. */
  ordered(halt: StandingHalt): void;
  /** A person lifts the halts of a pair, or of all, under a version; `isDone`: up to the end. */
  lifted(pairId: string, version: string, isDone: boolean): void;
  /**
   * The file became another one, and no halt was lifted.
   * @param journaled active halts of the journal; null when it has lost commits too
   * @param named halts in the file now
   */
  lost(journaled: readonly StandingHalt[] | null, named: readonly StandingHalt[]): void;
  /** Every daemon had time to read the file; null: it is damaged. */
  settle(named: readonly StandingHalt[] | null): void;
  /** Something may have changed: nothing has to be obeyed until `settle`. */
  unsettle(): void;
  readonly isSettled: boolean;
  mustHalt(pairId: string, version: string): boolean;
  mayHalt(pairId: string, version: string): boolean;
}

const keyOf = ({ pair_id, version }: StandingHalt): string => `${pair_id} ${version}`;

export function createHaltLedger(): HaltLedger {
  /** Named by the file; null: not settled. */
  let named: ReadonlySet<string> | null = new Set();
  /** In the journal, and lost from the file. */
  const kept = new Set<string>();
  /** Ordered once, and possibly not lifted. */
  const possible = new Set<string>();
  /** Lifted, or not: the person's command died. */
  const unsure = new Set<string>();

  const covers = (keys: ReadonlySet<string>, pair_id: string, version: string): boolean =>
    keys.has(keyOf({ pair_id, version })) || keys.has(keyOf({ pair_id: ALL_PAIRS, version }));
  const mustHalt = (pairId: string, version: string): boolean =>
    covers(kept, pairId, version) || (named !== null && covers(named, pairId, version));

  return {
    ordered(halt) {
      possible.add(keyOf(halt));
      unsure.delete(keyOf(halt));
    },
    lifted(pairId, version, isDone) {
      for (const key of [...possible, ...kept]) {
        const [ofPair, ofVersion] = key.split(' ');
        if (ofVersion !== version || (pairId !== ALL_PAIRS && ofPair !== pairId)) continue;
        kept.delete(key);
        if (isDone) possible.delete(key);
        else unsure.add(key);
      }
    },
    lost(journaled, inFile) {
      const stillNamed = new Set(inFile.map(keyOf));
      if (journaled === null) kept.clear();
      for (const key of (journaled ?? []).map(keyOf))
        if (!stillNamed.has(key) && possible.has(key) && !unsure.has(key)) kept.add(key);
    },
    settle: (halts) => void (named = new Set((halts ?? []).map(keyOf))),
    unsettle: () => void (named = null),
    get isSettled() {
      return named !== null;
    },
    mustHalt,
    mayHalt: (pairId, version) => mustHalt(pairId, version) || covers(possible, pairId, version),
  };
}
