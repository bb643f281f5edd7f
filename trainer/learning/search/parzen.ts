import { exp, ln } from '../../../shared/elementary.ts';
import type { Rng } from '../../../shared/ports.ts';
import type { Axis } from './axis.ts';
import { normalBetween } from '../statistics/normal.ts';

/** A position in [0, 1] on each ordered axis, the index of a choice on each categorical one. [axes] */
export type Point = readonly number[];

/** A density that can be drawn from. */
export interface Mixture {
  draw(rng: Rng): number[];
  logDensity(point: Point): number;
}

/** Width of a kernel in standard deviations of the points on its axis, before Scott's factor. */
const WIDTH = 0.4;
/** In shares of the axis. */
const MIN_WIDTH = 0.02;
const UNIFORM_VARIANCE = 1 / 12;
/** Pseudo-points without information in the spread: one or two good points may agree by chance. */
const VAGUE_POINTS = 2;
const LN_SQRT_2_PI = ln(2 * Math.PI) / 2;

/**
 * Parzen's density estimate of points: a kernel around each, and one as wide as the space (the prior), all of equal
 * weight. A kernel is a product over axes, which keeps good combinations together (the multivariate kernel of Falkner
 * et al. 2018; Watanabe 2023, arXiv:2304.11127): on an ordered axis a normal density truncated at 0 and 1, on a
 * categorical one mostly its own choice.
 *
 * Widths follow the spread of the points on each axis and fall with n^(−1/(axes + 4)) (Scott's rule), so that the
 * search becomes finer where the good points concentrate, axis by axis.
 */
export function parzenEstimate(axes: readonly Axis[], points: readonly Point[]): Mixture {
  const prior = points.length;
  const kernels = points.length + 1;
  const scott = exp(-ln(Math.max(points.length, 1)) / (axes.length + 4));
  const widths = axes.map((axis, a) => (axis.kind === 'ordered' ? axisWidth(points, a, scott) : NaN));
  const centerOf = (kernel: number, a: number): number => (kernel === prior ? 0.5 : points[kernel]![a]!);
  const widthOf = (kernel: number, a: number): number => (kernel === prior ? 1 : widths[a]!);

  // [kernels × axes]: the share of each normal density within [0, 1].
  const inside = new Float64Array(kernels * axes.length);
  for (let kernel = 0; kernel < kernels; kernel++) {
    for (let a = 0; a < axes.length; a++) {
      if (axes[a]!.kind === 'categorical') continue;
      const center = centerOf(kernel, a);
      const width = widthOf(kernel, a);
      inside[kernel * axes.length + a] = normalBetween(-center / width, (1 - center) / width);
    }
  }

  /** Density of one kernel on one axis; a probability where positions share a value. */
  const logKernel = (kernel: number, a: number, at: number, cell: readonly [number, number] | null): number => {
    const axis = axes[a]!;
    const center = centerOf(kernel, a);
    if (axis.kind === 'categorical') {
      return ln(choiceShare(axis.choices.length, kernels, kernel !== prior, at === center));
    }
    const width = widthOf(kernel, a);
    const share = inside[kernel * axes.length + a]!;
    if (cell !== null) return ln(normalBetween((cell[0] - center) / width, (cell[1] - center) / width) / share);
    const z = (at - center) / width;
    return -(z * z) / 2 - LN_SQRT_2_PI - ln(width * share);
  };

  return {
    draw(rng) {
      const kernel = rng.integer(kernels);
      return axes.map((axis, a) => {
        const center = centerOf(kernel, a);
        if (axis.kind === 'categorical') return drawChoice(axis.choices.length, kernels, kernel !== prior, center, rng);
        for (;;) {
          // The center is within [0, 1], so at least one draw in four is.
          const place = center + widthOf(kernel, a) * rng.normal();
          if (place >= 0 && place <= 1) return place;
        }
      });
    },
    logDensity(point) {
      const cells = axes.map((axis, a) => (axis.kind === 'ordered' ? (axis.cell?.(point[a]!) ?? null) : null));
      const logs = Float64Array.from({ length: kernels }, (_, kernel) => {
        let log = -ln(kernels);
        for (let a = 0; a < axes.length; a++) log += logKernel(kernel, a, point[a]!, cells[a]!);
        return log;
      });
      return logSumExp(logs);
    },
  };
}

function axisWidth(points: readonly Point[], a: number, scott: number): number {
  let mean = 0;
  for (const point of points) mean += point[a]! / points.length;
  let squares = VAGUE_POINTS * UNIFORM_VARIANCE;
  for (const point of points) {
    const off = point[a]! - mean;
    squares += off * off;
  }
  const spread = Math.sqrt(squares / (points.length + VAGUE_POINTS - 1));
  return Math.min(1, Math.max(WIDTH * scott * spread, MIN_WIDTH));
}

/**
 * The probability of a choice in a kernel: its own counts 1, and all have a prior count of 1 / kernels, so that none is
 * impossible.
 */
function choiceShare(choices: number, kernels: number, isObservation: boolean, isOwn: boolean): number {
  if (!isObservation) return 1 / choices;
  return (1 / kernels + (isOwn ? 1 : 0)) / (1 + choices / kernels);
}

function drawChoice(choices: number, kernels: number, isObservation: boolean, own: number, rng: Rng): number {
  let left = rng.uniform();
  for (let choice = 0; choice < choices - 1; choice++) {
    left -= choiceShare(choices, kernels, isObservation, choice === own);
    if (left < 0) return choice;
  }
  return choices - 1;
}

function logSumExp(logs: Float64Array): number {
  let most = -Infinity;
  for (const log of logs) if (log > most) most = log;
  let sum = 0;
  for (const log of logs) sum += exp(log - most);
  return most + ln(sum);
}
