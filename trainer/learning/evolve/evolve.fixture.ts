import { DEFAULT } from '../../../shared/core/features/features.fixture.ts';
import type { InstrumentBars } from '../instruments/instrument_bars.ts';
import { subjectOfBars } from '../formula_rules/rule_subject.fixture.ts';
import type { EvolutionState } from './evolution.ts';
import { evolve, type EvolveOptions, type EvolveResult } from './judge.ts';
import { spaceOf, type SearchSpace, type SpaceDocument } from './search_space.ts';

export const SMALL_SPACE: SpaceDocument = {
  name: 'small',
  description: 'for tests',
  subject: 'instrument',
  features: [
    { formula: 'close / delay(close, n) - 1', windows: [1, 3, 6], thresholds: [-0.01, -0.005, 0.005, 0.01] },
    { formula: 'rsi(n)', windows: [14], thresholds: [30, 50, 70] },
    { formula: 'hour()', thresholds: [6, 12, 18] },
  ],
  operators: ['and', 'or'],
  sides: ['long', 'short'],
  max_conditions: 3,
  stop_bps: [null, 100],
  target_bps: [null],
  max_age: [1, 4],
  population: 40,
  generations: 8,
  complexity_penalty: 0.3,
};

export function smallSpace(change: Partial<SpaceDocument> = {}): SearchSpace {
  return spaceOf({ ...SMALL_SPACE, ...change }, DEFAULT, () => 'small');
}

export interface EvolveBarsOptions extends Pick<EvolveOptions, 'lookAt' | 'trialsBefore'> {
  readonly space?: SearchSpace;
  readonly seed?: string;
  readonly searches?: Record<string, EvolutionState>;
  readonly onGeneration?: EvolveOptions['onGeneration'];
  readonly searchElsewhere?: EvolveOptions['searchElsewhere'];
}

/** Evolves on bars of which the last fifth is the holdout. */
export function evolveBars(bars: InstrumentBars, options: EvolveBarsOptions = {}): Promise<EvolveResult> {
  const { space = smallSpace(), seed = '0', searches = {}, onGeneration = () => undefined, searchElsewhere } = options;
  const { lookAt, trialsBefore } = options;
  const subject = subjectOfBars(bars);
  const holdoutFrom = Math.floor(bars.length * 0.8);
  return evolve({
    subject,
    space,
    windows: DEFAULT,
    bars: { from: 200, to: bars.length },
    holdoutFrom,
    seed,
    resamples: 500,
    searches,
    ...(searchElsewhere !== undefined && { searchElsewhere }),
    ...(lookAt !== undefined && { lookAt }),
    ...(trialsBefore !== undefined && { trialsBefore }),
    onGeneration,
  });
}

/**
 * Log return that follows a fall of more than 1 % in three bars. A rule that buys then and sells a bar later earns it,
 * less 12 bps of costs.
 */
export function plantedDrift(bps: number): (returns: readonly number[]) => number {
  return (returns) => {
    const last = returns.length;
    const fall = (returns[last - 1] ?? 0) + (returns[last - 2] ?? 0) + (returns[last - 3] ?? 0);
    return fall < Math.log(0.99) ? bps / 1e4 : 0;
  };
}

/**
 * As `plantedDrift`, as often as that rule trades: what follows an entry is given back a bar later, and the bar of an
 * exit does not enter. Holding on earns nothing, so that no rule that holds longer is better than the planted one.
 */
export function plantedOnce(bps: number): (returns: readonly number[]) => number {
  const drift = plantedDrift(bps);
  let wasEntry = false;
  return (returns) => {
    if (wasEntry) {
      wasEntry = false;
      return -bps / 1e4;
    }
    const own = drift(returns);
    wasEntry = own !== 0;
    return own;
  };
}
