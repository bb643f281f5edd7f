import type { Estimate, Grid } from './cross_correlation.ts';

/** Moves of a leader that are looked at alone. */
export type StratumKind = 'hour of the day' | 'hour of the week' | 'large moves';

/** Correlation of some moves of a leader with the follower's moves at the same time and after them. */
export interface StratumCorrelation {
  readonly kind: StratumKind;
  /** UTC; of the week: of Sunday first, 0…167. Of large moves 0. */
  readonly hour: number;
  /** Hours of clock time with such a move. */
  readonly cells: number;
  /** Of each lag from 0 on. */
  readonly lags: readonly Estimate[];
}

const WEEKDAYS = ['Sundays', 'Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays'] as const;
const HOUR_S = 3600;
const DAY_HOURS = 24;
const WEEK_HOURS = 168;
/** 1970-01-01 was a Thursday. */
const EPOCH_WEEK_HOUR = 4 * DAY_HOURS;
/** Hours of clock time that a stratum needs for a standard error. */
const MIN_CELLS = 30;
/** Squares of a stratum's moves, each of which is about 2. */
const MIN_SQUARES = 300;
/** Least share of the follower's squares in the leader's, and the reverse: else one of them was hardly traded. */
const MIN_BALANCE = 0.5;
/** In multiples of the mean size of a move at its time of day: some 2 % of a market's moves. */
const LARGE = 3;

/** Sums over the hours of clock time of a stratum. */
class StratumSums {
  readonly kind: StratumKind;
  readonly hour: number;
  cells = 0;
  squares = 0;
  squaredSquares = 0;
  readonly products: Float64Array;
  readonly squaredProducts: Float64Array;
  readonly productsBySquares: Float64Array;
  readonly followerSquares: Float64Array;

  constructor(kind: StratumKind, hour: number, lags: number) {
    this.kind = kind;
    this.hour = hour;
    this.products = new Float64Array(lags);
    this.squaredProducts = new Float64Array(lags);
    this.productsBySquares = new Float64Array(lags);
    this.followerSquares = new Float64Array(lags);
  }

  /** Adds one hour of clock time: its sums of products and of the follower's squares at each lag. */
  add(squares: number, products: Float64Array, followerSquares: Float64Array): void {
    if (squares === 0) return;
    this.cells++;
    this.squares += squares;
    this.squaredSquares += squares * squares;
    for (let lag = 0; lag < products.length; lag++) {
      const product = products[lag]!;
      this.products[lag]! += product;
      this.squaredProducts[lag]! += product * product;
      this.productsBySquares[lag]! += product * squares;
      this.followerSquares[lag]! += followerSquares[lag]!;
    }
  }

  /** Adds the sums of another stratum. */
  addAll(other: StratumSums): void {
    this.cells += other.cells;
    this.squares += other.squares;
    this.squaredSquares += other.squaredSquares;
    for (const name of ['products', 'squaredProducts', 'productsBySquares', 'followerSquares'] as const)
      other[name].forEach((sum, lag) => (this[name][lag]! += sum));
  }

  /** null where it has too few moves to say. */
  correlation(): StratumCorrelation | null {
    const { kind, hour, cells, squares } = this;
    if (cells < MIN_CELLS || squares < MIN_SQUARES) return null;
    const lags: Estimate[] = [];
    for (let lag = 0; lag < this.products.length; lag++) {
      const followers = this.followerSquares[lag]!;
      if (!this.#isTraded(followers)) return null;
      // The error of a ratio of sums over hours: their products less what their squares let expect.
      const slope = this.products[lag]! / squares;
      const squared =
        this.squaredProducts[lag]! - 2 * slope * this.productsBySquares[lag]! + slope * slope * this.squaredSquares;
      const norm = Math.sqrt(squares * followers);
      const error = Math.sqrt((Math.max(0, squared) * cells) / (cells - 1)) / norm;
      lags.push({ value: this.products[lag]! / norm, error });
    }
    return { kind, hour, cells, lags };
  }

  /** Whether the follower moved while the leader did, or after it. */
  #isTraded(followers: number): boolean {
    // Large moves have larger squares than what follows them.
    if (this.kind === 'large moves') return followers >= MIN_SQUARES;
    return Math.min(followers, this.squares) >= MIN_BALANCE * Math.max(followers, this.squares);
  }
}

/**
 * Correlation of a leader's moves with a follower's at the lags 0…reach, separately for the leader's moves of each hour
 * of the day, of each hour of the week, and for its large ones. Each standard error comes from the variation of the
 * products between hours of clock time.
 * @param leader moves in multiples of their usual size, with mean 0
 * @param follower likewise, of the same step
 * @param reach in steps
 * @returns those with enough moves; none of steps longer than an hour
 */
