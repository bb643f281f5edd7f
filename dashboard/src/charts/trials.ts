import type { SearchHistory } from '../api.ts';

/** An axis of a parameter, or of the result. */
export interface Axis {
  readonly name: string;
  readonly kind: 'number' | 'category';
  /** Text at a position from 0 (bottom) to 1. */
  readonly labels: readonly { readonly at: number; readonly text: string }[];
}

/** Trials with a result, as columns. */
export interface Trials {
  readonly count: number;
  /** Trial numbers. */
  readonly number: Int32Array;
  readonly value: Float64Array;
  /** 0 = best, 1 = worst. */
  readonly rank: Float32Array;
  readonly axes: readonly Axis[];
  /** Positions by axis, 0 to 1; NaN if the trial lacks the parameter. */
  readonly places: readonly Float32Array[];
}

/** Positions of all complete trials on their axes; the last axis is the rank of the result. */
export function trialsOf(history: SearchHistory): Trials {
  const complete: number[] = [];
  history.value.forEach((value, i) => {
    if (value !== null && history.state[i] === 'complete') complete.push(i);
  });
  const value = Float64Array.from(complete, (i) => history.value[i]!);
  const rank = ranksOf(value, history.direction === 'minimize' ? 1 : -1);
  const axes: Axis[] = [];
  const places: Float32Array[] = [];
  for (const [name, parameter] of Object.entries(history.space)) {
    const column = history.params[name] ?? [];
    const { kind, low, high, log } = parameter;
    if (kind === 'categorical' || low === undefined || high === undefined) {
      const choices = parameter.choices ?? [];
      if (choices.length < 2) continue;
      const last = choices.length - 1;
      axes.push({ name, kind: 'category', labels: choices.map((one, i) => ({ at: i / last, text: String(one) })) });
      places.push(
        Float32Array.from(complete, (i) => ((column[i] ?? null) === null ? NaN : choices.indexOf(column[i]!) / last)),
      );
    } else {
      if (!(high > low)) continue;
      const scale = log === true ? Math.log : (x: number): number => x;
      const from = scale(low);
      const to = scale(high);
      axes.push({ name, kind: 'number', labels: [low, high].map((text, at) => ({ at, text: shown(text) })) });
      places.push(
        Float32Array.from(complete, (i) =>
          (column[i] ?? null) === null ? NaN : (scale(Number(column[i])) - from) / (to - from),
        ),
      );
    }
  }
  return { count: complete.length, number: Int32Array.from(complete), value, rank, axes, places };
}

function shown(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** Ranks from 0 (best) to 1; ties share a rank. */
function ranksOf(value: Float64Array, sign: 1 | -1): Float32Array {
  const order = Array.from(value, (_, i) => i).sort((a, b) => sign * (value[a]! - value[b]!));
  const rank = new Float32Array(value.length);
  const last = Math.max(1, value.length - 1);
  for (let i = 0; i < order.length;) {
    let j = i;
    while (j < order.length && value[order[j]!] === value[order[i]!]) j++;
    for (let k = i; k < j; k++) rank[order[k]!] = (i + j - 1) / 2 / last;
    i = j;
  }
  return rank;
}

const BINS = 12;

/**
 * Share of the variance of the result's rank that each parameter explains alone: variance between its classes, adjusted
 * for their number (ω² of a one-way analysis of variance), greatest first. Interactions are not included.
 */
export function importanceOf({ rank, axes, places, count }: Trials): { name: string; share: number }[] {
  const found = axes.map(({ name, labels, kind }, axis) => {
    const bins = kind === 'category' ? labels.length : BINS;
    const sum = new Float64Array(bins + 1);
    const rows = new Float64Array(bins + 1);
    for (let i = 0; i < count; i++) {
      const place = places[axis]![i]!;
      // The last class holds trials without the parameter.
      const bin = Number.isNaN(place) ? bins : Math.min(bins - 1, Math.floor(place * bins));
      sum[bin]! += rank[i]!;
      rows[bin]!++;
    }
    return { name, share: explained(rank, sum, rows) };
  });
  return found.sort((a, b) => b.share - a.share);
}

function explained(rank: Float32Array, sum: Float64Array, rows: Float64Array): number {
  const count = rank.length;
  const mean = sum.reduce((total, one) => total + one, 0) / count;
  let total = 0;
  let between = 0;
  let classes = 0;
  for (const one of rank) total += (one - mean) ** 2;
  for (let bin = 0; bin < rows.length; bin++) {
    if (rows[bin] === 0) continue;
    classes++;
    between += rows[bin]! * (sum[bin]! / rows[bin]! - mean) ** 2;
  }
  if (count <= classes || total === 0) return 0;
  const within = (total - between) / (count - classes);
  return Math.max(0, (between - (classes - 1) * within) / (total + within));
}

/**
 * Drawing order: first an even sample and the best, then all others from worst to best, so that the best are on top.
 */
export function drawingOrder({ rank, count }: Pick<Trials, 'rank' | 'count'>, first: number): Int32Array {
  const order = new Int32Array(count);
  const isTaken = new Uint8Array(count);
  let next = 0;
  const take = (i: number): void => {
    if (isTaken[i] === 1) return;
    isTaken[i] = 1;
    order[next++] = i;
  };
  const step = Math.max(1, Math.floor(count / Math.max(1, first - first / 4)));
  for (let i = 0; i < count; i += step) take(i);
  const best = first / 4 / Math.max(1, count);
  for (let i = 0; i < count; i++) if (rank[i]! < best) take(i);
  const others: number[] = [];
  for (let i = 0; i < count; i++) if (isTaken[i] === 0) others.push(i);
  for (const i of others.sort((a, b) => rank[b]! - rank[a]!)) take(i);
  return order;
}
