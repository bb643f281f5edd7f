import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate } from '../../../test/activate.ts';
import type { EpochMs, OpenTime } from '../../../shared/bar.ts';
import { barAt, clipBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { addHalts, haltsPath, readHalts, resume } from '../../../shared/bundle/halts.ts';
import { warmupBars } from '../../../shared/core/features/features.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { closeFill, openFill } from '../../../shared/fill/fill.fixture.ts';
import { encodeFill } from '../../../shared/fill/fill.ts';
import { enterBody, exitBody, idOf } from '../../../shared/signal/signal.fixture.ts';
import { openJournal, type InputRow, type SignalRow } from '../../../shared/store/journal.ts';
import { tinyBars, tinySettings, type SettingsOverrides } from '../../../test/tiny_models.ts';
import { trainTinyModels } from '../../../test/trained_models.ts';
import { startTrainer } from '../../main.ts';
import { createRetrainer, type Retrainer } from '../schedule/retrainer.ts';
import { readTrades } from '../fills/live_trades.ts';
import { createRunLog } from '../schedule/run_log.ts';
import { openStore } from '../../store/store.ts';
import { lookAtModels, type LookTask } from './look.ts';
import { startMonitor, type Monitor } from './monitor.ts';
import { isSkipped } from '../../learning/profile/part.ts';
import type { MonitorReport } from './report.ts';
import { monitorReference } from '../../learning/profile/reference.ts';
import { MONITOR_FILE, type Manifest } from '../../../shared/bundle/manifest.ts';

const TRAINED_MINUTES = 2400;
const LIVE_MINUTES = 1500;
/** As many as drift is evaluated on, a weekend among them. */
const DRIFT_MINUTES = 6000;
const PAIRS = ['XAUUSD_XAGUSD', 'EURUSD_GBPUSD', 'AUDUSD_USDCAD'];
const AGED = 'monitor: model age 1.0 > 1 days since the last bar that they learned from';
/** Nothing is past its limit in an unchanged market; each test enables what it covers. */
const QUIET: SettingsOverrides = {
  retrain: {
    pass_rate_range: [0.02, 0.98],
    drift_metric_gap: null,
    fill_win_rate_gap: null,
    fill_net_gap_bps: null,
    fill_cost_gap: null,
    kpi_win_rate_min: null,
    kpi_refusal_rate_min: null,
    kpi_refusal_rate_max: null,
    kpi_false_alarm_rate: null,
    risk_streak_significance: null,
    kpi_drawdown_max: null,
    drift_cooldown_hours: 1,
  },
};

let trained: string;
let version: string;
/** Of training and a day of live bars, and of four. */
let bars: Map<string, BarColumns>;
let longBars: Map<string, BarColumns>;
let cut: OpenTime;
let folder: string;
let paths: HomePaths;
let stops: (() => Promise<void>)[];

function settingsOf(
  retrain: SettingsOverrides['retrain'] = {},
  minutehand: SettingsOverrides['minutehand'] = {},
): Settings {
  return tinySettings({ minutehand, retrain: { ...QUIET.retrain, ...retrain } });
}

/** The bars up to a minute. */
function clipped(to: OpenTime): Map<string, BarColumns> {
  return new Map([...longBars].map(([symbol, own]) => [symbol, clipBars(own, undefined, to)]));
}

beforeAll(async () => {
  trained = mkdtempSync(join(tmpdir(), 'minutehand-monitor-models-'));
  const settings = settingsOf();
  longBars = tinyBars(settings, TRAINED_MINUTES + DRIFT_MINUTES);
  const { time } = longBars.get('XAUUSD')!;
  cut = time[TRAINED_MINUTES]! as OpenTime;
  bars = clipped(time[TRAINED_MINUTES + LIVE_MINUTES]! as OpenTime);
  const before = clipped(cut);
  const bundle = await trainTinyModels(trained, { settings, bars: before });
  const { dataset } = bundle.result;
  const reference = monitorReference({
    rows: dataset.train.ai2,
    definitions: dataset.definitions,
    pairs: dataset.histories.map(({ pair }) => pair.id),
    lookBackBars: warmupBars(settings.minutehand.windows),
    backtest: { trades: 300, wins: 270 },
  });
  version = bundle.version;
  writeFileSync(join(bundle.path, MONITOR_FILE), JSON.stringify(reference));
  activate(trained, version);
});
afterAll(() => rmSync(trained, { recursive: true, force: true }));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-monitor-'));
  paths = homePaths({ MINUTEHAND_HOME: folder });
  cpSync(trained, paths.models, { recursive: true });
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  rmSync(folder, { recursive: true, force: true });
});

