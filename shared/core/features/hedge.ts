import { FLAT_STD, type FeatureDefinition, type FeatureGroup, type Frame } from './feature.ts';
import { SlidingComoments } from './window/comoments.ts';
import type { Windows } from './windows.ts';

/** The hedge ratio: rolling OLS of ln A on ln B, the current bar included. Leaves beta, alpha, corr and the spread in the frame. */
export class Hedge implements FeatureGroup {
  readonly features: readonly FeatureDefinition[];
  readonly #at: number;
  readonly #ols: SlidingComoments;

  constructor(windows: Windows, at: number) {
    const window = windows.beta_window;
    this.#at = at;
    this.#ols = new SlidingComoments(window, FLAT_STD);
    const shared = { window, ddof: null, warmup_bars: window };
    this.features = [
      {
        ...shared,
        name: 'beta',
        formula: 'Sxy / Sxx of x = ln close_B, y = ln close_A; 0 when ln close_B is constant',
        unit: 'ln A per ln B',
        models: ['ai1', 'ai2', 'ai3'],
      },
      { ...shared, name: 'alpha', formula: 'mean(ln close_A) − beta · mean(ln close_B)', unit: 'ln price', models: [] },
      {
        ...shared,
        name: 'corr',
        formula: 'Sxy / √(Sxx · Syy); 0 when either leg is constant',
        unit: '−1…1',
        models: ['ai1', 'ai2', 'ai3'],
      },
      { ...shared, name: 'spread', formula: 'ln close_A − alpha − beta · ln close_B', unit: 'ln price', models: [] },
    ];
  }

  step(frame: Frame, out: Float64Array): void {
    const ols = this.#ols;
    ols.push(frame.minute, frame.lnB, frame.lnA);
    frame.betaBefore = frame.beta;
    frame.spreadBefore = frame.spread;
    if (!ols.full) return;
    frame.beta = ols.slope;
    frame.alpha = ols.meanY - frame.beta * ols.meanX;
    frame.corr = ols.correlation;
    // Centred, because ln A − alpha − beta · ln B would lose the digits that the means have in common.
    frame.spread = frame.lnA - ols.meanY - frame.beta * (frame.lnB - ols.meanX);
    out[this.#at] = frame.beta;
    out[this.#at + 1] = frame.alpha;
    out[this.#at + 2] = frame.corr;
    out[this.#at + 3] = frame.spread;
  }
}
