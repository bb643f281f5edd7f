import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import { clipBars, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { readActive, readManifest } from '../shared/bundle/bundle.ts';
import { keyOf, type RecordedGate } from '../shared/bundle/gates/gate_result.ts';
import { homePaths } from '../shared/home.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { lastSignal, sendBars, startDaemon } from './fed_daemon.ts';
import { tinyBars, type SettingsOverrides } from './tiny_models.ts';

vi.setConfig({ testTimeout: 480_000, hookTimeout: 240_000 });

/** Bars of the simulated market in files count as live ones. */
const ENV = { MINUTEHAND_MARKET: 'live' };
const PAIR = 'XAUUSD_XAGUSD';
const { pairs, windows, decision, label } = loadSettings({ env: {} }).minutehand;
const TREES = { rounds: 10, learning_rate: 0.1, leaves: 7, min_data_in_leaf: 100 };
/** As in test/retrain_chain.chain.test.ts, the smallest training that passes every gate. */
const SMALL: SettingsOverrides = {
  core: { theta_step: 0.1 },
  retrain: {
    quality_min_samples: 1000,
    monitor_minutes: 1,
    // Looks, but trains nothing and halts nothing.
    drift_cooldown_hours: 8760,
    kpi_drawdown_max: null,
    kpi_win_rate_min: null,
  },
  minutehand: {
    pairs: pairs.slice(0, 3),
    windows,
    decision,
    label,
    train: { ai1: TREES, ai2: TREES, ai3: TREES, folds: 2, max_rows: 10_000 },
    search: { trials: 0, theta_evaluations: 0 },
    simulated: { seed: 2 },
    feed: { straggler_timeout_ms: 50_000 },
  },
};
const TRAINED_MINUTES = 8000;
/** After the training: what the monitor looks at, and what a warm start learns. */
const NEWER_MINUTES = 6000;
/** Of these the daemon publishes signals; it takes the bars before them as backfill. */
const PUBLISHED_MINUTES = 5;
const FIRST = `lead: delta(log(symbol("GBPUSD").close), 24)
rank: rank(z_abs, 240)
`;
const SECOND = `calm: std(delta(log(b.close)), 120)
z_rank: rank(z_score, 300)
`;

let place: Workplace;
let older: string;
let whole: string;
let bars: ReadonlyMap<string, BarColumns>;

interface Trained {
  readonly version: string;
  readonly adopted: boolean;
  readonly gates: readonly RecordedGate[];
}

const formulasFile = (): string => join(place.config, 'features.yaml');
const manifestOf = (version: string) => readManifest(join(place.models, version));
const formulaNames = (version: string): string[] => manifestOf(version).features.slice(-2);

async function train(...options: string[]): Promise<Trained> {
  const { code, stdout, stderr } = await place.run(['train', '--workers', '1', '--no-cache', '--json', ...options], {
    env: ENV,
  });
  expect(code, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as Trained;
}

beforeAll(async () => {
  place = createWorkplace(SMALL);
  bars = tinyBars(place.settings, TRAINED_MINUTES + NEWER_MINUTES);
  const cut = bars.get('XAUUSD')!.time[TRAINED_MINUTES]! as OpenTime;
  whole = await place.writeBars('whole', bars);
  older = await place.writeBars(
    'older',
    new Map([...bars].map(([symbol, own]) => [symbol, clipBars(own, undefined, cut)])),
  );
});
afterAll(() => place.remove());

describe(`a bundle with formulas`, () => {
  let first: string;
  let second: string;

  it('passes every gate of `train --adopt` and becomes active', async () => {
    writeFileSync(formulasFile(), FIRST);
    const trained = await train('--data', older, '--adopt');
    first = trained.version;
    expect(trained.gates.filter(({ passed }) => !passed)).toEqual([]);
    expect(trained.adopted).toBe(true);
    expect(readActive(place.models)).toMatchObject({ version: first });
    expect(formulaNames(first)).toEqual(['lead', 'rank']);
  });

  it('is compared by the adoption gates with one that has other formulas, each by its own', async () => {
    writeFileSync(formulasFile(), SECOND);
    const trained = await train('--data', older, '--adopt');
    second = trained.version;
    expect(formulaNames(second)).toEqual(['calm', 'z_rank']);
    const gate = trained.gates.find((own) => keyOf(own) === 'champion_auc');
    // Both are scored on the holdout of both, which is the same.
    const auc = (version: string): number => manifestOf(version).metrics.ai1.holdout.auc!;
    expect(gate).toMatchObject({
      evidence: {
        version: first,
        champion: expect.closeTo(auc(first), 12) as number,
        challenger: expect.closeTo(auc(second), 12) as number,
      },
    });
    expect(trained.adopted).toBe(trained.gates.every(({ passed }) => passed));
    expect(readActive(place.models)!.version).toBe(trained.adopted ? second : first);
  });

  it('is what `models verify --deep` makes of the same bars, whatever the file says by then', async () => {
    writeFileSync(formulasFile(), 'other: a.close / b.close\n');
    const results = await place.runEach(
      [first, second].map((version) => [
        ...['models', 'verify', version, '--deep', '--data', older],
        ...['--workers', '1', '--json'],
      ]),
      [ENV, ENV],
    );
    expect(results.map(({ code, stdout }) => ({ code, ...(JSON.parse(stdout) as object) }))).toMatchObject([
      { code: 0, deep: 'same', differences: [] },
      { code: 0, deep: 'same', differences: [] },
    ]);
  });

  it('keeps its formulas in a warm start', async () => {
    const { version: active } = readActive(place.models)!;
    const trained = await train('--data', whole, '--warm-start');
    const { warm_start_from, windows: own, feature_schema } = manifestOf(trained.version);
    expect(warm_start_from).toMatchObject({ version: active });
    expect(own.formulas).toBe(manifestOf(active).windows.formulas);
    expect(feature_schema).toBe(manifestOf(active).feature_schema);
  });

  it('is scored by `predict` as by the daemon, and looked at by the monitor with its formulas', async () => {
    const { version: active } = readActive(place.models)!;
    const names = formulaNames(active);
    await sendBars(await startDaemon(place, ENV), bars, PUBLISHED_MINUTES);
    const journal = homePaths({ MINUTEHAND_HOME: place.home }).journal('live', 'main');
    const signal = await eventually('the last signal', () => lastSignal(journal, PAIR, PUBLISHED_MINUTES - 1));
    expect(signal.body.return_prob).toEqual(expect.any(Number));
    const close = new Date((signal.time + 60) * 1000).toISOString();
    const explained = await place.run(['explain', PAIR, close, '--json'], { env: ENV });
    expect(explained.code, explained.stderr).toBe(0);
    const { features } = JSON.parse(explained.stdout) as {
      readonly features: readonly { readonly name: string; readonly value: number | null }[];
    };
    expect(features.slice(-2).map(({ name }) => name)).toEqual(names);

    const trainer = place.start(['trainer', '--json'], ENV);
    const { port } = JSON.parse(
      await eventually(
        () => `the trainer: ${trainer.stderr()}`,
        () => trainer.stdout(),
      ),
    ) as { port: number };
    const url = `http://127.0.0.1:${port}`;
    const token = await tokenOfViewer();
    const row = Object.fromEntries(features.map(({ name, value }) => [name, value]));
    const predict = async (feature_schema: string, given: object): Promise<Record<string, unknown>> => {
      const answer = await fetch(`${url}/api/ml/predict`, {
        method: 'POST',
        headers: { ...token, 'content-type': 'application/json' },
        body: JSON.stringify({ feature_schema, features: given, subject: PAIR }),
      });
      return (await answer.json()) as Record<string, unknown>;
    };
    expect(await predict(signal.body.feature_schema, row)).toMatchObject({
      model_version: active,
      feature_schema: manifestOf(active).feature_schema,
      return_prob: signal.body.return_prob,
      risk_score: signal.body.risk_score,
    });
    const { [names[0]!]: _left, ...short } = row;
    expect(JSON.stringify(await predict(signal.body.feature_schema, short))).toContain(`without ${names[0]}`);
    const latest = (await (await fetch(`${url}/api/ml/predict?subject=${PAIR}`, { headers: token })).json()) as object;
    expect(latest).toMatchObject({ model_version: active, feature_schema: signal.body.feature_schema });

    const { report } = await eventually(
      'a report of the monitor',
      async () => {
        const status = (await (await fetch(`${url}/monitor`)).json()) as { readonly report: unknown };
        return status.report !== null && (status as { readonly report: Report });
      },
      5,
    );
    expect(report).toMatchObject({ version: active });
    expect(report.drift.features?.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  });
});

async function tokenOfViewer(): Promise<{ readonly authorization: string }> {
  const { code, stdout, stderr } = await place.run(['token', 'create', '--role', 'viewer', '--json'], { env: ENV });
  expect(code, stderr).toBe(0);
  return { authorization: `Bearer ${(JSON.parse(stdout) as { readonly token: string }).token}` };
}

interface Report {
  readonly drift: { readonly features?: readonly { readonly name: string }[] };
}
