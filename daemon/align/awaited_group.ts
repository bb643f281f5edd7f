import type { Bar, OpenTime } from '../../shared/bar.ts';
import type { GroupBar } from '../../shared/core/formula/group_bars.ts';
import type { AwaitedReader } from './awaited_minutes.ts';
import type { GivenUp } from './given_up.ts';

/** A symbol whose minutes a group waits for. */
export interface GroupSymbol {
  readonly symbol: { readonly lastTime: number };
  readonly minutes: AwaitedReader;
}

export interface GroupBeginning {
  /** See `groupId`. */
  readonly id: string;
  readonly symbols: readonly GroupSymbol[];
  /** What the pairs of the group have given up so far. */
  readonly givenUp: GivenUp;
  /** Bars up to this time are over: they are read from the journal. */
  readonly start: number;
}

/**
 * Pairs that are compared with each other wait for the legs of all of them. A minute of the group is over when each of
 * its symbols has it or is further on, or when a pair of the group has given it up: then it is for all of them.
 */
export class AwaitedGroup {
  readonly id: string;
  readonly symbols: readonly GroupSymbol[];
  readonly givenUp: GivenUp;
  readonly start: number;
  /** Bars up to this time have been given out. */
  #taken: number;
  /** All symbols are that far. */
  #reached: number;

  constructor({ id, symbols, givenUp, start }: GroupBeginning) {
    this.id = id;
    this.symbols = symbols;
    this.givenUp = givenUp;
    this.start = start;
    this.#taken = start;
    this.#reached = earliest(symbols);
  }

  /** Minutes of the group up to this one are over. */
  get ended(): number {
    return Math.max(this.#reached, this.givenUp.until);
  }

  /** After a minute of one of its symbols. @returns whether more minutes are over */
  follow(): boolean {
    const { symbols } = this;
    for (let i = 0; i < symbols.length; i++) if (symbols[i]!.symbol.lastTime <= this.#reached) return false;
    this.#reached = earliest(symbols);
    return true;
  }

  /** @param number of the time-out, see `GivenUp` */
  giveUp(number: number, until: number): void {
    this.givenUp.add({ number, until }, this.#taken);
  }

  /** The bars up to a time that is over, without those that were taken. */
  take(time: OpenTime): readonly GroupBar[] {
    if (time <= this.#taken) return NONE;
    const found: GroupBar[] = [];
    for (;;) {
      const next = this.#nextBar();
      if (next > time) break;
      const bars = new Map<string, Bar>();
      for (const { minutes } of this.symbols) {
        const bar = minutes.barAt(next as OpenTime, this.givenUp);
        if (bar !== null) bars.set(minutes.symbol, bar);
      }
      if (bars.size > 0) found.push({ time: next as OpenTime, bars });
      this.#taken = next;
    }
    this.#taken = time;
    return found;
  }

  #nextBar(): number {
    let next = Infinity;
    for (const { minutes } of this.symbols) next = Math.min(next, minutes.nextBar(this.#taken));
    return next;
  }
}

const NONE: readonly GroupBar[] = [];

function earliest(symbols: readonly GroupSymbol[]): number {
  return symbols.reduce((least, { symbol }) => Math.min(least, symbol.lastTime), Infinity);
}
