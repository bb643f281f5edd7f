import type { Bar } from '../../bar.ts';
import type { Windows } from './windows.ts';

/**
 * Every feature of the last bar by its textbook formula, from whole arrays, with no thought of speed.
 * The reference for features.test.ts; shares no code with the features.
 */
export function naiveFeatures(a: readonly Bar[], b: readonly Bar[], w: Windows): Record<string, number> {
  const n = a.length;
  const x = b.map((bar) => Math.log(bar.close));
  const y = a.map((bar) => Math.log(bar.close));
  /** Mean of the differences from the first: log prices have most digits in common, and sums would lose the others. */
  const rise = (v: number[]): number => v.reduce((s, e) => s + (e - v[0]!), 0) / v.length;
  const mean = (v: number[]): number => v[0]! + rise(v);
  const product = (u: number[], v: number[]): number => {
    const mu = mean(u);
    const mv = mean(v);
    return u.reduce((s, e, i) => s + (e - mu) * (v[i]! - mv), 0);
  };
  const std = (v: number[]): number => Math.sqrt(product(v, v) / (v.length - 1));
  const correlation = (u: number[], v: number[]): number => {
    const denominator = Math.sqrt(product(u, u) * product(v, v));
    return denominator > 0 ? product(u, v) / denominator : 0;
  };
  const last = (v: number[], count: number): number[] => v.slice(v.length - count);
  const r = (prices: number[]): number[] => prices.map((p, i) => (i === 0 ? NaN : p - prices[i - 1]!));
  const usual = (numerator: number, denominator: number): number => (denominator > 0 ? numerator / denominator : 1);

  const beta: number[] = [];
  const corr: number[] = [];
  const spread: number[] = [];
  let alpha = NaN;
  for (let t = 0; t < n; t++) {
    if (t + 1 < w.beta_window) {
      beta.push(NaN);
      corr.push(NaN);
      spread.push(NaN);
      continue;
    }
    const wx = x.slice(t + 1 - w.beta_window, t + 1);
    const wy = y.slice(t + 1 - w.beta_window, t + 1);
    const slope = product(wx, wx) > 1e-24 * w.beta_window ? product(wx, wy) / product(wx, wx) : 0;
    beta.push(slope);
    corr.push(correlation(wx, wy));
    alpha = mean(wy) - slope * mean(wx);
    // ln A − alpha − slope · ln B, with alpha written out.
    spread.push(y[t]! - wy[0]! - rise(wy) - slope * (x[t]! - wx[0]! - rise(wx)));
  }
  const zAt = (t: number, window: number): number => {
    const s = spread.slice(t + 1 - window, t + 1);
    return std(s) < 1e-12 ? 0 : (spread[t]! - mean(s)) / std(s);
  };
  const band = (hedged: number[]): number => (std(hedged) < 1e-12 ? 1 : std(last(spread, w.z_window)) / std(hedged));
  const t = n - 1;
  const z = zAt(t, w.z_window);
  const ra = r(y);
  const rb = r(x);
  const hedged = ra.map((value, i) => value - (i > 0 ? beta[i - 1]! : NaN) * rb[i]!);
  const unit = hedged.map((value, i) => value / (1 + Math.abs(beta[i - 1]!)));
  const range = (bars: readonly Bar[]): number[] =>
    bars.map((bar, i) =>
      i === 0 ? NaN : Math.max(bar.high, bars[i - 1]!.close) - Math.min(bar.low, bars[i - 1]!.close),
    );
  const level = spread.slice(0, n - 1);
  const change = spread.map((s, i) => s - spread[i - 1]!).slice(1);
  const lx = last(level, w.half_life_window);
  const ly = last(change, w.half_life_window);
  const speed = -(product(lx, ly) / product(lx, lx));
  const h = last(hedged, w.vol_window);
  const ranges = [range(a), range(b)].map((v) => usual(mean(last(v, w.atr_short)), mean(last(v, w.atr_long))));
  const usualVolume = Math.max(w.volume_window, w.vol_short);
  const relative = [a, b].map((bars) => {
    const volumes = bars.map((bar) => bar.volume);
    return last(volumes, usualVolume).some((e) => e === 0)
      ? NaN
      : mean(last(volumes, w.vol_short)) / mean(last(volumes, w.volume_window));
  });
  const minutes = a.map((bar) => bar.time / 60);
  const moving = a.map((bar, i) => ((bar.high > bar.low ? 1 : 0) + (b[i]!.high > b[i]!.low ? 1 : 0)) / 2);
  const quoted =
    a[t]!.spread === undefined || b[t]!.spread === undefined
      ? NaN
      : (a[t]!.spread! / a[t]!.close + (Math.abs(beta[t]!) * b[t]!.spread!) / b[t]!.close) / std(h);
  const date = new Date(a[t]!.time * 1000);
  const dayShare = (date.getUTCHours() * 60 + date.getUTCMinutes()) / 1440;
  const weekShare = (((date.getUTCDay() + 6) % 7) + dayShare) / 7;
  return {
    beta: beta[t]!,
    alpha,
    corr: corr[t]!,
    spread: spread[t]!,
    z_score: z,
    z_abs: Math.abs(z),
    z_change_1: Math.sign(z) * (z - zAt(t - 1, w.z_window)),
    z_change_5: Math.sign(z) * (z - zAt(t - 5, w.z_window)),
    z_change_15: Math.sign(z) * (z - zAt(t - 15, w.z_window)),
    z_fast: Math.sign(z) * zAt(t, w.vol_window),
    reversion_speed: speed,
    half_life:
      speed <= 0
        ? w.half_life_window
        : speed >= 1
          ? 0.5
          : Math.min(w.half_life_window, Math.max(0.5, Math.log(2) / -Math.log(1 - speed))),
    vol_a: std(last(ra, w.vol_window)),
    vol_b: std(last(rb, w.vol_window)),
    vol_jump: Math.max(...[ra, rb].map((v) => usual(std(last(v, w.vol_short)), std(last(v, w.vol_long))))),
    spread_vol: std(h),
    spread_vol_jump: usual(std(last(hedged, w.vol_short)), std(last(hedged, w.vol_long))),
    efficiency_ratio: mean(h.map(Math.abs)) > 0 ? Math.abs(mean(h)) / mean(h.map(Math.abs)) : 0,
    hedged_autocorr: correlation(last(hedged.slice(0, n - 1), w.vol_window), h),
    band_width: band(h),
    band_width_short: band(last(hedged, w.vol_short)),
    band_width_long: band(last(hedged, w.vol_long)),
    atr_ratio_a: ranges[0]!,
    atr_ratio_b: ranges[1]!,
    atr_ratio: Math.max(...ranges),
    beta_stability: std(last(beta, w.stability_window)),
    beta_change: beta[t]! - beta[t - w.stability_window]!,
    corr_change: corr[t]! - corr[t - w.stability_window]!,
    pnl_std: std(last(unit, w.pnl_window)),
    liquidity_score: Math.min(...relative.map((v) => v / (1 + v))),
    quoted_spread: quoted,
    activity_score: mean(last(moving, w.activity_window)),
    coverage: w.activity_window / (minutes[t]! - minutes[t - w.activity_window]!),
    gap: Math.log(minutes[t]! - minutes[t - 1]!),
    day_sin: Math.sin(2 * Math.PI * dayShare),
    day_cos: Math.cos(2 * Math.PI * dayShare),
    week_sin: Math.sin(2 * Math.PI * weekShare),
    week_cos: Math.cos(2 * Math.PI * weekShare),
  };
}
