/** exp and ln of IEEE operations alone, so that they are the same everywhere. Constants only: no data in memory. */

/**
 * e^t in four lanes for t ≤ 0, relative error below 2e-7; values below −87 count as −87. Polynomial of Cephes' expf
 * (Moshier).
 */
export function exp4(t: v128): v128 {
  t = f32x4.pmax(t, f32x4.splat(-87));
  const k = f32x4.nearest(f32x4.mul(t, f32x4.splat(1.44269504088896341)));
  let r = f32x4.sub(t, f32x4.mul(k, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(k, f32x4.splat(2.1219444e-4)));
  let p = f32x4.add(f32x4.mul(f32x4.splat(1.98756915e-4), r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(k), i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}

/** e^x for |x| ≤ 700, relative error below 1e-15: 2^k times a Taylor series on |r| ≤ ln2 / 2. */
export function exp(x: f64): f64 {
  if (x < -700) return 0;
  const k = nearest(x * 1.4426950408889634);
  const r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10;
  let sum: f64 = 1;
  for (let n: f64 = 13; n >= 1; n -= 1) sum = 1 + (sum * r) / n;
  return sum * reinterpret<f64>(((k as i64) + 1023) << 52);
}

/**
 * ln x for normal x > 0, relative error below 1e-15: x = m·2^k, ln m = 2·artanh((m − 1) / (m + 1)) by its power series.
 */
export function ln(x: f64): f64 {
  const bits = reinterpret<u64>(x);
  let k = ((bits >> 52) as i32) - 1023;
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    k++;
  }
  const s = (m - 1) / (m + 1);
  const square = s * s;
  let series: f64 = 0;
  for (let n: f64 = 23; n >= 3; n -= 2) series = (series + 1 / n) * square;
  return (k as f64) * 0.6931471803691238 + ((k as f64) * 1.9082149292705877e-10 + 2 * s * series + 2 * s);
}

/** `exp` in two lanes: the same operations in the same order, so the same bits. */
export function exp2(x: v128): v128 {
  const k = f64x2.nearest(f64x2.mul(x, f64x2.splat(1.4426950408889634)));
  const high = f64x2.sub(x, f64x2.mul(k, f64x2.splat(0.6931471803691238)));
  const r = f64x2.sub(high, f64x2.mul(k, f64x2.splat(1.9082149292705877e-10)));
  const one = f64x2.splat(1);
  let sum = one;
  for (let n: f64 = 13; n >= 1; n -= 1) sum = f64x2.add(one, f64x2.div(f64x2.mul(sum, r), f64x2.splat(n)));
  const whole = i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(k));
  const power = i64x2.shl(i64x2.add(whole, i64x2.splat(1023)), 52);
  return v128.and(f64x2.mul(sum, power), f64x2.ge(x, f64x2.splat(-700)));
}

/** `ln` in two lanes: the same operations in the same order, so the same bits. */
export function ln2(x: v128): v128 {
  const mantissa = v128.or(v128.and(x, i64x2.splat(0x000fffffffffffff)), i64x2.splat(0x3ff0000000000000));
  const isLarge = f64x2.gt(mantissa, f64x2.splat(1.4142135623730951));
  const m = v128.bitselect(f64x2.mul(mantissa, f64x2.splat(0.5)), mantissa, isLarge);
  const power = i64x2.sub(i64x2.sub(i64x2.shr_u(x, 52), i64x2.splat(1023)), isLarge);
  const k = f64x2.convert_low_i32x4_s(i32x4.shuffle(power, power, 0, 2, 0, 2));
  const one = f64x2.splat(1);
  const s = f64x2.div(f64x2.sub(m, one), f64x2.add(m, one));
  const square = f64x2.mul(s, s);
  let series = f64x2.splat(0);
  for (let n: f64 = 23; n >= 3; n -= 2) series = f64x2.mul(f64x2.add(series, f64x2.splat(1 / n)), square);
  const twice = f64x2.mul(f64x2.splat(2), s);
  const small = f64x2.add(f64x2.mul(k, f64x2.splat(1.9082149292705877e-10)), f64x2.mul(twice, series));
  return f64x2.add(f64x2.mul(k, f64x2.splat(0.6931471803691238)), f64x2.add(small, twice));
}
