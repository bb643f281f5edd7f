import {
  ALL_PAIRS,
  haltedPairs,
  NO_HALTS,
  standingText,
  stoppedSubjects,
  type StopKind,
  type Standing,
  type StandingHalt,
} from '../../shared/bundle/halts.ts';
import type { Pair } from '../../shared/pair.ts';
import { CLOSING, HALTED, STOPPED } from '../decide/standing_bits.ts';

/**
 * The active halts and a person's stops, and a mask of the pairs that may not enter because of them. A halt counts
 * while its version is active, and again when that version is active again; open positions continue to their exits. A
 * stop counts under every version, for instruments too, until a person lifts it.
 */
export class HaltedPairs {
  readonly #pairs: readonly Pair[];
  readonly #instruments: readonly Pair[];
  /** By instrument. */
  #instrumentStops: readonly (StopKind | null)[] = [];
  /** By pair, bits: HALTED under the active version, STOPPED, CLOSING. */
  readonly mask: Uint8Array;
  /** The same of a rollout's challenger: HALTED under the active version or under its own. */
  readonly challengerMask: Uint8Array;
  #challenger: string | null = null;
  #halts: readonly StandingHalt[];
  /** Text of the newest applied halts. */
  #announced: string;
  #version: string | null = null;
  #isUnread = false;

  constructor(pairs: readonly Pair[], standing: Standing = NO_HALTS, instruments: readonly Pair[] = []) {
    this.#pairs = pairs;
    this.#instruments = instruments;
    this.mask = new Uint8Array(pairs.length);
    this.challengerMask = new Uint8Array(pairs.length);
    this.#halts = standing.halts;
    this.#announced = standingText(standing);
  }

  /** Pairs that enter nothing under the active version because of a live KPI. */
  get pairIds(): string[] {
    return this.#pairs.filter((_, pairIndex) => (this.mask[pairIndex]! & HALTED) !== 0).map(({ id }) => id);
  }

  /** The order of a person for an instrument, by its index among the instruments; null = none. */
  stopOfInstrument(index: number): StopKind | null {
    return this.#instrumentStops[index] ?? null;
  }

  /** The halts of our pairs among these; null when they equal those announced before. */
  announce(standing: Standing): Standing | null {
    const ids = new Set([ALL_PAIRS, ...[...this.#pairs, ...this.#instruments].map(({ id }) => id)]);
    const isOurs = ({ pair_id }: StandingHalt): boolean => ids.has(pair_id);
    const ours = { halts: standing.halts.filter(isOurs), resumed: standing.resumed.filter(isOurs) };
    const text = standingText(ours);
    if (text === this.#announced) return null;
    this.#announced = text;
    return ours;
  }

  setHalts(halts: readonly StandingHalt[]): void {
    this.#halts = halts;
    this.#mark();
  }

  /** While the file of the stops cannot be read, nobody may enter: the entries of each subject count as stopped. */
  setUnread(isUnread: boolean): void {
    if (isUnread === this.#isUnread) return;
    this.#isUnread = isUnread;
    this.#mark();
  }

  /** From here on this version is active; null = none. */
  setVersion(version: string | null): void {
    this.#version = version;
    this.#mark();
  }

  /** The challenger of a rollout from here on; null = none. */
  setChallenger(version: string | null): void {
    this.#challenger = version;
    this.#mark();
  }

  #mark(): void {
    const haltOf = haltedPairs(this.#halts, this.#version);
    const challengerHaltOf = haltedPairs(this.#halts, this.#challenger);
    const ordered = stoppedSubjects(this.#halts);
    const stopOf = (id: string): StopKind | null => ordered(id) ?? (this.#isUnread ? 'entries' : null);
    this.#instrumentStops = this.#instruments.map(({ id }) => stopOf(id));
    this.#pairs.forEach(({ id }, pairIndex) => {
      const stop = stopOf(id);
      const stopBits = stop === null ? 0 : stop === 'close' ? STOPPED | CLOSING : STOPPED;
      this.mask[pairIndex] = stopBits | (haltOf(id) === null ? 0 : HALTED);
      this.challengerMask[pairIndex] = this.mask[pairIndex]! | (challengerHaltOf(id) === null ? 0 : HALTED);
    });
  }
}