/**
 * Journal of a daemon that has seen these bars, and answered by the trained models from a minute on, by none
 * before.
 */
function journaled(own: ReadonlyMap<string, BarColumns>, adopted: number = cut, signals: SignalRow[] = []): void {
  const journal = openJournal(paths.journal('simulated', 'main'));
  journal.append(inputsOf(own), []);
  const minutes = [...own.get('XAUUSD')!.time].filter((time) => time >= cut);
  for (const pairId of PAIRS)
    journal.append(
      [],
      minutes.map((time) => rowOf({ model_version: time >= adopted ? version : '' }, pairId, time)),
    );
  journal.append([], signals);
  journal.close();
}

function inputsOf(own: ReadonlyMap<string, BarColumns>): InputRow[] {
  return [...own].flatMap(([symbol, columns]) =>
    Array.from({ length: columns.length }, (_, i): InputRow => {
      const bar = barAt(columns, i);
      return { kind: 'bar', subject: symbol, time: bar.time, bar, backfill: false };
    }),
  );
}

function rowOf(body: Partial<SignalBody>, pairId: string, time: number, generatedAtMs = 0): SignalRow {
  return {
    bootId: 'b',
    seq: 1,
    pairId,
    time: time as OpenTime,
    signalId: body.signal_id ?? '',
    body: JSON.stringify(body).slice(0, -1),
    featuresCrc: null,
    riskProb: null,
    position: 'null',
    generatedAtMs,
  };
}

/** Gold leaves its way at every other minute of the live part. */
function shaken(): Map<string, BarColumns> {
  const gold = longBars.get('XAUUSD')!;
  const moved = (column: Float64Array): Float64Array =>
    column.map((price, i) => (gold.time[i]! >= cut && i % 2 === 0 ? price * 1.004 : price));
  const { open, high, low, close } = gold;
  return new Map(longBars).set('XAUUSD', {
    ...gold,
    open: moved(open),
    high: moved(high),
    low: moved(low),
    close: moved(close),
  });
}

function taskOf(settings: Settings): LookTask {
  return {
    settings,
    modelsFolder: paths.models,
    journals: [paths.journal(settings.minutehand.market, 'main')],
    storeUrl: existsSync(paths.trainer) ? paths.trainer : null,
    nowMs: Date.now(),
  };
}

async function look(settings: Settings): Promise<MonitorReport> {
  const report = await lookAtModels(taskOf(settings));
  if ('skipped' in report) throw new Error(report.skipped);
  return report;
}

const skippedBy = async (settings: Settings): Promise<string | null> => {
  const report = await lookAtModels(taskOf(settings));
  return 'skipped' in report ? report.skipped : null;
};

