import type { MarketKind } from '../../../shared/signal/signal.ts';
import { describe, expect, it } from 'vitest';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { riskStreak, type RiskStreak } from '../../learning/profile/performance_drift.ts';
import { RetrainTrigger } from './retrain_trigger.ts';
import type { LiveDirection, LiveDirections } from './direction_look.ts';
import type { FeatureDrift } from '../../learning/profile/drift.ts';
import type { Compared, PassRate } from '../../learning/profile/performance_drift.ts';
import type { EpochMs } from '../../../shared/bar.ts';
import { newRun, type RetrainRun, type RunRequest } from '../schedule/run.ts';
import type { FillFigures } from '../fills/fill_figures.ts';
import type { FillPerformance } from './fill_performance.ts';
import { findingsOf, type DriftFinding, type DriftPolicy } from './report.ts';
import { monitored } from '../../../shared/run_trigger/run_triggers.fixture.ts';
import { findingText, triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { monitorTrigger } from './retrain_trigger.ts';
import { tinySettings } from '../../../test/tiny_models.ts';

const POLICY: DriftPolicy = {
  drift_psi_max: 0.25,
  drift_mean_shift_max: 0.5,
  drift_metric_gap: 0.15,
  win_rate_min_trades: 100,
  win_rate_noise_sigmas: null,
  fill_min_trades: 30,
  model_max_age_days: 45,
  pass_rate_range: [0.05, 0.4],
  fill_win_rate_gap: 0.15,
  fill_net_gap_bps: 1,
  fill_cost_gap: 0.25,
  adopt_min_candidates: 50,
};
const SETTINGS = tinySettings({ minutehand: { instruments: ['BTCUSDT@1h', 'ETHUSDT@1h', 'BTCUSDT@4h'] } });
const NO_PAUSES = { cooldownMs: 0, answeredMs: () => 0 };
const CALM = { psi: 0.05, psi_noise: 0.02, shift: 0.1, shift_noise: 0.05, missing: 0, missing_in_training: 0 };
const FEATURE: FeatureDrift = {
  name: 'z_score',
  ...CALM,
  pairs: { AAA_BBB: CALM, CCC_DDD: { ...CALM, psi: 0.3, shift: -2 } },
};
const UNBIASED = { biased: [], buy_sell_ratio: 0.82, overall_balance: 0.64 } as unknown as LiveDirection['bias'];
const SAME: Compared = { live: 0.6, bundle: 0.6, gap: 0, gap_noise: 0.1, live_count: 100, bundle_count: 100 };
const DIRECTION: LiveDirection = {
  version: 'v1',
  bars: 300,
  bias: UNBIASED,
  age_days: 10,
  new_bars: 240,
  novelty: { skipped: 'the bundle does not describe its training rows' },
  drift: { rows: 100, features: [] },
  win_rate: SAME,
};
const PASSED: PassRate = { live: 0.2, noise: 0.05, candidates: 1000 };
const FILLED: FillPerformance = {
  figures: { total: {} as FillFigures, pairs: {} },
  win_rate: SAME,
  net: { live_bps: 0.5, bundle_bps: 0.6, gap_bps: -0.1, noise_bps: 0.3, live_count: 100, bundle_count: 200 },
  symbols: {},
};
/** Of a symbol with a spread of 1 bps and a slippage of 0.2. */
const COST = { noise_bps: 0.05, fills: 240 };
const SLIPPAGE = { ...COST, bps: 0.2, configured_bps: 0.2 };
const SHORTFALL = { ...COST, bps: 0.7, configured_bps: 0.7 };

interface Changes {
  feature?: Partial<FeatureDrift>;
  auc?: Partial<Compared>;
  win_rate?: Partial<Compared>;
  /** Of a group named metals. */
  group?: { readonly auc?: Partial<Compared>; readonly win_rate?: Partial<Compared> };
  pass_rate?: Partial<PassRate>;
  age_days?: number;
  new_bars?: number;
  risk_streak?: Partial<RiskStreak>;
  direction?: LiveDirections;
  /** Of real money on a live market, unless said. */
  fills?: Partial<FillPerformance>;
  account?: string;
  market?: MarketKind;
}

function found(changes: Changes, policy: Partial<DriftPolicy> = {}): DriftFinding[] {
  const { feature = {}, auc = {}, win_rate = {}, pass_rate = {}, age_days = 10, new_bars = 9000 } = changes;
  const { fills, group, account = 'real', market = 'live' } = changes;
  const report = {
    age_days,
    new_bars,
    drift: { rows: 1000, features: [{ ...FEATURE, ...feature }] },
    performance: {
      auc: { ...SAME, ...auc },
      win_rate: { ...SAME, ...win_rate },
      ...(group && {
        groups: { metals: { auc: { ...SAME, ...group.auc }, win_rate: { ...SAME, ...group.win_rate } } },
      }),
      pass_rate: { ...PASSED, ...pass_rate },
      risk_streak: { blocks: 3, candidates: 40, limit: 26, expected_pass_rate: 0.3, ...changes.risk_streak },
    },
    direction: changes.direction ?? {},
    fills: fills === undefined ? { skipped: 'none' } : { accounts: { [account]: { ...FILLED, ...fills } } },
  };
  return findingsOf(report, { ...POLICY, ...policy }, 5000, market);
}

const textsOf = (changes: Changes, policy: Partial<DriftPolicy> = {}): string[] =>
  found(changes, policy).map(({ text }) => text);

describe('findingsOf', () => {
  it('finds nothing where nothing has changed', () => {
    expect(textsOf({})).toEqual([]);
  });

  it('finds a feature that has moved by more than its limit and more than chance, and names the pair that moved most', () => {
    expect(textsOf({ feature: { psi: 0.41 } })).toEqual(['drift psi z_score 0.41 > 0.25 (most in CCC_DDD)']);
    expect(textsOf({ feature: { psi: 0.41, psi_noise: 0.5 } })).toEqual([]);
    expect(textsOf({ feature: { shift: -0.7 } })).toEqual(['drift mean shift z_score 0.70 > 0.5 σ (most in CCC_DDD)']);
    expect(textsOf({ feature: { shift: -0.7, shift_noise: Infinity } })).toEqual([]);
  });

  it('finds figures that are more than 15 % apart from those of the bundle, either way, unless it may be chance', () => {
    expect(textsOf({ auc: { live: 0.5, gap: -0.167, gap_noise: 0.1 } })).toEqual([
      'auc 0.500 against 0.600 of the bundle: 17 % apart > 15 %',
    ]);
    expect(textsOf({ win_rate: { live: 0.72, gap: 0.2 } })).toEqual([
      'win rate 0.720 against 0.600 of the bundle: 20 % apart > 15 %',
    ]);
    expect(textsOf({ auc: { gap: -0.167, gap_noise: 0.2 }, win_rate: { gap: -0.14 } })).toEqual([]);
    expect(found({ group: { auc: { live: 0.5, gap: -0.167, gap_noise: 0.1 } } })).toMatchObject([
      { subject: 'metals', text: 'auc of group metals 0.500 against 0.600 of the bundle: 17 % apart > 15 %' },
    ]);
  });

  it('finds a pass rate outside its range, unless it may be chance', () => {
    expect(textsOf({ pass_rate: { live: 0.5 } })).toEqual(['pass rate 0.50 outside 0.05 to 0.4']);
    expect(textsOf({ pass_rate: { live: 0.01, noise: 0.02 } })).toEqual(['pass rate 0.01 outside 0.05 to 0.4']);
    expect(textsOf({ pass_rate: { live: 0.44 } })).toEqual([]);
    expect(textsOf({ pass_rate: { live: null } })).toEqual([]);
  });

  it('finds a bias of published direction probabilities, and has the model of that timeframe trained again', () => {
    const bias = { ...UNBIASED, biased: ['prediction mean', 'buy ratio by hour'] };
    const seen = found({ direction: { '1h': { ...DIRECTION, bias }, '4h': { skipped: 'no bar has come' } } });
    expect(seen.map(({ trigger, subject, retrains }) => [trigger, subject, retrains])).toEqual([
      ['direction bias', '1h prediction mean', { direction: '1h' }],
      ['direction bias', '1h buy ratio by hour', { direction: '1h' }],
    ]);
    expect(seen[0]!.text).toContain('mean prediction 0.64, 82 % of 300 calls of v1 are up');
  });

  it('judges a direction model by the limits of pairs, and has it trained where there are bars to compare a new one by', () => {
    const textsFor = (own: Partial<LiveDirection>, policy: Partial<DriftPolicy> = {}): string[] =>
      textsOf({ direction: { '1h': { ...DIRECTION, ...own } } }, policy);
    expect(textsFor({})).toEqual([]);
    expect(textsFor({ age_days: 46.5 })).toEqual([
      'direction age 1h 46.5 > 45 days since the last bar that it learned from',
    ]);
    expect(textsFor({ age_days: 46.5, new_bars: 49 })).toEqual([]);
    const apart = { ...SAME, live: 0.5, gap: -0.167 };
    expect(textsFor({ win_rate: apart })).toEqual([
      'direction win rate 1h 0.500 against 0.600 of the bundle: 17 % apart > 15 %',
    ]);
    expect(textsFor({ win_rate: { ...apart, live_count: 99 } })).toEqual([]);
    const moved = (change: Partial<FeatureDrift>): LiveDirection['drift'] => ({
      rows: 100,
      features: [{ ...FEATURE, name: 'rsi', pairs: { BTCUSDT: CALM }, ...change }],
    });
    expect(textsFor({ drift: moved({ psi: 0.41 }) })).toEqual([
      'direction drift psi 1h rsi 0.41 > 0.25 (most in BTCUSDT)',
    ]);
    expect(textsFor({ drift: moved({ shift: -0.7 }) })).toEqual([
      'direction drift mean shift 1h rsi 0.70 > 0.5 σ (most in BTCUSDT)',
    ]);
    expect(textsFor({ drift: moved({ psi: 0.41, psi_noise: 0.5 }) })).toEqual([]);
    const off = { drift_psi_max: null, drift_mean_shift_max: null, drift_metric_gap: null, model_max_age_days: null };
    expect(textsFor({ age_days: 400, win_rate: apart, drift: moved({ psi: 9, shift: 9 }) }, off)).toEqual([]);
    // Reported, but a new model could not be compared with this one yet.
    const few = found({ direction: { '1h': { ...DIRECTION, win_rate: apart, new_bars: 49 } } });
    expect(few.map(({ retrains }) => retrains)).toEqual([null]);
  });

  it('finds old models, when there are new bars to train on', () => {
    expect(textsOf({ age_days: 46.5 })).toEqual(['model age 46.5 > 45 days since the last bar that they learned from']);
    expect(textsOf({ age_days: 46.5, new_bars: 4999 })).toEqual([]);
  });

  it('finds fills that win more rarely or earn less than the backtest, unless it may be chance, and nothing in better ones', () => {
    const win_rate = { ...SAME, live: 0.48, gap: -0.2, live_count: 60 };
    expect(textsOf({ fills: { win_rate } })).toEqual([
      'win rate of 60 real positions 0.480 against 0.600 of the bundle: 20 % below > 15 %',
    ]);
    expect(textsOf({ fills: { win_rate: { ...win_rate, gap: 0.2 } } })).toEqual([]);
    expect(textsOf({ fills: { win_rate: { ...win_rate, gap_noise: 0.21 } } }, { win_rate_noise_sigmas: 3 })).toEqual(
      [],
    );
    const net = { ...FILLED.net, live_bps: -0.9, gap_bps: -1.5 };
    expect(textsOf({ fills: { net } })).toEqual([
      'result of 100 real positions -0.90 bps against 0.60 of the bundle: 1.50 below > 1 bps',
    ]);
    expect(textsOf({ fills: { net: { ...net, gap_bps: 1.5 } } })).toEqual([]);
    expect(textsOf({ fills: { net: { ...net, noise_bps: Infinity } } })).toEqual([]);
    expect(found({ fills: { net, win_rate } }).map(({ retrains }) => retrains)).toEqual(['full', 'full']);
  });

  it('finds costs above the configured ones, reports the values to configure, and starts no training for it', () => {
    const costs = (slippage: object, shortfall: object, spread_multiple = 1): Changes => ({
      fills: {
        symbols: {
          XAUUSD: {
            slippage: { ...SLIPPAGE, ...slippage },
            shortfall: { ...SHORTFALL, ...shortfall },
            spread_multiple,
          },
        },
      },
    });
    expect(textsOf(costs({}, {}))).toEqual([]);
    const [spread] = found(costs({}, { bps: 1 }));
    expect(spread).toMatchObject({ trigger: 'fill costs', subject: 'XAUUSD (real)', figure: 1, retrains: null });
    expect(spread!.text).toBe(
      'spread and slippage of XAUUSD 1.00 bps a side in 240 real fills, configured 0.70 > 25 % more; put into symbols of config/minutehand.yaml: XAUUSD: { spread_bps: 1.60, slippage_bps: 0.20 }',
    );
    expect(textsOf(costs({ bps: 0.5 }, {}))[0]).toMatch(
      /^slippage of XAUUSD 0\.50 .* \{ spread_bps: 1\.00, slippage_bps: 0\.50 \}$/,
    );
    expect(textsOf(costs({ bps: 0.5 }, { bps: 1.1 }))[0]).toMatch(/\{ spread_bps: 1\.20, slippage_bps: 0\.50 \}$/);
    expect(textsOf(costs({}, { bps: 1 }, 2))[0]).toMatch(/\{ spread_bps: 0\.80, slippage_bps: 0\.20 \}$/);
    // An excess that may be chance, and one below a quarter of the configured costs.
    expect(textsOf(costs({ bps: 0.5, noise_bps: 0.31 }, { bps: 1, noise_bps: 0.31 }))).toEqual([]);
    expect(textsOf(costs({ bps: 0.37 }, { bps: 0.87 }))).toEqual([]);
    expect(textsOf(costs({ bps: null, noise_bps: Infinity }, { bps: null, noise_bps: Infinity }))).toEqual([]);
    // Numbers with an end are no costs.
    expect(
      textsOf(costs({ bps: 1e-12, configured_bps: 0, noise_bps: 0 }, { bps: 1e-12, configured_bps: 0, noise_bps: 0 })),
    ).toEqual([]);
  });

  it('checks paper on a simulated market only', () => {
    const net = { ...FILLED.net, gap_bps: -1.5 };
    const symbols = { XAUUSD: { slippage: SLIPPAGE, shortfall: { ...SHORTFALL, bps: 2 }, spread_multiple: 1 } };
    const fills = { net, symbols };
    expect(textsOf({ fills, account: 'paper' })).toEqual([]);
    expect(textsOf({ fills, account: 'paper', market: 'simulated' })).toHaveLength(2);
    expect(textsOf({ fills, account: 'demo' })).toHaveLength(2);
  });

  it('finds a win rate past its limit as soon as there are enough trades, and beyond chance only where the policy says so', () => {
    const apart = { live: 0.5, gap: -0.167, gap_noise: 0.3 };
    const text = 'win rate 0.500 against 0.600 of the bundle: 17 % apart > 15 %';
    expect(textsOf({ win_rate: apart })).toEqual([text]);
    expect(textsOf({ win_rate: { ...apart, live_count: 99 } })).toEqual([]);
    expect(textsOf({ win_rate: { ...apart, bundle_count: 99 } })).toEqual([]);
    expect(textsOf({ win_rate: { ...apart, live_count: 20, bundle_count: 20 } }, { win_rate_min_trades: 20 })).toEqual([
      text,
    ]);
    // Three standard errors are 30 %: one is 10 %, two are 20 %.
    const isFound = (win_rate_noise_sigmas: number): boolean =>
      textsOf({ win_rate: apart }, { win_rate_noise_sigmas }).length > 0;
    expect([1, 1.6, 1.7, 2, 3].map(isFound)).toEqual([true, true, false, false, false]);
    const fills = { win_rate: { ...SAME, live: 0.5, gap: -0.167, gap_noise: 0.3, live_count: 30 } };
    expect(textsOf({ fills })).toHaveLength(1);
    expect(textsOf({ fills }, { win_rate_noise_sigmas: 3 })).toEqual([]);
    expect(textsOf({ fills }, { fill_min_trades: 31 })).toEqual([]);
  });

  it('finds nothing that the policy has switched off', () => {
    const off = {
      drift_psi_max: null,
      drift_mean_shift_max: null,
      drift_metric_gap: null,
      model_max_age_days: null,
      fill_win_rate_gap: null,
      fill_net_gap_bps: null,
      fill_cost_gap: null,
    };
    const fills = {
      win_rate: { ...SAME, gap: -1 },
      net: { ...FILLED.net, gap_bps: -9 },
      symbols: { XAUUSD: { slippage: SLIPPAGE, shortfall: { ...SHORTFALL, bps: 2 }, spread_multiple: 1 } },
    };
    const all = { feature: { psi: 9, shift: 9 }, auc: { gap: -1 }, win_rate: { gap: -1 }, age_days: 400, fills };
    expect(textsOf(all)).toHaveLength(8);
    expect(textsOf(all, off)).toEqual([]);
  });
});

describe('a streak of risk flags', () => {
  it('is found from its limit on, and has θ2 alone searched again', () => {
    expect(found({ risk_streak: { blocks: 25 } })).toEqual([]);
    expect(found({ risk_streak: { blocks: 500, limit: null } })).toEqual([]);
    expect(found({ risk_streak: { blocks: 26, candidates: 300 } })).toMatchObject([
      { trigger: 'risk streak', figure: 26, limit: 26, retrains: 'thresholds' },
    ]);
  });

  it('requests θ2 alone, also where the pass rate is out of range, until no θ2 was adopted', async () => {
    const asked: string[] = [];
    const [run] = [
      {
        trigger: monitored(),
        kind: 'thresholds',
        parameters: {},
        started_at: '2026-01-01T00:00:00Z',
      },
    ];
    let runs: object[] = [];
    const retrainer = {
      runs: () => runs as RetrainRun[],
      caused: () => Promise.resolve([]),
      startOrWait: ({ kind = 'full' }: RunRequest) => (asked.push(kind), Promise.resolve(true)),
    };
    const findings = [
      ...found({ risk_streak: { blocks: 30 } }),
      ...found({ pass_rate: { live: 0.01, noise: 0.001, candidates: 900 } }),
    ];
    expect(findings).toHaveLength(2);
    const ask = () => new RetrainTrigger(retrainer, MACHINE_CLOCK, NO_PAUSES, SETTINGS).ask(findings);
    await ask();
    runs = [{ ...run, status: 'rejected' }];
    await ask();
    runs = [{ ...run, kind: 'full', status: 'rejected' }, ...runs];
    await ask();
    runs = [{ ...run, status: 'adopted' }, ...runs];
    await ask();
    runs = [{ ...run, status: 'nothing_new' }, ...runs];
    await ask();
    expect(asked).toEqual(['thresholds', 'full', 'thresholds', 'thresholds', 'full']);
  });

  it('requests a full run where any other finding requires one', async () => {
    const asked: string[] = [];
    const retrainer = {
      runs: () => [],
      caused: () => Promise.resolve([]),
      startOrWait: ({ kind = 'full' }: RunRequest) => (asked.push(kind), Promise.resolve(true)),
    };
    const trigger = () => new RetrainTrigger(retrainer, MACHINE_CLOCK, NO_PAUSES, SETTINGS);
    const streak = found({ risk_streak: { blocks: 30 } });
    await trigger().ask(streak);
    await trigger().ask([...streak, ...found({ age_days: 400 })]);
    await trigger().ask([]);
    expect(asked).toEqual(['thresholds', 'full']);
  });

  it('counts blocks of time that have candidates, of which not one passed', () => {
    const options = { expected: 0.3, significance: 0.01, blockSeconds: 100, windowBlocks: 90 };
    const streakOf = (blocks: readonly string[]) => {
      const times = blocks.flatMap((flags, block) => [...flags].map((_, i) => block * 100 + i));
      const passed = blocks.flatMap((flags) => [...flags].map((flag) => (flag === 'p' ? 1 : 0)));
      return riskStreak(times, passed, options);
    };
    expect(streakOf(['rr', 'rpr', 'r', '', 'rrr'])).toMatchObject({ blocks: 2, candidates: 4, limit: 26 });
    expect(streakOf(['rr', 'rr', 'rp'])).toMatchObject({ blocks: 0, candidates: 0 });
    expect(streakOf([])).toMatchObject({ blocks: 0 });
    expect(riskStreak([], [], { ...options, significance: null }).limit).toBeNull();
  });
});

const ofDirection = (own: Partial<LiveDirection>): DriftFinding[] =>
  found({ direction: { '1h': { ...DIRECTION, ...own } } });

describe.each([
  {
    strategy: 'pairs',
    kind: 'full' as const,
    AGED: found({ age_days: 400 }),
    DRIFTED: found({ feature: { psi: 9 } }),
    causes: ['model age', 'drift psi'],
  },
  {
    strategy: 'direction',
    kind: 'direction' as const,
    AGED: ofDirection({ age_days: 400 }),
    DRIFTED: ofDirection({ drift: { rows: 9, features: [{ ...FEATURE, psi: 9 }] } }),
    causes: ['direction age 1h', 'direction drift psi 1h'],
  },
])('a trigger of $strategy that a rejected run has answered', ({ kind: wanted, AGED, DRIFTED, causes: CAUSES }) => {
  const DAY_MS = 86_400_000;
  const pauses = {
    cooldownMs: DAY_MS,
    answeredMs: (trigger: string) => (trigger.endsWith('age') ? 45 : 30) * DAY_MS,
  };
  const FIRST_MS = Date.parse('2026-01-01T00:00:00Z');

  /** Days on which a monitor that checks hourly asks for a run, of ended runs as the store keeps them. */
  async function daysOfRuns(
    findings: readonly DriftFinding[],
    status: RetrainRun['status'],
    days: number,
    restartDays = days,
  ): Promise<number[]> {
    const ended: RetrainRun[] = [];
    const asked: number[] = [];
    let nowMs = FIRST_MS;
    const clock = { ...MACHINE_CLOCK, nowMs: () => nowMs as EpochMs };
    const retrainer = {
      // A list for display: shorter than the interval.
      runs: () => ended.slice(0, 20),
      caused: () => Promise.resolve(ended),
      startOrWait({ trigger, kind = 'full', causes = [], parameters = {} }: RunRequest) {
        expect(kind).toBe(wanted);
        const at = new Date(clock.nowMs()).toISOString();
        const run = newRun({ run_id: ended.length + 1, kind, trigger, causes, parameters, attempt: 1, started_at: at });
        ended.unshift({ ...run, status, finished_at: at });
        asked.push(Math.floor((clock.nowMs() - FIRST_MS) / DAY_MS));
        return Promise.resolve(true);
      },
    };
    let trigger = new RetrainTrigger(retrainer, clock, pauses, SETTINGS);
    for (let hour = 0; hour < 24 * days; hour++) {
      nowMs = FIRST_MS + (hour * DAY_MS) / 24;
      if (hour > 0 && hour % (24 * restartDays) === 0) trigger = new RetrainTrigger(retrainer, clock, pauses, SETTINGS);
      await trigger.ask(findings);
    }
    return asked;
  }

  it('waits for its interval, also over restarts', async () => {
    expect(await daysOfRuns(AGED, 'rejected', 100)).toEqual([0, 45, 90]);
    expect(await daysOfRuns(AGED, 'rejected', 100, 1)).toEqual([0, 45, 90]);
    expect(await daysOfRuns(DRIFTED, 'rejected', 100, 7)).toEqual([0, 30, 60, 90]);
  });

  it('waits a day only where the run gave models, or failed', async () => {
    expect(await daysOfRuns(AGED, 'adopted', 3)).toEqual([0, 1, 2]);
    expect(await daysOfRuns(AGED, 'aborted', 3)).toEqual([0, 1, 2]);
  });

  it('leaves other triggers free, and says until when it waits', async () => {
    const at = '2026-01-01T00:00:00.000Z';
    const cause = monitored();
    const run = newRun({ run_id: 7, kind: wanted, trigger: cause, attempt: 1, started_at: at });
    const rejected = { ...run, status: 'rejected' as const, finished_at: at, causes: [CAUSES[0]!] };
    const asked: (readonly string[])[] = [];
    const retrainer = {
      runs: () => [],
      caused: () => Promise.resolve([rejected]),
      startOrWait: ({ causes = [] }: RunRequest) => (asked.push(causes), Promise.resolve(true)),
    };
    const clock = { ...MACHINE_CLOCK, nowMs: () => (FIRST_MS + 2 * DAY_MS) as EpochMs };
    const trigger = new RetrainTrigger(retrainer, clock, pauses, SETTINGS);
    await trigger.ask(AGED);
    expect(asked).toEqual([]);
    expect(trigger.answered).toEqual([{ trigger: CAUSES[0], run_id: 7, until: '2026-02-15T00:00:00.000Z' }]);
    await trigger.ask([...AGED, ...DRIFTED]);
    expect(asked.map((causes) => causes.toSorted())).toEqual([CAUSES.toSorted()]);
    await trigger.ask([]);
    expect(trigger.answered).toEqual([]);
  });
});

describe('findings of several models at once', () => {
  const aged = (timeframe: string): LiveDirections => ({ [timeframe]: { ...DIRECTION, age_days: 400 } });
  const all = found({ age_days: 400, direction: { ...aged('1h'), ...aged('4h') } });
  const asked: (Pick<RunRequest, 'kind' | 'parameters'> & { readonly text: string })[] = [];
  const begun: RetrainRun[] = [];
  let nowMs = Date.parse('2026-01-01T00:00:00Z');
  const retrainer = {
    runs: () => begun,
    caused: () => Promise.resolve([]),
    startOrWait({ kind, parameters, trigger }: RunRequest) {
      asked.push({ kind, parameters, text: triggerText(trigger) });
      return Promise.resolve(true);
    },
  };

  it('ask for a run of each, with its own findings and instruments; one direction model waits at a time', async () => {
    const clock = { ...MACHINE_CLOCK, nowMs: () => nowMs as EpochMs };
    const trigger = new RetrainTrigger(retrainer, clock, { cooldownMs: 3_600_000, answeredMs: () => 0 }, SETTINGS);
    await trigger.ask(all);
    const pairs = {
      kind: 'full',
      parameters: undefined,
      text: 'monitor: model age 400.0 > 45 days since the last bar that they learned from',
    };
    const hourly = {
      kind: 'direction',
      parameters: { symbols: ['BTCUSDT', 'ETHUSDT'], timeframe: '1h' },
      text: 'monitor: direction age 1h 400.0 > 45 days since the last bar that it learned from',
    };
    expect(asked).toEqual([pairs, hourly]);
    nowMs += 60_000;
    await trigger.ask(all);
    expect(asked).toHaveLength(2);
    const started_at = new Date(nowMs).toISOString();
    const run = { run_id: 1, kind: 'direction' as const, trigger: monitored(), attempt: 1, started_at };
    begun.push(newRun({ ...run, parameters: { symbols: ['BTCUSDT', 'ETHUSDT'], timeframe: '1h' } }));
    nowMs += 60_000;
    await trigger.ask(all);
    const slow = { symbols: ['BTCUSDT'], timeframe: '4h' };
    expect(asked.slice(2)).toMatchObject([{ kind: 'direction', parameters: slow }]);
  });
});

describe('the trigger of the monitor', () => {
  const base = { subject: '', limit: 1, pair: null, retrains: 'full' as const, evidence: {}, text: '' };
  const of = (subject: string, figure: number): DriftFinding => ({ ...base, trigger: 'drift psi', subject, figure });

  it('names what is furthest past its limit, and counts the rest', () => {
    expect(triggerText(monitorTrigger([of('a', 2)]))).toBe('monitor: drift psi a 2.00 > 1');
    const several = monitorTrigger([of('a', 2), of('b', 5), of('c', 3), of('d', 4), of('e', 1.5)]);
    expect(triggerText(several)).toBe(
      'monitor: drift psi b 5.00 > 1; drift psi d 4.00 > 1; drift psi c 3.00 > 1 and 2 more',
    );
    expect(triggerText(several, 'ja')).toBe('監視: b の PSI 5.00 > 1、d の PSI 4.00 > 1、c の PSI 3.00 > 1、ほか 2 件');
  });

  it('has no text: that of a finding is made where it is read', () => {
    const [aged] = found({ age_days: 400 });
    expect(aged!.text).toBe(findingText(aged!));
    expect(JSON.stringify(monitorTrigger([aged!]))).not.toContain(aged!.text);
  });
});
