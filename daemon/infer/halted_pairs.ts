import {
  ALL_PAIRS,
  haltedPairs,
  NO_HALTS,
  standingText,
  type Standing,
  type StandingHalt,
} from '../../shared/bundle/halts.ts';
import type { Pair } from '../../shared/pair.ts';

/**
 * The active halts, and a mask of the pairs that may not enter because of them. A halt counts while its version is
 * active, and again when that version is active again; open positions continue to their exits.
 */
export class HaltedPairs {
  readonly #pairs: readonly Pair[];
  /** By pair: 1 = halted under the active version. */
  readonly mask: Uint8Array;
  /** The same of a rollout's challenger: halted under the active version or under its own. */
  readonly challengerMask: Uint8Array;
  #challenger: string | null = null;
  #halts: readonly StandingHalt[];
  /** Text of the newest applied halts. */
  #announced: string;
  #version: string | null = null;

  constructor(pairs: readonly Pair[], standing: Standing = NO_HALTS) {
    this.#pairs = pairs;
    this.mask = new Uint8Array(pairs.length);
    this.challengerMask = new Uint8Array(pairs.length);
    this.#halts = standing.halts;
    this.#announced = standingText(standing);
  }

  /** Pairs that enter nothing under the active version. */
  get pairIds(): string[] {
    return this.#pairs.filter((_, pairIndex) => this.mask[pairIndex] === 1).map(({ id }) => id);
  }

  /** The halts of our pairs among these; null when they equal those announced before. */
  announce(standing: Standing): Standing | null {
    const ids = new Set([ALL_PAIRS, ...this.#pairs.map(({ id }) => id)]);
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
    this.#pairs.forEach(({ id }, pairIndex) => {
      this.mask[pairIndex] = haltOf(id) === null ? 0 : 1;
      this.challengerMask[pairIndex] = this.mask[pairIndex] === 1 || challengerHaltOf(id) !== null ? 1 : 0;
    });
  }
}
