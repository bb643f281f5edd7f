import type { GuardMinute } from '../../jobs/comparison/compared_bars.ts';
import { EProcess } from './e_process.ts';

/** A guard reaches its limit by chance with a probability of at most 1 / this (Ville's inequality). */
const GUARD_E_VALUE = 100;
/** The loss guard acts at this share of the budget: the last minute may lose a little more. */
const LOSS_MARGIN = 0.9;

export interface GuardLimits {
  /** Loss against the champion, weighted by the share of the stage, that ends a rollout; bps of gross notional. */
  readonly loss_budget_bps: number;
  /** Maximum ratio of the arms' entry rates. */
  readonly entry_ratio_max: number;
  /** Lowest and highest share of entry candidates with risk_score below θ2. */
  readonly pass_rate_range: readonly [number, number];
  /** Highest share of minutes that lack an answer of one arm, or a label after its horizon. */
  readonly missing_share_max: number;
  /** Answers due before that share counts. */
  readonly missing_min_due: number;
}

export const GUARDS = ['loss', 'entries', 'pass_rate', 'missing', 'failure'] as const;
export type GuardName = (typeof GUARDS)[number];

/** Limits of a rollout in addition to its scores. Constant work per minute. */
export class Guards {
  readonly #limits: GuardLimits;
  readonly #tooMany = new EProcess(1);
  readonly #tooFew = new EProcess(1);
  readonly #passHigh: EProcess;
  readonly #passLow: EProcess;
  #lossBps = 0;
  #due = 0;
  #missing = 0;
  #failed = false;

  /** @param horizon bars over which entry candidates of a subject are correlated, times timeframes */
  constructor(limits: GuardLimits, horizon: number) {
    this.#limits = limits;
    this.#passHigh = new EProcess(horizon);
    this.#passLow = new EProcess(horizon);
  }

  /** Loss against the champion so far, weighted by the share of each stage, bps; negative = gain. */
  get lossBps(): number {
    return this.#lossBps;
  }

  /** The challenger threw, answered outside [0, 1], or was too slow: the daemon dropped it. */
  fail(): void {
    this.#failed = true;
  }

  add(minute: GuardMinute): void {
    const { entry_ratio_max: ratio, pass_rate_range: range } = this.#limits;
    this.#lossBps += minute.share * (minute.championBps - minute.challengerBps);
    for (const { champion, challenger } of minute.entries) {
      this.#tooMany.add(0, (challenger ? 1 / ratio : 0) - (champion ? 1 : 0));
      this.#tooFew.add(0, (champion ? 1 / ratio : 0) - (challenger ? 1 : 0));
    }
    if (minute.candidates > 0) {
      const rate = minute.passed / minute.candidates;
      this.#passHigh.add(minute.minute, rate - range[1]);
      this.#passLow.add(minute.minute, range[0] - rate);
    }
    this.#due += minute.due;
    this.#missing += minute.missing;
  }

  /** The guard that ends the rollout, with what was seen; null = none. */
  breach(): { readonly guard: GuardName; readonly seen: string } | null {
    const limits = this.#limits;
    if (this.#failed) return { guard: 'failure', seen: 'the daemon dropped the challenger' };
    if (this.#lossBps >= LOSS_MARGIN * limits.loss_budget_bps)
      return { guard: 'loss', seen: `${this.#lossBps.toFixed(1)} bps behind the champion` };
    if (this.#tooMany.above >= GUARD_E_VALUE || this.#tooFew.above >= GUARD_E_VALUE)
      return { guard: 'entries', seen: `${this.#tooMany.above >= GUARD_E_VALUE ? 'more' : 'less'} often than allowed` };
    if (this.#passHigh.above >= GUARD_E_VALUE || this.#passLow.above >= GUARD_E_VALUE)
      return { guard: 'pass_rate', seen: `outside ${limits.pass_rate_range.join('–')}` };
    const share = this.#missing / Math.max(1, this.#due);
    if (this.#due >= limits.missing_min_due && share > limits.missing_share_max)
      return { guard: 'missing', seen: `${(100 * share).toFixed(1)} % of ${this.#due} answers` };
    return null;
  }
}