describe('a check of the active models', () => {
  it('finds nothing in an unchanged market, and shows every figure', async () => {
    journaled(longBars);
    const report = await look(settingsOf({}, { instruments: ['XAUUSD@5m'] }));
    expect(report.direction).toEqual({ '5m': { skipped: 'no direction model is active' } });
    expect(report.findings).toEqual([]);
    expect(report.breaches).toEqual([]);
    expect(report.version).toBe(version);
    expect(report.new_bars).toBe(DRIFT_MINUTES);
    expect(report.period.bars).toBe(3 * DRIFT_MINUTES);
    // The minutes, and the weekend between them.
    expect(report.age_days).toBeCloseTo(DRIFT_MINUTES / 1440 + 2, 2);
    if (isSkipped(report.drift)) throw new Error(report.drift.skipped);
    expect(report.drift.features.length).toBeGreaterThan(25);
    const { auc, win_rate, pass_rate } = report.performance;
    expect(auc.live_count).toBeGreaterThan(1000);
    for (const figure of [auc.live, auc.bundle, win_rate.live, pass_rate.live]) {
      expect(figure).toBeGreaterThan(0);
      expect(figure).toBeLessThan(1);
    }
    expect(win_rate.bundle).toBe(0.9);
    expect(Object.keys(report.kpi.pairs)).toEqual(PAIRS);
    expect(report.kpi.total.trades).toBeGreaterThan(100);
    expect(report.fills).toEqual({ skipped: 'no program has filled or refused an entry of these models yet' });
  });

  it('counts only signals of these models for the halts: none from before they were active', async () => {
    journaled(bars);
    const all = (await look(settingsOf())).kpi.total;
    rmSync(paths.journal('simulated', 'main'));
    const half = bars.get('XAUUSD')!.time[TRAINED_MINUTES + LIVE_MINUTES / 2]!;
    journaled(bars, half);
    const later = (await look(settingsOf())).kpi.total;
    for (const figure of ['trades', 'candidates'] as const) {
      expect(later[figure]).toBeGreaterThan(0.2 * all[figure]);
      expect(later[figure]).toBeLessThan(0.8 * all[figure]);
    }
    expect(later.drawdown).not.toBe(all.drawdown);
  });

  it('counts no trade that novelty_min refuses, for its findings as for its halts', async () => {
    journaled(bars);
    const settings = settingsOf();
    const free = await look(settings);
    const bound = await look({ ...settings, core: { ...settings.core, novelty_min: 0.05 } });
    const tradesOf = ({ performance, kpi }: MonitorReport) => [performance.win_rate.live_count, kpi.total.trades];
    const all = tradesOf(free);
    for (const [i, trades] of tradesOf(bound).entries()) {
      expect(trades).toBeGreaterThan(5);
      expect(trades).toBeLessThan(0.8 * all[i]!);
    }
    // What the models answer stays.
    expect(bound.performance.auc).toEqual(free.performance.auc);
  });

  it('gives the same figures again for the same bars, whether they were imported or journaled', async () => {
    const early = clipped(cut);
    const late = new Map([...bars].map(([symbol, own]) => [symbol, clipBars(own, cut)]));
    journaled(bars);
    const first = await look(settingsOf());
    rmSync(paths.journal('simulated', 'main'));
    journaled(late);
    const store = await openStore(paths.trainer);
    for (const own of early.values()) await store.bars.put('simulated', own);
    await store.close();
    expect(await look(settingsOf())).toEqual(first);
  });

  it('finds a win rate that differs from that of the backtest, a pass rate out of range and an old model', async () => {
    journaled(bars);
    const { findings } = await look(
      settingsOf(
        { drift_metric_gap: 0.15, pass_rate_range: [0.05, 0.4], model_max_age_days: 1 },
        { train: { min_bars: 1441 } },
      ),
    );
    expect(findings.map(({ trigger }) => trigger)).toEqual(['win rate', 'pass rate', 'model age']);
  });

  it('reports why there is nothing to check', async () => {
    const settings = settingsOf();
    expect(await skippedBy(settings)).toBe('no bar has come since the models were trained');
    journaled(clipped(cut));
    expect(await skippedBy(settings)).toBe('no bar has come since the models were trained');
    expect(await skippedBy(settingsOf({}, { windows: { z_window: 25 } }))).toContain('trained on other features');
    expect(await skippedBy(settingsOf({}, { market: 'live' }))).toBe('the models were trained on a simulated market');
    writeFileSync(join(paths.models, version, 'manifest.json'), '{');
    expect(await skippedBy(settings)).toContain('is not JSON');
    rmSync(join(paths.models, version), { recursive: true });
    expect(await skippedBy(settings)).toContain('manifest.json');
    writeFileSync(join(paths.models, 'active.json'), '{');
    expect(await skippedBy(settings)).toContain('active.json');
    rmSync(join(paths.models, 'active.json'));
    expect(await skippedBy(settings)).toBe('no models are active');
  });

  it('reports a damaged journal, and damaged models', async () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(paths.journal('simulated', 'main'), 'no journal at all');
    expect(await skippedBy(settingsOf())).toContain('simulated_main.db');
    rmSync(paths.journal('simulated', 'main'));
    journaled(bars);
    writeFileSync(join(paths.models, version, 'ai1.onnx'), 'no model at all');
    expect(await skippedBy(settingsOf())).toContain('ai1.onnx');
  });

  it('leaves drift out for bundles without a reference, and checks the rest', async () => {
    journaled(bars);
    rmSync(join(paths.models, version, MONITOR_FILE));
    const report = await look(settingsOf({ monitor_days: 1 }));
    expect(report.drift).toEqual({ skipped: `the bundle has no ${MONITOR_FILE}: it was made before there was one` });
    // No further back than configured.
    expect(report.new_bars).toBe(1441);
    expect(Date.parse(report.period.to) - Date.parse(report.period.from)).toBe(86_400_000);
    expect(report.performance.win_rate).toMatchObject({ bundle: null, gap: null });
    expect(report.performance.auc.live).toBeGreaterThan(0);
    writeFileSync(join(paths.models, version, MONITOR_FILE), '{"format": "another"}');
    expect((await look(settingsOf())).drift).toEqual({ skipped: `${MONITOR_FILE} of the bundle cannot be read` });
  });
});

