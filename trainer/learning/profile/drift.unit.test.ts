import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { clipBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { realData, skipNote } from '../../../shared/bar_file/real_data.fixture.ts';
import { readBarFolder } from '../../../shared/bar_file/bar_file.ts';
import { featureDefinitions, warmupBars } from '../../../shared/core/features/features.ts';
import { parsePair, symbolsOf } from '../../../shared/pair.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { createRng } from '../../../shared/rng.ts';
import { IS_WEEKLY } from '../../../test/weekly.ts';
import { tinyBars, tinySettings } from '../../../test/tiny_models.ts';
import { featureDrift, type FeatureDrift } from './drift.ts';
import { featureProfile, type ProfiledRows } from './feature_profile.ts';
import { driftByGroup } from '../../control/monitor/live_drift.ts';
import { buildLivePairs, profiledRows } from './live_pairs.ts';
import { monitorReference } from './reference.ts';

const settings = tinySettings();
const { windows } = settings.minutehand;
const definitions = featureDefinitions(windows);
const lookBack = warmupBars(windows);
const Z_ONLY = definitions.filter(({ name }) => name === 'z_score');
const PAIRS = ['AAA_BBB', 'CCC_DDD'];

const MINUTES_PER_ROW = 10;

/** Rows of z_score alone, so many of each pair, one every ten minutes. */
function rowsOf(count: number, pairs: number, z: (pair: number, row: number) => number): ProfiledRows {
  const rows = count * pairs;
  const values = new Float32Array(rows);
  for (let row = 0; row < rows; row++) values[row] = z(Math.floor(row / count), row % count);
  return {
    x: { rows, columns: 1, values },
    time: Float64Array.from({ length: rows }, (_, row) => (row % count) * MINUTES_PER_ROW * 60),
    pair: Int32Array.from({ length: rows }, (_, row) => Math.floor(row / count)),
  };
}

function driftOfZ(training: ProfiledRows, live: ProfiledRows, livePairs: readonly string[] = PAIRS): FeatureDrift {
  const profile = featureProfile(training, Z_ONLY, PAIRS, lookBack);
  return featureDrift(profile, live, Z_ONLY, livePairs, lookBack)![0]!;
}

const fires = (drift: FeatureDrift): boolean =>
  (drift.psi > 0.25 && drift.psi > drift.psi_noise) ||
  (Math.abs(drift.shift ?? 0) > 0.5 && Math.abs(drift.shift!) > drift.shift_noise);

describe('featureDrift of planted rows', () => {
  it('is the textbook index for shares that all occur', () => {
    const rng = createRng('drift/book');
    const training = Array.from({ length: 9000 }, () => rng.normal());
    const live = Array.from({ length: 6000 }, () => 0.4 + rng.normal());
    const drift = driftOfZ(
      rowsOf(9000, 1, (_, i) => training[i]!),
      rowsOf(6000, 1, (_, i) => live[i]!),
    );
    const sorted = [...Float32Array.from(training)].sort((a, b) => a - b);
    const edges = Array.from({ length: 9 }, (_, i) => sorted[Math.floor(((i + 1) * 8999) / 10)]!);
    const shares = (values: readonly number[]): number[] => {
      const counts = new Array<number>(10).fill(0);
      for (const value of Float32Array.from(values)) counts[edges.filter((edge) => edge < value).length]!++;
      return counts.map((count) => count / values.length);
    };
    const p = shares(training);
    const q = shares(live);
    const psi = p.reduce((sum, share, bin) => sum + (q[bin]! - share) * Math.log(q[bin]! / share), 0);
    expect(drift.psi).toBeCloseTo(psi, 9);
    // Of two normals half a deviation apart it is about the square of the distance.
    expect(drift.psi).toBeGreaterThan(0.12);
    expect(drift.psi).toBeLessThan(0.2);
    expect(drift.shift).toBeCloseTo(0.4, 1);
  });

  it('finds a shift of rows that are independent, and none where there is none', () => {
    const rng = createRng('drift/shift');
    const training = rowsOf(4000, 2, () => rng.normal());
    expect(
      fires(
        driftOfZ(
          training,
          rowsOf(3000, 2, () => rng.normal()),
        ),
      ),
    ).toBe(false);
    const moved = driftOfZ(
      training,
      rowsOf(3000, 2, () => 0.8 + rng.normal()),
    );
    expect(fires(moved)).toBe(true);
    expect(moved.psi).toBeGreaterThan(0.4);
    const wider = driftOfZ(
      training,
      rowsOf(3000, 2, () => 3 * rng.normal()),
    );
    expect(wider.psi).toBeGreaterThan(0.25);
    expect(wider.psi).toBeGreaterThan(wider.psi_noise);
    expect(Math.abs(wider.shift!)).toBeLessThan(0.2);
  });

  it('does not report a drift from few independent rows, however many rows they fill', () => {
    // Rows that stay the same for ninety: 2000 of them are worth some twenty.
    let fired = 0;
    let wouldHave = 0;
    for (let seed = 0; seed < 12; seed++) {
      const rng = createRng(`drift/slow/${seed}`);
      const held = (): ((pair: number, row: number) => number) => {
        let value = 0;
        return (_, row) => (row % 90 === 0 ? (value = rng.normal()) : value);
      };
      const drift = driftOfZ(rowsOf(5000, 1, held()), rowsOf(2000, 1, held()));
      fired += fires(drift) ? 1 : 0;
      wouldHave += drift.psi > 0.25 ? 1 : 0;
    }
    expect(wouldHave).toBeGreaterThan(6);
    expect(fired).toBeLessThanOrEqual(1);
  });

  it.each([
    // Time constant in days: of minutes, as fast features, as those that look back a day, and slower than any of ours.
    [0.007, 0.03],
    [0.05, 0.03],
    [0.5, 0.03],
    [1, 0.03],
    // 1 % and three standard errors of the simulation.
    [2, 0.037],
    [5, 0.037],
  ])('finds hardly any drift where there is none, in an autoregressive feature of %d days', (days, most) => {
    // Of the slow ones more, as they are what fails.
    const runs = (days >= 2 ? 120 : 40) / (IS_WEEKLY ? 1 : 2);
    let found = 0;
    let wouldHave = 0;
    for (let run = 0; run < runs; run++) {
      const rows = (span: number, name: string): ProfiledRows => {
        const rng = createRng(`${name} ${days} ${run}`);
        const phi = Math.exp(-MINUTES_PER_ROW / (1440 * days));
        let value = rng.normal();
        const next = (): number => (value = phi * value + Math.sqrt(1 - phi * phi) * rng.normal());
        return rowsOf((span * 1440) / MINUTES_PER_ROW, 1, next);
      };
      const drift = driftOfZ(rows(150, 'training'), rows(30, 'live'), [PAIRS[0]!]);
      if (drift.psi > drift.psi_noise) found++;
      if (drift.psi > 0.25) wouldHave++;
    }
    expect(found / runs).toBeLessThanOrEqual(most);
    if (days >= 2) expect(wouldHave / runs).toBeGreaterThan(0.3);
  });

  it.each([
    // Days of training, and how many looks. By one time scale alone 7 and 11 of them are drift.
    ...(IS_WEEKLY ? [[180, 80]] : []),
    [60, 100],
  ] as [number, number][])(
    'finds hardly any drift where there is none, in a sum of half an hour and of days: %d days of training',
    (days, runs) => {
      let found = 0;
      for (let run = 0; run < runs; run++) {
        const rows = (span: number, name: string): ProfiledRows => {
          const rng = createRng(`${name} two scales ${run}`);
          const part = (halfLifeDays: number): (() => number) => {
            const phi = 0.5 ** (MINUTES_PER_ROW / (1440 * halfLifeDays));
            let value = rng.normal();
            return () => (value = phi * value + Math.sqrt(1 - phi * phi) * rng.normal());
          };
          const fast = part(0.02);
          const slow = part(3.5);
          return rowsOf((span * 1440) / MINUTES_PER_ROW, 1, () => Math.sqrt(0.8) * fast() + Math.sqrt(0.2) * slow());
        };
        const drift = driftOfZ(rows(days, 'training'), rows(30, 'live'), [PAIRS[0]!]);
        if (drift.psi > drift.psi_noise) found++;
      }
      expect(found).toBeLessThanOrEqual(2);
    },
    300_000,
  );

  it('still finds a shift of a whole standard deviation in a feature of half a day', () => {
    let found = 0;
    for (let run = 0; run < 10; run++) {
      const rows = (span: number, name: string, shift: number): ProfiledRows => {
        const rng = createRng(`${name} ${run}`);
        const phi = Math.exp(-MINUTES_PER_ROW / 720);
        let value = rng.normal();
        const next = (): number => (value = phi * value + Math.sqrt(1 - phi * phi) * rng.normal());
        return rowsOf((span * 1440) / MINUTES_PER_ROW, 1, () => shift + next());
      };
      if (fires(driftOfZ(rows(150, 'training', 0), rows(30, 'live', 1), [PAIRS[0]!]))) found++;
    }
    expect(found).toBeGreaterThanOrEqual(9);
  });

  it('detects a feature that is missing now, or that was missing before', () => {
    const rng = createRng('drift/missing');
    const training = rowsOf(3000, 2, () => rng.normal());
    const gone = driftOfZ(
      training,
      rowsOf(3000, 2, () => NaN),
    );
    expect(gone).toMatchObject({ missing: 1, missing_in_training: 0, shift: null });
    expect(fires(gone)).toBe(true);
    const half = driftOfZ(
      training,
      rowsOf(3000, 2, (pair) => (pair === 0 ? NaN : rng.normal())),
    );
    expect(half.missing).toBe(0.5);
    expect(fires(half)).toBe(true);
    const come = driftOfZ(
      rowsOf(3000, 2, () => NaN),
      training,
    );
    expect(come).toMatchObject({ missing: 0, missing_in_training: 1 });
    expect(fires(come)).toBe(true);
    expect(
      driftOfZ(
        rowsOf(3000, 2, () => NaN),
        rowsOf(3000, 2, () => NaN),
      ).psi,
    ).toBe(0);
  });

  it('does not report a closed pair as drift, nor one that was never trained on', () => {
    const rng = createRng('drift/mix');
    const training = rowsOf(4000, 2, (pair) => 4 * pair + rng.normal());
    expect(
      fires(
        driftOfZ(
          training,
          rowsOf(4000, 1, () => rng.normal()),
          ['AAA_BBB'],
        ),
      ),
    ).toBe(false);
    const withStranger = rowsOf(4000, 2, (pair) => (pair === 0 ? 50 : rng.normal()));
    const drift = driftOfZ(training, withStranger, ['EEE_FFF', 'AAA_BBB']);
    expect(fires(drift)).toBe(false);
    expect(Object.keys(drift.pairs)).toEqual(['AAA_BBB']);
  });

  it('compares each pair with itself', () => {
    const rng = createRng('drift/pairs');
    const training = rowsOf(4000, 2, () => rng.normal());
    const { pairs } = driftOfZ(
      training,
      rowsOf(4000, 2, (pair) => 2 * pair + rng.normal()),
    );
    expect(pairs['AAA_BBB']!.psi).toBeLessThan(0.05);
    expect(pairs['CCC_DDD']!.psi).toBeGreaterThan(1);
    expect(pairs['CCC_DDD']!.shift).toBeCloseTo(2, 0);
  });

  it('checks nothing with fewer than ten blocks of eight hours', () => {
    const rng = createRng('drift/few');
    const profile = featureProfile(
      rowsOf(3000, 1, () => rng.normal()),
      Z_ONLY,
      PAIRS,
      lookBack,
    );
    const evaluated = (hours: number): unknown =>
      featureDrift(
        profile,
        rowsOf((hours * 60) / MINUTES_PER_ROW, 1, () => rng.normal()),
        Z_ONLY,
        PAIRS,
        lookBack,
      );
    expect(evaluated(80)).not.toBeNull();
    expect(evaluated(72)).toBeNull();
    expect(evaluated(0)).toBeNull();
  });
});

describe('driftByGroup', () => {
  /** By deciles of `all`, training against live, for shares that all occur. */
  function bookIndex(all: readonly number[], training: readonly number[], live: readonly number[]): number {
    const sorted = [...Float32Array.from(all)].sort((a, b) => a - b);
    const edges = Array.from({ length: 9 }, (_, i) => sorted[Math.floor(((i + 1) * (all.length - 1)) / 10)]!);
    const shares = (values: readonly number[]): number[] => {
      const counts = new Array<number>(10).fill(0);
      for (const value of Float32Array.from(values)) counts[edges.filter((edge) => edge < value).length]!++;
      return counts.map((count) => count / values.length);
    };
    const seen = shares(live);
    return shares(training).reduce((sum, share, bin) => sum + (seen[bin]! - share) * Math.log(seen[bin]! / share), 0);
  }

  it('compares the features and scores of each pair with those of its own group', () => {
    const rng = createRng('drift/groups');
    const [pooledPair, groupPair] = PAIRS as [string, string];
    const draw = (count: number, mean: number): number[] => Array.from({ length: count }, () => mean + rng.normal());
    // The pair of the group is another one in training, and the same live; the other pair moves.
    const training = [draw(6000, 0), draw(6000, 2)];
    const live = [draw(4000, 1.6), draw(4000, 2.1)];
    const scores = { training: [draw(6000, 0.3), draw(6000, 0.6)], live: [draw(4000, 0.3), draw(4000, 0.9)] };
    const pick = (values: readonly number[][], pairs: readonly number[]): ProfiledRows =>
      rowsOf(values[0]!.length, pairs.length, (pair, row) => values[pairs[pair]!]![row]!);
    const columnsOf = (rows: ProfiledRows, others: readonly ProfiledRows[]): ProfiledRows => {
      const all = [rows, ...others].map(({ x }) => x.values);
      const values = Float32Array.from(
        { length: rows.x.rows * all.length },
        (_, i) => all[i % all.length]![Math.floor(i / all.length)]!,
      );
      return { ...rows, x: { rows: rows.x.rows, columns: all.length, values } };
    };
    const thrice = (rows: ProfiledRows): [ProfiledRows, ProfiledRows, ProfiledRows] => [rows, rows, rows];
    const sourceOf = (pairs: readonly number[]) => {
      const [first, ...others] = thrice(pick(scores.training, pairs));
      return {
        rows: pick(training, pairs),
        scores: columnsOf(first, others),
        pairs: pairs.map((pair) => PAIRS[pair]!),
      };
    };
    const reference = monitorReference({
      ...sourceOf([0, 1]),
      definitions: Z_ONLY,
      lookBackBars: lookBack,
      backtest: null,
      groups: { second: sourceOf([1]) },
    });
    const rows = columnsOf(pick(live, [0, 1]), thrice(pick(scores.live, [0, 1])));
    const drift = driftByGroup(reference, rows, Z_ONLY, PAIRS, lookBack)!;
    const named = Object.fromEntries(drift.map((feature) => [feature.name, feature]));
    const names = ['z_score', 'return_prob', 'risk_prob', 'position_scale'];
    expect(Object.keys(named)).toEqual([...names, ...names.map((name) => `second/${name}`)]);
    for (const [name, before, now] of [
      ['z_score', training, live],
      ['risk_prob', scores.training, scores.live],
    ] as const) {
      const pooled = named[name]!;
      const own = named[`second/${name}`]!;
      expect(pooled.psi).toBeCloseTo(bookIndex(before.flat(), before[0]!, now[0]!), 9);
      expect(own.psi).toBeCloseTo(bookIndex(before[1]!, before[1]!, now[1]!), 9);
      expect([Object.keys(pooled.pairs), Object.keys(own.pairs)]).toEqual([[pooledPair], [groupPair]]);
      expect(own.pairs[groupPair]!.psi).toBe(own.psi);
    }
    expect(drift.filter(fires).map(({ name }) => name)).toEqual(['z_score']);
  });

  it('compares all pairs with the pooled profile where the bundle has none of its groups', () => {
    const rng = createRng('drift/older');
    const rows = rowsOf(3000, 2, () => rng.normal());
    const reference = monitorReference({
      rows,
      pairs: PAIRS,
      definitions: Z_ONLY,
      lookBackBars: lookBack,
      backtest: null,
    });
    const [only, ...others] = driftByGroup(reference, rows, Z_ONLY, PAIRS, lookBack)!;
    expect([Object.keys(only!.pairs), others]).toEqual([PAIRS, []]);
  });
});

describe('featureDrift of features of the engine', () => {
  const pairs = settings.minutehand.pairs.map(parsePair);

  function rowsBetween(bars: ReadonlyMap<string, BarColumns>, from: OpenTime, to?: OpenTime): [ProfiledRows, string[]] {
    const clipped = new Map([...bars].map(([symbol, own]) => [symbol, clipBars(own, undefined, to)]));
    const live = buildLivePairs({ pairs, bars: clipped, windows, from, farOut: 2 });
    return [profiledRows(live, 1), live.map(({ pair }) => pair.id)];
  }

  it('is none in an unchanged market, and clear where prices begin to jump', () => {
    const bars = tinyBars(settings, 8400);
    const [first] = [...bars.values()];
    const middle = first!.time[2400]! as OpenTime;
    const [training, ids] = rowsBetween(bars, 0 as OpenTime, middle);
    const profile = featureProfile(training, definitions, ids, lookBack);
    const driftOf = (now: ReadonlyMap<string, BarColumns>): FeatureDrift[] => {
      const [live, liveIds] = rowsBetween(now, middle);
      return featureDrift(profile, live, definitions, liveIds, lookBack)!;
    };
    expect(driftOf(bars).filter(fires)).toEqual([]);

    // Leg A leaves its way at every other bar: volatility, z and correlation are others.
    const gold = bars.get('XAUUSD')!;
    const scaled = (column: Float64Array): Float64Array =>
      column.map((price, i) => (gold.time[i]! >= middle && i % 2 === 0 ? price * 1.004 : price));
    const shaken = new Map(bars).set('XAUUSD', {
      ...gold,
      open: scaled(gold.open),
      high: scaled(gold.high),
      low: scaled(gold.low),
      close: scaled(gold.close),
    });
    const moved = driftOf(shaken).filter(fires);
    expect(moved.map(({ name }) => name)).toContain('vol_a');
    const vol = moved.find(({ name }) => name === 'vol_a')!;
    expect(vol.pairs['XAUUSD_XAGUSD']!.psi).toBeGreaterThan(vol.pairs['EURUSD_GBPUSD']!.psi);
  });

  const m1 = realData('m1');
  it.skipIf(m1 === null)(`is none between weeks of real bars of a few pairs${skipNote(m1)}`, async () => {
    const real = loadSettings({ env: {} }).minutehand.windows;
    const own = ['EURUSD_GBPUSD', 'EURUSD_USDCHF', 'GBPUSD_USDCHF'].map(parsePair);
    const at = (day: string): OpenTime => (Date.parse(`${day}T00:00Z`) / 1000) as OpenTime;
    const bars = await readBarFolder(m1!, symbolsOf(own), { from: at('2019-04-07'), to: at('2019-05-15') });
    const between = (from: string, to: string): ProfiledRows => {
      const clipped = new Map([...bars].map(([symbol, all]) => [symbol, clipBars(all, undefined, at(to))]));
      return profiledRows(buildLivePairs({ pairs: own, bars: clipped, windows: real, from: at(from), farOut: 2 }), 1);
    };
    const ids = own.map(({ id }) => id);
    const definitionsOf = featureDefinitions(real);
    const profile = featureProfile(between('2019-04-08', '2019-05-01'), definitionsOf, ids, warmupBars(real));
    const drift = featureDrift(profile, between('2019-05-01', '2019-05-15'), definitionsOf, ids, warmupBars(real))!;
    expect(drift.length).toBeGreaterThan(25);
    expect(drift.filter(fires)).toEqual([]);
  });
});
