import { describe, expect, it } from 'vitest';
import { IS_WEEKLY } from '../../../test/weekly.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { parsePair } from '../../../shared/pair.ts';
import { decisionPolicy } from '../../../shared/policy/policy.ts';
import { createRng } from '../../../shared/rng.ts';
import { scan, type ScanOptions, type ScanLook, type ScanResult } from './scan.ts';
import { renderScan, scanVerdict, TRIAL_COLUMNS, trialsCsv } from './scan_report.ts';

const SYMBOLS = ['AUDUSD', 'EURUSD', 'GBPUSD', 'NZDUSD'];
const MONDAY = 1_704_067_200;
/** Number of scans of independent random walks. */
const WORLDS = IS_WEEKLY ? 60 : 3;
const STEP_S = 3600;
const settings = tinySettings();
const FREE = {
  spread_bps: 0,
  commission_bps: 0,
  slippage_bps: 0,
  swap_long_bps_per_night: 0,
  swap_short_bps_per_night: 0,
};

/** Hourly bars that open at the previous close, so that fills equal the prices of the decision. */
function barsOf(symbol: string, logs: Float64Array): BarColumns {
  const close = logs.map((value) => Math.exp(value));
  const open = close.map((price, i) => close[i - 1] ?? price);
  return {
    symbol,
    length: logs.length,
    time: logs.map((_, i) => MONDAY + i * STEP_S),
    open,
    high: close.map((price, i) => Math.max(price, open[i]!)),
    low: close.map((price, i) => Math.min(price, open[i]!)),
    close,
    volume: new Float64Array(logs.length),
    spread: null,
  };
}

/** Independent random walks; with `planted`, EURUSD follows GBPUSD up to a gap with a half-life of five bars. */
function world(seed: string, { planted = false, count = 3200 } = {}): Map<string, BarColumns> {
  const logs = new Map(
    SYMBOLS.map((symbol): [string, Float64Array] => {
      const rng = createRng(`${seed}/${symbol}`);
      let at = 0;
      return [symbol, Float64Array.from({ length: count }, () => (at += 2e-3 * rng.normal()))];
    }),
  );
  if (planted) {
    const rng = createRng(`${seed}/gap`);
    let gap = 0;
    logs.set(
      'EURUSD',
      logs.get('GBPUSD')!.map((value) => 0.8 * value + (gap = 0.85 * gap + 2.5e-3 * rng.normal())),
    );
  }
  return new Map([...logs].map(([symbol, own]) => [symbol, barsOf(symbol, own)]));
}

function scanned(bars: ReadonlyMap<string, BarColumns>, changes: Partial<ScanOptions> = {}): Promise<ScanResult> {
  const pairs = SYMBOLS.flatMap((a, i) => SYMBOLS.slice(i + 1).map((b) => parsePair(`${a}_${b}@1h`)));
  return scan({
    pairs,
    bars,
    windows: [settings.minutehand.windows],
    holdoutFrom: MONDAY + 0.7 * 3200 * STEP_S,
    policy: decisionPolicy(settings),
    costs: Object.fromEntries(SYMBOLS.map((symbol) => [symbol, FREE])),
    level: 0.05,
    resamples: 300,
    seed: '0',
    workers: 0,
    countLook: () => 1,
    onProgress: () => undefined,
    ...changes,
  });
}

const nameOf = ({ pair, beta_window }: ScanResult['trials'][number]): string => `${pair} ${beta_window}`;