export function correlateStrata(leader: Grid, follower: Grid, reach: number): StratumCorrelation[] {
  const { step } = leader;
  if (step > HOUR_S || HOUR_S % step !== 0) return [];
  const from = Math.max(leader.from, follower.from);
  const to = Math.min(leader.from + leader.values.length * step, follower.from + follower.values.length * step);
  const length = Math.floor((to - from) / step) - reach;
  const lags = reach + 1;
  const strata = (kind: StratumKind, hours: number): StratumSums[] =>
    Array.from({ length: hours }, (_, hour) => new StratumSums(kind, hour, lags));
  const ofDay = strata('hour of the day', DAY_HOURS);
  const ofWeek = strata('hour of the week', WEEK_HOURS);
  const [large] = strata('large moves', 1);
  const a = withoutMissing(leader.values.subarray((from - leader.from) / step));
  const b = withoutMissing(follower.values.subarray((from - follower.from) / step));
  const before = squaresBefore(b);
  const products = new Float64Array(lags);
  const squares = new Float64Array(lags);
  for (let start = 0, end: number; start < length; start = end) {
    const time = from + start * step;
    end = Math.min(length, start + Math.ceil((HOUR_S - (time % HOUR_S)) / step));
    const own = squaresOf(a, start, end);
    if (own === 0) continue;
    const hour = Math.floor(time / HOUR_S);
    addProducts(a, b, start, end, products);
    for (let lag = 0; lag < lags; lag++) squares[lag] = before[end + lag]! - before[start + lag]!;
    ofWeek[(hour + EPOCH_WEEK_HOUR) % WEEK_HOURS]!.add(own, products, squares);
    large!.add(addLarge(a, b, start, end, products, squares), products, squares);
  }
  for (const sums of ofWeek) ofDay[sums.hour % DAY_HOURS]!.addAll(sums);
  return [...ofDay, ...ofWeek, large!].flatMap((sums) => sums.correlation() ?? []);
}

/** `in the hour from 14:00 UTC`, `on Wednesdays in the hour from 14:00 UTC`, `where its move is large`. */
export function stratumText({ kind, hour }: Pick<StratumCorrelation, 'kind' | 'hour'>): string {
  if (kind === 'large moves') return 'where its move is large';
  const clock = `in the hour from ${String(hour % DAY_HOURS).padStart(2, '0')}:00 UTC`;
  return kind === 'hour of the day' ? clock : `on ${WEEKDAYS[Math.floor(hour / DAY_HOURS)]} ${clock}`;
}

function withoutMissing(values: Float64Array): Float64Array {
  return values.map((value) => (Number.isNaN(value) ? 0 : value));
}

/** Sum of the squares before each element, and of all at the end. */
function squaresBefore(values: Float64Array): Float64Array {
  const sums = new Float64Array(values.length + 1);
  for (let i = 0; i < values.length; i++) sums[i + 1] = sums[i]! + values[i]! * values[i]!;
  return sums;
}

function squaresOf(values: Float64Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += values[i]! * values[i]!;
  return sum;
}

/** Writes Σ a(i) · b(i + lag) over `start` ≤ i < `end`, four lags at once: most of the time of a check goes here. */
function addProducts(a: Float64Array, b: Float64Array, start: number, end: number, products: Float64Array): void {
  const lags = products.length;
  let lag = 0;
  for (; lag + 4 <= lags; lag += 4) {
    let first = 0;
    let second = 0;
    let third = 0;
    let fourth = 0;
    let at = b[start + lag]!;
    let next = b[start + lag + 1]!;
    let later = b[start + lag + 2]!;
    for (let i = start; i < end; i++) {
      const value = a[i]!;
      const last = b[i + lag + 3]!;
      first += value * at;
      second += value * next;
      third += value * later;
      fourth += value * last;
      at = next;
      next = later;
      later = last;
    }
    products[lag] = first;
    products[lag + 1] = second;
    products[lag + 2] = third;
    products[lag + 3] = fourth;
  }
  for (; lag < lags; lag++) {
    let sum = 0;
    for (let i = start; i < end; i++) sum += a[i]! * b[i + lag]!;
    products[lag] = sum;
  }
}

/** Writes the same over the leader's large moves, and the follower's squares at each lag. @returns their own squares */
function addLarge(
  a: Float64Array,
  b: Float64Array,
  start: number,
  end: number,
  products: Float64Array,
  squares: Float64Array,
): number {
  let own = 0;
  for (let i = start; i < end; i++) {
    const value = a[i]!;
    if (Math.abs(value) < LARGE) continue;
    if (own === 0) {
      products.fill(0);
      squares.fill(0);
    }
    own += value * value;
    for (let lag = 0; lag < products.length; lag++) {
      const later = b[i + lag]!;
      products[lag]! += value * later;
      squares[lag]! += later * later;
    }
  }
  return own;
}
