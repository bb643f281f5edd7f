import { ln } from '../../../../shared/elementary.ts';
import type { Rng } from '../../../../shared/ports.ts';
import type { PairedScore } from '../../../jobs/comparison/advantage.ts';
import type { GuardMinute } from '../../../jobs/comparison/compared_bars.ts';
import { answerOf, type SimulatedModel } from './models.ts';

export const PAIRS = 10;
/** Minutes after which every label is known. */
export const HORIZON = 60;
const THETA1 = 0.55;
/** Mean minutes between entry setups of a pair, within a setup, and within a position. */
const GAP = 90;
const LENGTH = 10;
const HOLD = 20;
/** Result of a trade, bps: reverted, stopped, noise, and costs. */
const WIN = 6;
const LOSS = -7;
const NOISE = 2;
const COST = 1;
/** Mean minutes after which a new outcome determines the labels of a setup. */
const TURN = 20;

/** One minute of all pairs. */
export interface SimulatedMinute extends GuardMinute {
  readonly scores: readonly PairedScore[];
  readonly failed: boolean;
}

/** A setup of a pair: while |z| is beyond the entry, both models repeat their answers. */
interface PairState {
  gap: number;
  left: number;
  truth: number;
  champion: number;
  challenger: number;
  /** Uniform numbers that determine the label, and which models pass θ2; labels that share one overlap. */
  draw: number;
  age: number;
  risk: number;
  /** Remaining minutes of each arm's position. */
  held: [number, number];
}

/**
 * Entry setups of ten pairs with overlapping labels: a label is 1 when the outcome drawn for the setup is below the
 * true probability, and an outcome lasts up to the horizon. Both arms hold virtual positions.
 */
export class SimulatedPairs {
  readonly #champion: SimulatedModel;
  readonly #challenger: SimulatedModel;
  readonly #rng: Rng;
  readonly #pairs: PairState[];

  constructor(champion: SimulatedModel, challenger: SimulatedModel, rng: Rng) {
    this.#champion = champion;
    this.#challenger = challenger;
    this.#rng = rng;
    const empty = { left: 0, truth: 0, champion: 0.5, challenger: 0.5, draw: 0, age: 0, risk: 0 };
    this.#pairs = Array.from({ length: PAIRS }, () => ({ ...empty, gap: lasts(GAP, rng), held: [0, 0] }));
  }

  /** @param share of units that the challenger decides */
  minute(minute: number, share: number): SimulatedMinute {
    const rng = this.#rng;
    const scores: PairedScore[] = [];
    const entries: SimulatedMinute['entries'][number][] = [];
    let championBps = 0;
    let challengerBps = 0;
    let candidates = 0;
    let passed = 0;
    for (const pair of this.#pairs) {
      if (pair.held[0] > 0) pair.held[0]--;
      if (pair.held[1] > 0) pair.held[1]--;
      if (pair.gap > 0) {
        if (--pair.gap === 0) this.#begin(pair);
        continue;
      }
      if (++pair.age >= HORIZON || rng.uniform() * TURN < 1) this.#draw(pair);
      const label = pair.draw < pair.truth ? 1 : 0;
      const { champion, challenger, risk, held } = pair;
      scores.push({ champion, challenger, label });
      candidates++;
      if (risk < this.#challenger.passRate) passed++;
      const entering = {
        champion: held[0] === 0 && champion > THETA1 && risk < this.#champion.passRate,
        challenger: held[1] === 0 && challenger > THETA1 && risk < this.#challenger.passRate,
      };
      if (entering.champion || entering.challenger) {
        entries.push(entering);
        const result = (label === 1 ? WIN : LOSS) + NOISE * rng.normal() - COST;
        const hold = Math.min(HORIZON, lasts(HOLD, rng));
        if (entering.champion) {
          held[0] = hold;
          championBps += result / PAIRS;
        }
        if (entering.challenger) {
          held[1] = hold;
          challengerBps += (result - this.#challenger.extraCostBps) / PAIRS;
        }
      }
      if (--pair.left === 0) pair.gap = lasts(GAP, rng);
    }
    const isMissing = this.#challenger.missing > 0 && rng.uniform() < this.#challenger.missing;
    const failed = this.#challenger.failure > 0 && rng.uniform() < this.#challenger.failure;
    return {
      minute,
      share,
      scores: isMissing ? [] : scores,
      entries,
      championBps,
      challengerBps,
      candidates,
      passed,
      due: PAIRS,
      missing: isMissing ? PAIRS : 0,
      failed,
    };
  }

  #begin(pair: PairState): void {
    const truth = 0.2 + 0.8 * this.#rng.normal();
    pair.left = lasts(LENGTH, this.#rng);
    pair.truth = answerOf(TRUTH, truth, this.#rng);
    pair.champion = answerOf(this.#champion, truth, this.#rng);
    pair.challenger = answerOf(this.#challenger, truth, this.#rng);
    pair.risk = this.#rng.uniform();
    this.#draw(pair);
  }

  #draw(pair: PairState): void {
    pair.draw = this.#rng.uniform();
    pair.age = 0;
  }
}

const TRUTH: SimulatedModel = {
  error: 0,
  slope: 1,
  bias: 0,
  extraCostBps: 0,
  passRate: 1,
  missing: 0,
  failure: 0,
};

/** A duration of this mean, geometrically distributed, at least 1. */
function lasts(mean: number, rng: Rng): number {
  return 1 + Math.floor(ln(1 - rng.uniform()) / ln(1 - 1 / mean));
}
