import type { Rng } from '../../../shared/ports.ts';
import { axisOf, type Axis } from './axis.ts';
import { parzenEstimate, type Point } from './parzen.ts';
import { exists, groupsOf, type Group, type Params, type Space, type Value } from './space.ts';

export type SamplerName = 'tpe' | 'random';

/** Proposes the next values. `known` are the values of all trials so far, the best first. */
export type Sampler = (known: readonly Params[], rng: Rng) => Params;

/** @throws RangeError when the space is not as stated in space.ts */
export function createSampler(name: SamplerName, space: Space): Sampler {
  const groups = groupsOf(space).map((group) => ({ ...group, axes: group.names.map((of) => axisOf(space[of]!)) }));
  const pointOf = name === 'tpe' ? tpePoint : randomPoint;
  return (known, rng) => {
    const params: Record<string, Value> = {};
    for (const group of groups) {
      if (!exists(group.when, params)) continue;
      const point = pointOf(group, known, rng);
      group.names.forEach((of, a) => (params[of] = valueAt(group.axes[a]!, point[a]!)));
    }
    return params;
  };
}

interface SampledGroup extends Group {
  readonly axes: readonly Axis[];
}

/** Random trials before the estimator is used. */
const STARTUP_TRIALS = 10;
const GOOD_SHARE = 0.1;
const MAX_GOOD = 25;
const CANDIDATES = 24;

/**
 * Tree-structured Parzen estimator (Bergstra et al. 2011; 2013). Known trials are split into the best tenth and the
 * others; of points drawn from the density of the good ones, the one with the largest ratio good / others is used,
 * which maximizes the expected improvement. Parameters that exist together are drawn together; those under a condition
 * learn from the trials in which they existed.
 */
function tpePoint({ when, names, axes }: SampledGroup, known: readonly Params[], rng: Rng): Point {
  const points = known
    .filter((params) => exists(when, params))
    .map((params) => names.map((name, a) => placeOf(axes[a]!, params[name]!)));
  if (points.length < STARTUP_TRIALS) return uniformPoint(axes, rng);
  const goodCount = Math.min(Math.ceil(GOOD_SHARE * points.length), MAX_GOOD);
  const good = parzenEstimate(axes, points.slice(0, goodCount));
  const others = parzenEstimate(axes, points.slice(goodCount));
  let best: Point = [];
  let most = -Infinity;
  for (let k = 0; k < CANDIDATES; k++) {
    const point = good.draw(rng);
    const gain = good.logDensity(point) - others.logDensity(point);
    if (gain > most || k === 0) {
      best = point;
      most = gain;
    }
  }
  return best;
}

function randomPoint({ axes }: SampledGroup, _known: readonly Params[], rng: Rng): Point {
  return uniformPoint(axes, rng);
}

function uniformPoint(axes: readonly Axis[], rng: Rng): Point {
  return axes.map((axis) => (axis.kind === 'categorical' ? rng.integer(axis.choices.length) : rng.uniform()));
}

function placeOf(axis: Axis, value: Value): number {
  return axis.kind === 'categorical' ? axis.choices.indexOf(value) : axis.encode(value);
}

function valueAt(axis: Axis, at: number): Value {
  return axis.kind === 'categorical' ? axis.choices[at]! : axis.decode(at);
}
