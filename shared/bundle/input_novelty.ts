import * as z from 'zod';
import { MinutehandError } from '../errors.ts';

/** Scaled values further out than this count as this: one wild column does not decide alone. */
export const NOVELTY_CLIP = 8;
/** Centers are measured so many at a time. */
const LANES = 4;

const finite = z.number();

/**
 * The rows that a model was trained on, in brief: centers of their clusters in robustly scaled columns, and how far
 * from the nearest center rows lie that had no part in the centers.
 */
export const inputDescriptionSchema = z
  .strictObject({
    /** Columns that are compared: those that the model may use and that are not constant. */
    columns: z.array(z.string()).min(1),
    /** By column: the median, and the robust standard deviation. */
    median: z.array(finite),
    scale: z.array(z.number().positive()),
    /** By column: the scaled value that a missing one counts as. */
    missing: z.array(finite),
    /** By center: scaled values of the columns. */
    centers: z.array(z.array(finite)).min(1),
    /** Ascending distances from the nearest center, and the share of training rows that are farther out. */
    distances: z.array(z.number().nonnegative()).min(2),
    farther: z.array(z.number().min(0).max(1)).min(2),
  })
  .refine(hasOneWidth, 'not as many numbers as columns')
  .refine(({ distances, farther }) => distances.length === farther.length, 'not as many shares as distances')
  .refine(({ distances }) => distances.every((value, i) => i === 0 || value > distances[i - 1]!), 'not ascending')
  .refine(({ farther }) => farther.every((value, i) => i === 0 || value <= farther[i - 1]!), 'not descending');
export type InputDescription = z.infer<typeof inputDescriptionSchema>;

interface Widths {
  readonly columns: readonly string[];
  readonly median: readonly number[];
  readonly scale: readonly number[];
  readonly missing: readonly number[];
  readonly centers: readonly (readonly number[])[];
}

function hasOneWidth({ columns, median, scale, missing, centers }: Widths): boolean {
  return [median, scale, missing, ...centers].every(({ length }) => length === columns.length);
}

/**
 * Tells how unlike its training rows an input of a model is. A row costs a microsecond and allocates nothing; its bits
 * depend on the row and the description alone, so live, replay and backtest agree.
 *
 * After the dissimilarity index of FreqAI and the area of applicability of Meyer & Pebesma (2021): the distance to the
 * nearest training row, here to the nearest of a few centers of k-means, compared with the distances of training rows
 * that were left out of them.
 */
export class InputNovelty {
  readonly #columns: Int32Array;
  readonly #median: Float64Array;
  readonly #scale: Float64Array;
  readonly #missing: Float64Array;
  /** Four centers beside each other, column by column, so that their sums do not wait for each other. */
  readonly #centers: Float64Array;
  readonly #groups: number;
  readonly #distances: Float64Array;
  readonly #farther: Float64Array;
  /** Scaled values of the row that is measured. */
  readonly #row: Float64Array;

  /**
   * @param features names of the columns of a row, in their order
   * @throws MinutehandError MODEL_MANIFEST for a column that no row has
   */
  constructor(description: InputDescription, features: readonly string[]) {
    const { columns, median, scale, missing, centers, distances, farther } = description;
    this.#columns = Int32Array.from(columns, (name) => features.indexOf(name));
    const unknown = this.#columns.indexOf(-1);
    if (unknown >= 0)
      throw new MinutehandError('MODEL_MANIFEST', {
        seen: `inputs: the column ${columns[unknown]}`,
        expected: 'one of `features`',
      });
    this.#median = Float64Array.from(median);
    this.#scale = Float64Array.from(scale);
    this.#missing = Float64Array.from(missing);
    this.#groups = Math.ceil(centers.length / LANES);
    this.#centers = besideEachOther(centers, this.#groups);
    this.#distances = Float64Array.from(distances);
    this.#farther = Float64Array.from(farther);
    this.#row = new Float64Array(columns.length);
  }

  /**
   * Share of training rows that are farther out, 0 to 1: about one half for a row like those of the training, 0 for
   * one that is farther out than all of them.
   * @param at index of the row's first value in `features`
   */
  of(features: Float32Array, at: number): number {
    return this.#fartherThan(this.distance(features, at));
  }

  /** Root mean square difference to the nearest center, in robust standard deviations. */
  distance(features: Float32Array, at: number): number {
    this.#scaleRow(features, at);
    const row = this.#row;
    const centers = this.#centers;
    const columns = row.length;
    let nearest = Infinity;
    let next = 0;
    for (let group = 0; group < this.#groups; group++) {
      let first = 0;
      let second = 0;
      let third = 0;
      let fourth = 0;
      for (let column = 0; column < columns; column++) {
        const value = row[column]!;
        const a = value - centers[next]!;
        const b = value - centers[next + 1]!;
        const c = value - centers[next + 2]!;
        const d = value - centers[next + 3]!;
        first += a * a;
        second += b * b;
        third += c * c;
        fourth += d * d;
        next += LANES;
      }
      if (first < nearest) nearest = first;
      if (second < nearest) nearest = second;
      if (third < nearest) nearest = third;
      if (fourth < nearest) nearest = fourth;
    }
    return Math.sqrt(nearest / columns);
  }

  #scaleRow(features: Float32Array, at: number): void {
    const row = this.#row;
    for (let column = 0; column < row.length; column++) {
      const value = (features[at + this.#columns[column]!]! - this.#median[column]!) / this.#scale[column]!;
      if (value > NOVELTY_CLIP) row[column] = NOVELTY_CLIP;
      else if (value < -NOVELTY_CLIP) row[column] = -NOVELTY_CLIP;
      else row[column] = Number.isNaN(value) ? this.#missing[column]! : value;
    }
  }

  /** Linear between the known distances. */
  #fartherThan(distance: number): number {
    const distances = this.#distances;
    const farther = this.#farther;
    const last = distances.length - 1;
    if (distance <= distances[0]!) return farther[0]!;
    if (distance >= distances[last]!) return farther[last]!;
    let low = 0;
    let high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (distances[middle]! <= distance) low = middle;
      else high = middle;
    }
    const way = (distance - distances[low]!) / (distances[high]! - distances[low]!);
    return farther[low]! + way * (farther[high]! - farther[low]!);
  }
}

/** The last center fills up the last group: the nearest one stays the same. */
function besideEachOther(centers: readonly (readonly number[])[], groups: number): Float64Array {
  const columns = centers[0]!.length;
  const packed = new Float64Array(groups * LANES * columns);
  for (let i = 0; i < groups * LANES; i++) {
    const center = centers[Math.min(i, centers.length - 1)]!;
    const start = Math.floor(i / LANES) * LANES * columns + (i % LANES);
    for (let column = 0; column < columns; column++) packed[start + column * LANES] = center[column]!;
  }
  return packed;
}