describe('the monitor', () => {
  let printed: string[];
  /** Keys of alerts. */
  let raised: string[];
  let now: number;
  /** Called before the time is read. */
  let beforeClock: () => void;
  const clock: Clock = { nowMs: () => (beforeClock(), now as EpochMs), monotonicUs: () => 0 };
  beforeEach(() => {
    printed = [];
    raised = [];
    now = Date.now();
    beforeClock = () => undefined;
  });

  /** A real retrainer of this home; a failing program replaces `train`. */
  async function retrainerOf(settings: Settings): Promise<Retrainer> {
    const program = join(folder, 'program.mjs');
    const job = JSON.stringify(join(folder, 'job.json'));
    writeFileSync(
      program,
      `import { readFileSync, writeFileSync } from 'node:fs'; writeFileSync(${job}, readFileSync(0)); process.exitCode = 1;`,
    );
    const log = pino({ level: 'silent' });
    const options = { settings, paths, log, command: [process.execPath, program], print: () => undefined };
    const retrainer = createRetrainer(options, createRunLog(log));
    stops.push(() => retrainer.stop());
    await expect.poll(() => retrainer.runs()).toBeDefined();
    return retrainer;
  }

  async function monitorOf(settings: Settings): Promise<{ monitor: Monitor; retrainer: Retrainer }> {
    const retrainer = await retrainerOf(settings);
    const monitor = startMonitor({
      settings,
      paths,
      log: pino({ level: 'silent' }),
      retrainer,
      print: (line) => void printed.push(line),
      notifier: { raise: ({ key }) => Promise.resolve(void raised.push(key)), clear: () => Promise.resolve() },
      clock,
    });
    stops.unshift(() => monitor.stop());
    return { monitor, retrainer };
  }

  const ended = (retrainer: Retrainer, runs: number) =>
    expect
      .poll(() => retrainer.runs().filter(({ finished_at }) => finished_at !== null).length, { timeout: 100_000 })
      .toBe(runs);

  it('looks automatically at the interval of the market’s clock, and starts no run where nothing has drifted', async () => {
    journaled(bars);
    const { monitor, retrainer } = await monitorOf(settingsOf({ monitor_minutes: 5 }));
    expect(monitor.status()).toMatchObject({ looked_at: null, report: null, last_trigger: null });
    await expect.poll(() => monitor.status().report).not.toBeNull();
    expect(retrainer.runs()).toEqual([]);
    expect(printed).toEqual([]);
    expect(monitor.status()).toMatchObject({
      looked_at: new Date(now).toISOString(),
      report: { version, findings: [] },
    });
    expect(existsSync(haltsPath(paths.models))).toBe(false);
  });

  it('starts a run for features that have drifted, reports each finding and names the pair', async () => {
    journaled(shaken());
    const { monitor, retrainer } = await monitorOf(settingsOf({ retrain_retry_max: 0 }));
    await monitor.look();
    const [run] = retrainer.runs();
    expect(triggerText(run!.trigger)).toMatch(/^monitor: drift (psi|mean shift) \w+ \d+\.\d\d > .* and \d+ more$/);
    expect(monitor.status().last_trigger).toMatchObject({ trigger: run!.trigger, text: triggerText(run!.trigger) });
    expect(printed.length).toBe((monitor.status().report as MonitorReport).findings.length);
    expect(printed[0]).toMatch(new RegExp(`^Models ${version}: drift `));
    const { findings } = monitor.status().report as MonitorReport;
    const jump = findings.find(({ trigger, subject }) => trigger === 'drift psi' && subject === 'spread_vol_jump');
    expect(jump).toMatchObject({ limit: 0.25, pair: 'XAUUSD_XAGUSD' });
    expect(jump!.figure).toBeGreaterThan(0.25);
    expect(jump!.text).toMatch(/^drift psi spread_vol_jump \d\.\d\d > 0\.25 \(most in XAUUSD_XAGUSD\)$/);
    expect(findings.some(({ trigger }) => trigger === 'drift mean shift')).toBe(true);
    const { drift } = monitor.status().report as MonitorReport;
    const store = await openStore(paths.trainer);
    const kept = await store.db.selectFrom('core.drift_figures').select(['feature', 'psi', 'model_version']).execute();
    await store.close();
    const byName = (a: { feature: string }, b: { feature: string }): number => (a.feature < b.feature ? -1 : 1);
    const features = isSkipped(drift) ? [] : drift.features;
    const expected = features.map(({ name, psi }) => ({ feature: name, psi, model_version: version }));
    expect(kept.sort(byName)).toEqual(expected.sort(byName));
    expect(kept.length).toBeGreaterThan(10);
  });

  it('searches θ2 alone when AI2 admits no candidate for longer than its pass rate allows, and sends an alert', async () => {
    journaled(longBars);
    const manifest = join(paths.models, version, 'manifest.json');
    const thresholds = {
      tried: 1,
      allowed: 1,
      chosen: true,
      net_sharpe: 1,
      trades: 1,
      pass_rate: 0.5,
      expected_max_sharpe: 1,
      probabilistic_sharpe: 1,
      deflated_sharpe: 1,
    };
    const search = { ai1: null, thresholds };
    writeFileSync(
      manifest,
      JSON.stringify({ ...(JSON.parse(readFileSync(manifest, 'utf8')) as object), theta2: 0.0001, search }),
    );
    const policy: SettingsOverrides['retrain'] = {
      risk_streak_significance: 0.01,
      pass_rate_range: [0.05, 0.4],
      retrain_retry_max: 0,
    };
    const { monitor, retrainer } = await monitorOf(settingsOf(policy));
    await monitor.look();
    const { findings } = monitor.status().report as MonitorReport;
    expect(findings.map(({ trigger }) => trigger).sort()).toEqual(['pass rate', 'risk streak']);
    expect(retrainer.runs()).toMatchObject([{ kind: 'thresholds', trigger: { code: 'monitor' } }]);
    expect(raised).toContain('risk_streak');
    await ended(retrainer, 1);
    expect(JSON.parse(readFileSync(join(folder, 'job.json'), 'utf8'))).toMatchObject({ kind: 'thresholds' });
  });

  it('starts one run, reports why once, and then pauses', async () => {
    journaled(bars);
    const settings = settingsOf({ model_max_age_days: 1, retrain_retry_max: 0 }, { train: { min_bars: LIVE_MINUTES } });
    const { monitor, retrainer } = await monitorOf(settings);
    await monitor.look();
    expect(retrainer.runs().map(({ trigger }) => triggerText(trigger))).toEqual([AGED]);
    await ended(retrainer, 1);
    await monitor.look();
    expect(retrainer.runs()).toHaveLength(1);
    expect(printed).toEqual([`Models ${version}: model age 1.0 > 1 days since the last bar that they learned from.`]);

    // Another trainer sees the run as well. An hour of the market takes 60 × 20 ms here.
    await monitor.stop();
    const next = await monitorOf(settings);
    await next.monitor.look();
    expect(next.retrainer.runs().filter(({ trigger }) => triggerText(trigger) === AGED)).toHaveLength(1);
    now = Date.now() + 60 * 20 + 1;
    await next.monitor.look();
    expect(next.retrainer.runs()).toHaveLength(2);
    await ended(next.retrainer, 2);
    // Training runs yield to everything else.
  }, 240_000);

  it('continues without models, journal and store', async () => {
    rmSync(paths.models, { recursive: true });
    const { monitor, retrainer } = await monitorOf(settingsOf());
    await monitor.look();
    const nothing = { direction: {}, findings: [] };
    expect(monitor.status().report).toEqual({ version: null, skipped: 'no models are active', ...nothing });
    expect(retrainer.runs()).toEqual([]);
  });

  it('halts a pair that loses too often until a person resumes it, and not again for the same trades', async () => {
    journaled(bars);
    const other = {
      pair_id: '*',
      reason: 'win_rate',
      seen: '0',
      limit: '1',
      since: new Date(0).toISOString(),
    } as const;
    addHalts(paths.models, [{ ...other, version: '20200101_0000' }]);
    const settings = settingsOf({ kpi_win_rate_min: 0.7, model_max_age_days: null });
    const { monitor } = await monitorOf(settings);
    await monitor.look();
    const { report } = monitor.status();
    const { kpi } = report as MonitorReport;
    const below = Object.entries(kpi.pairs).filter(([, { win_rate }]) => win_rate! < 0.7);
    const wanted = [...(kpi.total.win_rate! < 0.7 ? ['*'] : []), ...below.map(([id]) => id)];
    expect(wanted.length).toBeGreaterThan(0);
    const haltsNow = () => readHalts(paths.models).halts.filter((halt) => halt.version === version);
    const halts = haltsNow();
    expect(halts.map(({ pair_id }) => pair_id)).toEqual(wanted);
    expect(halts[0]).toMatchObject({
      reason: 'win_rate',
      limit: 'at least 0.7',
      version,
      since: new Date(now).toISOString(),
    });
    expect(halts[0]!.seen).toMatch(/^0\.\d\d of 50 trades$/);
    expect(printed.filter((line) => line.startsWith('HALT of '))).toHaveLength(wanted.length);
    expect(raised.filter((key) => key.startsWith('kpi_halt:'))).toEqual(wanted.map((id) => `kpi_halt:${id}`));

    const text = readFileSync(haltsPath(paths.models), 'utf8');
    await monitor.look();
    expect(readFileSync(haltsPath(paths.models), 'utf8')).toBe(text);

    now += 1000;
    resume(paths.models, '*', new Date(now));
    await monitor.look();
    expect(haltsNow()).toEqual([]);
    expect((monitor.status().report as MonitorReport).kpi.total).toMatchObject({ trades: 0, win_rate: null });

    // A pair resumed seven hundred minutes of the market ago has traded since.
    now += 700 * settings.minutehand.simulated.bar_interval_ms;
    await monitor.look();
    const later = (monitor.status().report as MonitorReport).kpi.total;
    expect(later.trades).toBeGreaterThan(20);
    expect(later.trades).toBeLessThan(kpi.total.trades);
    expect(haltsNow().length).toBeGreaterThan(0);
  });

  it('does not halt a pair again that a person resumes while a look is in progress', async () => {
    journaled(bars);
    // No look starts automatically meanwhile.
    const { monitor } = await monitorOf(
      settingsOf({ kpi_win_rate_min: 0.7, model_max_age_days: null, monitor_minutes: 10_080 }),
    );
    await monitor.look();
    const { halts } = readHalts(paths.models);
    expect(halts.length).toBeGreaterThan(0);
    // The clock is read as a look begins and again when its figures are there: those of the halts that stood when it
    // began.
    let reads = 0;
    beforeClock = () => {
      if (++reads !== 2) return;
      now += 1000;
      expect(resume(paths.models, '*', new Date(now))).toEqual(halts);
    };
    await monitor.look();
    expect(reads).toBeGreaterThan(2);
    expect((monitor.status().report as MonitorReport).breaches.length).toBe(halts.length);
    expect(readHalts(paths.models).halts).toEqual([]);
    expect(printed.filter((line) => line.startsWith('HALT of '))).toHaveLength(halts.length);
  });

  it('leaves a damaged file of halts as it is, and continues with the rest', async () => {
    journaled(bars);
    writeFileSync(haltsPath(paths.models), '{');
    const { monitor, retrainer } = await monitorOf(
      settingsOf({ kpi_win_rate_min: 0.9, model_max_age_days: 1, retrain_retry_max: 0 }, { train: { min_bars: 500 } }),
    );
    await monitor.look();
    expect(readFileSync(haltsPath(paths.models), 'utf8')).toBe('{');
    expect(retrainer.runs()[0]!.trigger).toMatchObject({
      code: 'monitor',
      values: { findings: [{ trigger: 'model age' }] },
    });
  });
});

