import type { Bar } from '../../shared/bar.ts';
import type { BarScreen, SuspectOutcome } from '../../shared/core/screen/bar_screen.ts';

/** A suspect bar, or the next one, which confirms or refutes it. */
export interface ScreenedBar {
  readonly bar: Bar;
  /** null = this is the suspect. */
  readonly verdict: SuspectOutcome | null;
  /** The last trusted close; this bar's own where it is trusted. */
  readonly level: number;
  /** Maximum distance of a bar from the level in a minute, as a fraction of the price. */
  readonly limit: number;
}

/** Counts suspect bars, and keeps what the screen found until the signals are out. */
export class SuspectLog {
  readonly #counts = new Map<string, number>();
  #found: ScreenedBar[] = [];

  /** Bars held back since the start, by symbol. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Notes what the screen has found of its last bar. @returns whether the bar is suspect */
  note(bar: Bar, screen: BarScreen | null): boolean {
    if (screen === null || (!screen.isSuspect && screen.verdict === null)) return false;
    const { level, limit, verdict, isSuspect } = screen;
    if (verdict !== null) this.#found.push({ bar, verdict, level, limit });
    if (!isSuspect) return false;
    this.#counts.set(bar.symbol, (this.#counts.get(bar.symbol) ?? 0) + 1);
    this.#found.push({ bar, verdict: null, level, limit });
    return true;
  }

  /** Entries since the last call. */
  takeFound(): ScreenedBar[] {
    return this.#found.splice(0);
  }
}
