import { exp, ln } from '../../../shared/elementary.ts';

/** Betting fractions of the mixture, below 1, with equal weights. */
const FRACTIONS = [0.03, 0.08, 0.16, 0.3, 0.5, 0.7, 0.9];
/** −ln(1 − f) − f: the variance cost of each fraction. */
const COSTS = FRACTIONS.map((fraction) => -ln(1 - fraction) - fraction);

/**
 * E-value of one process against the hypothesis that the running mean of the conditional expectations is at most
 * `mean`: mixture of exp(λ·Σ(x − m) − (−ln(1 − λc) − λc)/c²·Σ(x − m)²) over λ = f/c, c = 1 + |m|, for x in [−1, 1].
 * Empirical-Bernstein e-process: Choe & Ramdas, Comparing Sequential Forecasters (arXiv 2110.00115), Theorem 3, with
 * the fixed center m; it rests on Fan's inequality exp(λy − ψ(λ)y²) ≤ 1 + λy for y ≥ −c.
 */
export function eValue(count: number, sum: number, squares: number, mean: number): number {
  const scale = 1 + Math.abs(mean);
  const centered = (sum - count * mean) / scale;
  const spread = (squares - 2 * mean * sum + count * mean * mean) / (scale * scale);
  let total = 0;
  for (let i = 0; i < FRACTIONS.length; i++) total += exp(FRACTIONS[i]! * centered - COSTS[i]! * spread);
  return total / FRACTIONS.length;
}

/**
 * Variance cost of betting the fraction f against a value that is at least −bound: (−ln(1 − f·bound) − f·bound) /
 * bound², which approaches f² / 2 for small bounds.
 */
export function varianceCost(fraction: number, bound: number): number {
  const stake = fraction * bound;
  if (stake < 1e-4) return (fraction * fraction * (1 + (2 * stake) / 3)) / 2;
  return (-ln(1 - stake) - stake) / (bound * bound);
}

/**
 * Evidence about the mean of values in [−1, 1] whose outcomes overlap for `horizon` steps: value t goes to process
 * t mod horizon, in which each outcome is known before the next value is predicted. Each is an e-process against the
 * hypothesis that the running mean of the conditional expectations is at most 0: mixture over the fractions f of
 * exp(f·Σx − Σ varianceCost(f, bound)·x²), with the bound of each value known before its outcome (Fan's inequality,
 * as in Choe & Ramdas, Comparing Sequential Forecasters, arXiv 2110.00115, Theorem 3). The bet is the same for every
 * value, so that the hypothesis is about their plain mean.
 *
 * The average of the processes is an e-value at any one look that is chosen in advance: it reaches 1/α with probability
 * at most α. It is not an e-process of all values together: the processes know different outcomes, and where a look is
 * chosen by looking, that bound is not proven for it (Choe & Ramdas, Combining Evidence Across Filtrations, arXiv
 * 2402.09698, whose adjusters would restore it at a price of half the power). Simulations keep the level. Constant work
 * per value.
 */
export class EProcess {
  #count = 0;
  #sum = 0;
  #above: number;
  #below: number;
  readonly #horizon: number;
  readonly #counts: Float64Array;
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;
  /** Of each process and fraction. */
  readonly #costs: Float64Array;
  readonly #aboveOf: Float64Array;
  readonly #belowOf: Float64Array;

  constructor(horizon: number) {
    this.#horizon = horizon;
    this.#counts = new Float64Array(horizon);
    this.#sums = new Float64Array(horizon);
    this.#squares = new Float64Array(horizon);
    this.#costs = new Float64Array(horizon * FRACTIONS.length);
    this.#aboveOf = new Float64Array(horizon).fill(1);
    this.#belowOf = new Float64Array(horizon).fill(1);
    this.#above = horizon;
    this.#below = horizon;
  }

  get count(): number {
    return this.#count;
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** E-value against "the mean is at most 0", now. */
  get above(): number {
    return this.#above / this.#horizon;
  }

  /** E-value against "the mean is at least 0", now. */
  get below(): number {
    return this.#below / this.#horizon;
  }

  /**
   * @param step of the time axis on which outcomes overlap
   * @param value in [−1, 1]
   * @param bound largest size that the value could have had, known before its outcome
   */
  add(step: number, value: number, bound = 1): void {
    const k = step % this.#horizon;
    this.#counts[k]!++;
    const sum = (this.#sums[k]! += value);
    this.#squares[k]! += value * value;
    this.#count++;
    this.#sum += value;
    let above = 0;
    let below = 0;
    for (let i = 0; i < FRACTIONS.length; i++) {
      const at = k * FRACTIONS.length + i;
      const cost = (this.#costs[at]! += varianceCost(FRACTIONS[i]!, bound) * value * value);
      above += exp(FRACTIONS[i]! * sum - cost);
      below += exp(-FRACTIONS[i]! * sum - cost);
    }
    this.#above += above / FRACTIONS.length - this.#aboveOf[k]!;
    this.#below += below / FRACTIONS.length - this.#belowOf[k]!;
    this.#aboveOf[k] = above / FRACTIONS.length;
    this.#belowOf[k] = below / FRACTIONS.length;
  }

  /** Confidence interval of the mean at this look, level 1 − alpha: the means with both e-values below 2/alpha. */
  interval(alpha: number): readonly [number, number] {
    const limit = 2 / alpha;
    const side = (sign: 1 | -1): number => {
      let inside = this.mean * sign;
      let outside = -1;
      for (let i = 0; i < 40; i++) {
        const middle = (inside + outside) / 2;
        if (this.#against(middle, sign) < limit) inside = middle;
        else outside = middle;
      }
      return sign * outside;
    };
    return [side(1), side(-1)];
  }

  /** Average e-value against a mean of `sign`·x of at most `mean`. */
  #against(mean: number, sign: 1 | -1): number {
    let total = 0;
    for (let k = 0; k < this.#horizon; k++)
      total += eValue(this.#counts[k]!, sign * this.#sums[k]!, this.#squares[k]!, mean);
    return total / this.#horizon;
  }
}
