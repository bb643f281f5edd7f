import {
  FLAT_STD,
  ratioToUsual,
  type FeatureDefinition,
  type FeatureGroup,
  type Frame,
  type ModelName,
} from './feature.ts';
import { SlidingComoments } from './window/comoments.ts';
import { SlidingMoments } from './window/moments.ts';
import type { Windows } from './windows.ts';

/** Volatility of the legs and of the hedged return, and how it compares with the usual. */
export class Volatility implements FeatureGroup {
  readonly features: readonly FeatureDefinition[];
  readonly #at: number;
  readonly #a: SlidingMoments;
  readonly #b: SlidingMoments;
  readonly #aShort: SlidingMoments;
  readonly #bShort: SlidingMoments;
  readonly #aLong: SlidingMoments;
  readonly #bLong: SlidingMoments;
  readonly #hedged: SlidingMoments;
  readonly #hedgedSize: SlidingMoments;
  readonly #hedgedShort: SlidingMoments;
  readonly #hedgedLong: SlidingMoments;
  readonly #hedgedPairs: SlidingComoments;
  #hedgedBefore = NaN;

  constructor(windows: Windows, at: number) {
    const { beta_window, vol_short, vol_window, vol_long } = windows;
    this.#at = at;
    this.#a = new SlidingMoments(vol_window);
    this.#b = new SlidingMoments(vol_window);
    this.#aShort = new SlidingMoments(vol_short);
    this.#bShort = new SlidingMoments(vol_short);
    this.#aLong = new SlidingMoments(vol_long);
    this.#bLong = new SlidingMoments(vol_long);
    this.#hedged = new SlidingMoments(vol_window);
    this.#hedgedSize = new SlidingMoments(vol_window);
    this.#hedgedShort = new SlidingMoments(vol_short);
    this.#hedgedLong = new SlidingMoments(vol_long);
    this.#hedgedPairs = new SlidingComoments(vol_window, FLAT_STD);
    const all: readonly ModelName[] = ['ai1', 'ai2', 'ai3'];
    const unit = 'ln return per bar';
    const hedged = 'r_A − beta_{t−1} · r_B';
    this.features = [
      {
        name: 'vol_a',
        formula: 'std of r_A, the one-bar log return of leg A',
        window: vol_window,
        ddof: 1,
        warmup_bars: vol_window + 1,
        unit,
        models: all,
      },
      {
        name: 'vol_b',
        formula: 'std of r_B',
        window: vol_window,
        ddof: 1,
        warmup_bars: vol_window + 1,
        unit,
        models: all,
      },
      {
        name: 'vol_jump',
        formula: `greater of std(r_A, ${vol_short}) / std(r_A, ${vol_long}) and the same of r_B; 1 for a constant leg`,
        window: vol_long,
        ddof: 1,
        warmup_bars: vol_long + 1,
        unit: 'ratio',
        models: all,
      },
      {
        name: 'spread_vol',
        formula: `std of the hedged return h = ${hedged}`,
        window: vol_window,
        ddof: 1,
        warmup_bars: beta_window + vol_window,
        unit,
        models: all,
      },
      {
        name: 'spread_vol_jump',
        formula: `std(h, ${vol_short}) / std(h, ${vol_long}); 1 when constant`,
        window: vol_long,
        ddof: 1,
        warmup_bars: beta_window + vol_long,
        unit: 'ratio',
        models: all,
      },
      {
        name: 'drift_ratio',
        formula: '|mean h| / mean |h|; 0 when h is constantly 0',
        window: vol_window,
        ddof: null,
        warmup_bars: beta_window + vol_window,
        unit: '0…1',
        models: all,
      },
      {
        name: 'hedged_autocorr',
        formula: 'correlation of h_t and h_{t−1}; 0 when constant',
        window: vol_window,
        ddof: null,
        warmup_bars: beta_window + vol_window + 1,
        unit: '−1…1',
        models: all,
      },
    ];
  }

  step(frame: Frame, out: Float64Array): void {
    if (Number.isNaN(frame.returnA)) return;
    const { minute } = frame;
    const at = this.#at;
    this.#a.push(minute, frame.returnA);
    this.#b.push(minute, frame.returnB);
    this.#aShort.push(minute, frame.returnA);
    this.#bShort.push(minute, frame.returnB);
    this.#aLong.push(minute, frame.returnA);
    this.#bLong.push(minute, frame.returnB);
    if (this.#a.full) {
      out[at] = this.#a.std;
      out[at + 1] = this.#b.std;
    }
    if (this.#aLong.full) {
      out[at + 2] = Math.max(
        ratioToUsual(this.#aShort.std, this.#aLong.std),
        ratioToUsual(this.#bShort.std, this.#bLong.std),
      );
    }
    this.#stepHedged(frame, out);
  }

  #stepHedged(frame: Frame, out: Float64Array): void {
    frame.hedgedReturn = frame.returnA - frame.betaBefore * frame.returnB;
    if (Number.isNaN(frame.hedgedReturn)) return;
    const { minute, hedgedReturn } = frame;
    const at = this.#at;
    this.#hedged.push(minute, hedgedReturn);
    this.#hedgedSize.push(minute, Math.abs(hedgedReturn));
    this.#hedgedShort.push(minute, hedgedReturn);
    this.#hedgedLong.push(minute, hedgedReturn);
    if (!Number.isNaN(this.#hedgedBefore)) this.#hedgedPairs.push(minute, this.#hedgedBefore, hedgedReturn);
    this.#hedgedBefore = hedgedReturn;
    if (this.#hedged.full) {
      frame.spreadVol = this.#hedged.std;
      out[at + 3] = frame.spreadVol;
      const size = this.#hedgedSize.mean;
      out[at + 5] = size > 0 ? Math.min(1, Math.abs(this.#hedged.mean) / size) : 0;
    }
    if (this.#hedgedLong.full) out[at + 4] = ratioToUsual(this.#hedgedShort.std, this.#hedgedLong.std);
    if (this.#hedgedPairs.full) out[at + 6] = this.#hedgedPairs.correlation;
  }
}