describe('fills of an expert advisor', () => {
  const GOLD = 'XAUUSD_XAGUSD';
  const FILLED_MINUTES = 3000;
  /** Factor on the configured cost per side of each leg. */
  const DEARER = 3;

  /**
   * A position every hour: signals for the journal, lines for result.json. It is sold and bought back at the same
   * middle, so it loses what it costs.
   */
  function traded(settings: Settings, nowMs: number): { signals: SignalRow[]; lines: string[] } {
    const signals: SignalRow[] = [];
    const lines: string[] = [];
    const [gold, silver] = ['XAUUSD', 'XAGUSD'].map((symbol) => longBars.get(symbol)!) as [BarColumns, BarColumns];
    const worse = (symbol: string): number => {
      const { spread_bps, slippage_bps } = settings.minutehand.symbols[symbol]!;
      return (DEARER * (spread_bps / 2 + slippage_bps)) / 1e4;
    };
    for (let i = TRAINED_MINUTES; i < TRAINED_MINUTES + FILLED_MINUTES; i += 60) {
      const number = 2 * i;
      const timestamp = new Date((gold.time[i]! + 60) * 1000).toISOString().replace('.000', '');
      const prices = { price_a: gold.close[i]!, price_b: silver.close[i]! };
      const common = { pair_id: GOLD, model_version: version, timestamp, ...prices };
      const signal_ms = nowMs - 60_000 + (i - TRAINED_MINUTES);
      const enter = enterBody(idOf(number), common);
      const exit = exitBody(idOf(number), 'Z_EXIT', { ...common, signal_id: idOf(number + 1) });
      signals.push(rowOf(enter, GOLD, gold.time[i]!, signal_ms), rowOf(exit, GOLD, gold.time[i + 10]!, signal_ms + 1));
      for (const [leg, symbol, middle] of [
        ['A', 'XAUUSD', prices.price_a],
        ['B', 'XAGUSD', prices.price_b],
      ] as const)
        for (const way of ['SELL', 'BUY'] as const) {
          const sign = way === 'BUY' ? 1 : -1;
          const isOpen = (leg === 'A') === (way === 'SELL');
          const fill = {
            pair_id: GOLD,
            market: 'simulated' as const,
            leg,
            symbol,
            broker_symbol: symbol,
            side: way,
            ticket: 10 * i,
            lots: 1,
            position_id: enter.signal_id,
            requested_price: middle,
            filled_price: middle * (1 + sign * worse(symbol)),
            signal_ms,
            time_ms: signal_ms + (isOpen ? 40 : 70),
          };
          lines.push(
            encodeFill(
              isOpen
                ? openFill({ ...fill, signal_id: enter.signal_id })
                : closeFill({ ...fill, signal_id: exit.signal_id, pnl: -1 }),
            ),
          );
        }
    }
    return { signals, lines };
  }

  it('go from result.json through the trainer to /monitor: their cost is reported, their losses start a training', async () => {
    const settings = settingsOf({
      monitor_minutes: 5,
      fill_win_rate_gap: 0.15,
      fill_cost_gap: 0.25,
      retrain_retry_max: 0,
    });
    const { signals, lines } = traded(settings, Date.now());
    // Bars come when the fills are there: a look that came too early would be the only one for long.
    journaled(clipped(cut), cut, signals);
    // Models that had won more often than not.
    const manifestPath = join(paths.models, version, 'manifest.json');
    const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Manifest;
    manifest.edge[GOLD] = { ...manifest.edge[GOLD]!, trades: 400, wins: 240, mean_net_bps: 1 };
    writeFileSync(manifestPath, JSON.stringify(manifest));
    mkdirSync(join(paths.ea, '1_paper'), { recursive: true });
    writeFileSync(join(paths.ea, '1_paper', 'result.json'), lines.map((line) => `${line}\n`).join(''));
    const program = join(folder, 'program.mjs');
    const job = JSON.stringify(join(folder, 'job.json'));
    writeFileSync(
      program,
      `import { readFileSync, writeFileSync } from 'node:fs'; writeFileSync(${job}, readFileSync(0)); process.exitCode = 1;`,
    );
    const printed: string[] = [];
    const trainer = await startTrainer({
      settings,
      paths,
      log: pino({ level: 'silent' }),
      command: [process.execPath, program],
      print: (line) => void printed.push(line),
    });
    stops.push(() => trainer.stop());
    const monitored = async (): Promise<MonitorReport> => {
      const answer = await fetch(`http://127.0.0.1:${trainer.port}/monitor`);
      return ((await answer.json()) as { report: MonitorReport }).report;
    };
    const store = await openStore(paths.trainer);
    stops.unshift(() => store.close());
    const joined = async (): Promise<number> =>
      (await readTrades(store, { market: 'simulated' })).filter(({ model_version }) => model_version === version)
        .length;
    await expect.poll(joined, { timeout: 30_000, interval: 200 }).toBe(lines.length);
    const journal = openJournal(paths.journal('simulated', 'main'));
    const { time } = longBars.get('XAUUSD')!;
    const fresh = [...longBars].map(
      ([symbol, own]) => [symbol, clipBars(own, cut, time[TRAINED_MINUTES + FILLED_MINUTES]! as OpenTime)] as const,
    );
    journal.append(inputsOf(new Map(fresh)), []);
    journal.close();
    await expect
      .poll(async () => (await monitored())?.fills, { timeout: 30_000, interval: 200 })
      .toMatchObject({ accounts: {} });
    const { fills, findings } = await monitored();
    if (isSkipped(fills)) throw new Error(fills.skipped);
    const { figures, win_rate, net, symbols } = fills.accounts['paper']!;
    const positions = lines.length / 4;
    expect(figures.total).toMatchObject({
      opened: positions,
      closed: positions,
      win_rate: 0,
      pnl: { USD: -2 * positions },
      enters: positions,
      refused: 0,
      latency_ms_p50: 40,
    });
    expect(win_rate).toMatchObject({ live: 0, live_count: positions });
    expect(net.live_bps).toBeLessThan(0);
    const { spread_bps, slippage_bps } = settings.minutehand.symbols['XAUUSD']!;
    expect(symbols['XAUUSD']!.shortfall.bps).toBeCloseTo(DEARER * (spread_bps / 2 + slippage_bps), 6);
    const costs = findings.filter(({ trigger }) => trigger === 'fill costs');
    expect(costs.map(({ subject, retrains }) => [subject, retrains])).toEqual([
      ['XAGUSD (paper)', null],
      ['XAUUSD (paper)', null],
    ]);
    await expect.poll(() => printed.filter((line) => line.includes('put into symbols of'))).toHaveLength(2);
    await expect
      .poll(() => trainer.retrainer.runs().map(({ trigger }) => triggerText(trigger))[0])
      .toMatch(
        new RegExp(
          `^monitor: win rate of ${positions} paper positions 0\\.000 against 0\\.\\d+ of the bundle: 100 % below > 15 %$`,
        ),
      );
  });
});