describe('a scan', () => {
  it('finds a planted pair, its cointegration and its half-life, and nothing among the other symbols', async () => {
    const windows = [{ ...settings.minutehand.windows, beta_window: 120, z_window: 40 }];
    const costs = settings.minutehand.symbols;
    const result = await scanned(world('planted', { planted: true }), { windows, costs });
    const [best, ...others] = result.trials;
    expect(best).toMatchObject({ pair: 'EURUSD_GBPUSD@1h', verdict: 'PAYS' });
    expect(best!.cointegration!.adjusted_p).toBeLessThan(0.05);
    expect(best!.cointegration!.halfLifeBars).toBeGreaterThan(3);
    expect(best!.cointegration!.halfLifeBars).toBeLessThan(6);
    expect(best!.holdout.net_bps).toBeGreaterThan(0);
    // The gap is part of EURUSD and reverts against any other symbol as well.
    expect(others.filter(({ pair, verdict }) => !pair.includes('EURUSD') && verdict === 'PAYS')).toEqual([]);
    expect(result.pairsCointegrated).toBe(1);
    expect(scanVerdict(result, 0.05)).toMatch(
      /of 6 trials pays?: EURUSD_GBPUSD@1h 120\/40.* This is evaluation 1 of the holdout \(.*\): PAYS needs an adjusted p below 0.04 in it/,
    );
  });

  it('confirms at the level of its evaluation of the holdout, which is the same one with the same results', async () => {
    const windows = [{ ...settings.minutehand.windows, beta_window: 120, z_window: 40 }];
    const bars = world('planted', { planted: true });
    const looks: ScanLook[] = [];
    const late = (look: ScanLook): number => {
      looks.push(look);
      return 1e9;
    };
    const result = await scanned(bars, { windows, countLook: late });
    expect(result.trials.filter(({ verdict }) => verdict === 'PAYS')).toEqual([]);
    expect(result.trials[0]!.verdict).toBe('UNCONFIRMED');
    expect(looks[0]).toMatchObject({ from: result.holdoutFrom, to: result.to });
    await scanned(bars, { windows, countLook: late, seed: '1' });
    await scanned(bars, { windows: [{ ...windows[0]!, z_window: 50 }], countLook: late });
    expect(looks[1]).toEqual(looks[0]);
    expect(looks[2]!.results).not.toBe(looks[0]!.results);
  });

  it('finds nothing that pays on independent random walks, even without costs, and few significant results', async () => {
    let significant = 0;
    for (let seed = 0; seed < WORLDS; seed++) {
      const holdoutFrom = MONDAY + 0.7 * 2000 * STEP_S;
      const result = await scanned(world(`walk ${seed}`, { count: 2000 }), { holdoutFrom });
      expect(result.trials.map(({ verdict }) => verdict)).not.toContain('PAYS');
      if (result.tests.p <= 0.05) significant++;
    }
    // Binomial, 5 %: as many in less than 1 % of the cases.
    expect(significant).toBeLessThan(IS_WEEKLY ? 10 : 2);
  });

  it('chooses without the holdout: other bars there change no figure of the development period', async () => {
    const bars = world('look-ahead');
    const before = await scanned(bars);
    const changed = new Map(
      [...bars].map(([symbol, own]) => {
        const factor = (i: number): number => (own.time[i]! >= before.holdoutFrom ? 1 + 0.1 * Math.sin(i) ** 2 : 1);
        const raise = (column: Float64Array): Float64Array => column.map((price, i) => price * factor(i));
        const open = raise(own.open);
        const close = raise(own.close);
        const high = open.map((price, i) => Math.max(price, close[i]!));
        const low = open.map((price, i) => Math.min(price, close[i]!));
        return [symbol, { ...own, open, high, low, close }];
      }),
    );
    const after = await scanned(changed);
    const chosen = ({ trials, tests: { p, pWhite }, developmentDays }: ScanResult): object => ({
      p,
      pWhite,
      trials: trials.map((trial) => ({
        pair: trial.pair,
        cointegration: trial.cointegration,
        development: trial.development,
        adjusted_p: trial.adjusted_p,
        deflated_sharpe: trial.deflated_sharpe,
        days: [...trial.days.slice(0, developmentDays)],
      })),
    });
    expect(chosen(after)).toEqual(chosen(before));
    expect(after.trials.map(({ holdout }) => holdout)).not.toEqual(before.trials.map(({ holdout }) => holdout));
  });

  it('has daily results that sum to those of the trades, in each period', async () => {
    const { trials, developmentDays } = await scanned(world('sums'), { costs: settings.minutehand.symbols });
    for (const { development, holdout, days } of trials) {
      const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
      const earned = ({ trades, net_bps }: typeof holdout): number => (trades * (net_bps ?? 0)) / 1e4;
      expect(sum(days.slice(0, developmentDays))).toBeCloseTo(earned(development), 12);
      expect(sum(days.slice(developmentDays))).toBeCloseTo(earned(holdout), 12);
    }
  });

  it.each([1, 3])(
    'never says that a leg pays which is the other one %i bars late, whatever it seems to earn',
    async (late) => {
      const bars = world('late');
      const copied = bars.get('GBPUSD')!;
      const shift = (column: Float64Array): Float64Array => column.map((_, i) => column[Math.max(0, i - late)]!);
      const { open, high, low, close } = copied;
      bars.set('EURUSD', {
        ...copied,
        symbol: 'EURUSD',
        open: shift(open),
        high: shift(high),
        low: shift(low),
        close: shift(close),
      });
      const result = await scanned(bars);
      const trial = result.trials.find(({ pair }) => pair === 'EURUSD_GBPUSD@1h')!;
      expect(trial).toMatchObject({ verdict: 'LAGS', lag: { a: 'EURUSD', b: 'GBPUSD', lagSeconds: -late * STEP_S } });
      expect(trial.development.net_bps).toBeGreaterThan(0);
      expect(result.trials.map(({ verdict }) => verdict)).not.toContain('PAYS');
      expect(result.trials.at(-1)).toBe(trial);
      expect(scanVerdict(result, 0.05)).toMatch(/EURUSD_GBPUSD: EURUSD repeats GBPUSD \d h later/);
    },
  );

  it('leaves out windows that warm up for half of the development period', async () => {
    const { windows } = settings.minutehand;
    const wide = { ...windows, beta_window: 1500 };
    const result = await scanned(world('wide'), { windows: [windows, wide] });
    expect(result.leftOut).toHaveLength(6);
    expect(new Set(result.trials.map(nameOf)).size).toBe(6);
    await expect(scanned(world('wide'), { windows: [wide] })).rejects.toMatchObject({ code: 'DATA_TOO_SHORT' });
  });

  it('writes a row for each trial and a self-contained page', async () => {
    const result = await scanned(world('report'));
    const lines = [...trialsCsv(result)].join('').trimEnd().split('\n');
    expect(lines).toHaveLength(result.trials.length + 1);
    for (const line of lines) expect(line.split(',')).toHaveLength(TRIAL_COLUMNS.length);
    const page = renderScan(result, { level: 0.05, top: 3 });
    expect(page).toContain('Nothing pays: 0 of 6 trials');
    expect(page.match(/<svg /g)).toHaveLength(4);
    expect(page).not.toMatch(/<script|https?:\/\//);
  });
});
