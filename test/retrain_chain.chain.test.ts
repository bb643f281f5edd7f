import { REQUESTED } from '../shared/run_trigger/run_triggers.fixture.ts';
import { FIRST_MODELS } from '../trainer/control/schedule/run.ts';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { parseDocument } from 'yaml';
import { DAEMON_METRICS, PROCESS_METRICS } from '../daemon/metrics/metrics.ts';
import { readActive, readManifest } from '../shared/bundle/bundle.ts';
import { readRollout } from '../shared/bundle/rollout.ts';
import { SECONDS_PER_BAR } from '../shared/bar.ts';
import { openMinuteFrom } from '../shared/market/trading_week.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { verifySignal } from '../shared/signal/verify.ts';
import { keyOf, type GateResult } from '../shared/bundle/gates/gate_result.ts';
import type { RetrainRun } from '../trainer/control/schedule/run.ts';
import { TRAINER_METRICS } from '../trainer/control/metrics/metrics.ts';
import { openStore } from '../trainer/store/store.ts';
import { ADOPTABLE, ADOPTABLE_MINUTES, ADOPTABLE_SAMPLES, storeBars } from './adoptable_settings.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { HAS_PROMTOOL, PROMTOOL_NOTE, promtool } from './promtool.ts';

// Each wait has its own deadline and names its condition.
vi.setConfig({ testTimeout: 480_000, hookTimeout: 120_000 });

/** After the bars that the models were trained on: a search of θ2 alone needs newer bars. */
const NEWER_MINUTES = 3000;

let place: Workplace;
let daemon: Running;
let trainer: Running;
let daemonPort: number;
let trainerPort: number;
/** Every signal of the daemon since the start. */
const received: Signal[] = [];

/**
 * Both run on the simulated market; the trainer learns from imported bars of it.
 */
beforeAll(async () => {
  // The replay at the end needs all versions.
  place = createWorkplace({ ...ADOPTABLE, retrain: { ...ADOPTABLE.retrain, model_version_retention: 20 } });
  await importBars(ADOPTABLE_MINUTES);
  daemon = place.start(['daemon', '--json']);
  ({ port: daemonPort } = await readyOf<{ port: number }>('the daemon', daemon));
  const socket = new WebSocket(`ws://127.0.0.1:${daemonPort}/signals`);
  socket.on('message', (data: Buffer) => received.push(verifySignal(data.toString('utf8'))));
  socket.on('error', () => undefined);
  await eventually('signals without models', () => received.length > 0);
});
afterAll(() => place.remove());

function importBars(minutes: number): Promise<void> {
  return storeBars(join(place.home, 'trainer.db'), place.settings, minutes);
}

async function readyOf<Ready>(name: string, running: Running): Promise<Ready> {
  let ended: unknown = null;
  void running.ended.then((code) => (ended = code));
  const text = await eventually(`the ready line of ${name}`, () => {
    if (ended !== null) throw new Error(`${name} ended with ${String(ended)}: ${running.stderr()}`);
    return running.stdout();
  });
  return JSON.parse(text) as Ready;
}

/** The run of this number, once it has ended. Training has low priority, so a busy machine delays it. */
async function runThatEnded(id: number): Promise<RetrainRun> {
  let run: RetrainRun | undefined;
  const hasEnded = async (): Promise<boolean> => {
    const response = await fetch(`http://127.0.0.1:${trainerPort}/runs`);
    const { runs } = (await response.json()) as { runs: RetrainRun[] };
    run = runs.find(({ run_id, finished_at }) => run_id === id && finished_at !== null);
    return run !== undefined;
  };
  await expect.poll(hasEnded, { timeout: 400_000, interval: 200 }).toBe(true);
  return run!;
}

const gatesOf = ({ gate }: RetrainRun): GateResult[] => gate as GateResult[];

async function retrain(kind: RetrainRun['kind'] = 'full'): Promise<RetrainRun> {
  const response = await fetch(`http://127.0.0.1:${trainerPort}/retrain?kind=${kind}`, { method: 'POST' });
  expect(response.status).toBe(202);
  return runThatEnded(((await response.json()) as RetrainRun).run_id);
}

/** A scraped page of metrics: all names, and the value of each series. */
async function scrape(port: number): Promise<{ text: string; names: Set<string>; series: Map<string, number> }> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  const names = new Set(
    [...text.matchAll(/^# TYPE (\S+) (?:counter|gauge|summary|histogram)$/gm)].map(([, name]) => name!),
  );
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const series = new Map(lines.map((line) => /^(.+) (\S+)$/.exec(line)!.slice(1) as [string, string]));
  return { text, names, series: new Map([...series].map(([name, value]) => [name, Number(value)])) };
}

async function registered(): Promise<Record<string, string>> {
  const store = await openStore(join(place.home, 'trainer.db'));
  const rows = await store.db.selectFrom('core.model_registry').select(['version', 'status']).execute();
  await store.close();
  return Object.fromEntries(rows.map(({ version, status }) => [version, status]));
}

/** Sets the sample gate of all later training processes. */
function askForSamples(count: number): void {
  setRetrain('quality_min_samples', count);
}

/** Read by every later training process. */
function setRetrain(key: string, value: unknown): void {
  setConfig('retrain_policy.yaml', [key, 'value'], value);
}

function setConfig(file: string, keys: readonly string[], value: unknown): void {
  const path = join(place.config, file);
  const document = parseDocument(readFileSync(path, 'utf8'));
  if (value === undefined) document.deleteIn(keys);
  else document.setIn(keys, value);
  writeFileSync(path, document.toString());
}

interface Adoption {
  readonly version: string;
  readonly adopted: boolean;
  readonly gates: GateResult[];
}

const GROUPS = {
  metals: ['XAUUSD_XAGUSD'],
  others: ADOPTABLE.minutehand.pairs.filter((id) => id !== 'XAUUSD_XAGUSD'),
};

const activeText = (): string => readFileSync(join(place.models, 'active.json'), 'utf8');
const versionsReceived = (): string[] => [...new Set(received.map(({ model_version }) => model_version))];
const signalOf = (version: string): Promise<true> =>
  eventually(
    () => `a signal of ${version}; received: ${versionsReceived().join(', ')}`,
    () => received.at(-1)!.model_version === version,
  );

describe('trainer, training process, gates and daemon', () => {
  let first: string;
  let rejected: string;

  it('activate first models that pass every gate', async () => {
    trainer = place.start(['trainer', '--json']);
    ({ port: trainerPort } = await readyOf<{ port: number }>('the trainer', trainer));
    const run = await runThatEnded(1);
    expect(run).toMatchObject({ trigger: FIRST_MODELS, status: 'adopted', error: null, reasons: [] });
    expect(gatesOf(run).filter(({ passed }) => !passed)).toEqual([]);
    first = run.model_version!;
    expect(readActive(place.models)).toEqual({ version: first, previous: null });
    expect(await registered()).toEqual({ [first]: 'active' });
    await signalOf(first);
  });

  it('leave them active if one gate of the next models fails, whatever the other gates', async () => {
    askForSamples(10_000_000);
    const before = activeText();
    const run = await retrain();
    expect(run).toMatchObject({
      trigger: REQUESTED,
      status: 'rejected',
      previous_version: first,
      error: null,
    });
    expect(
      gatesOf(run)
        .filter(({ passed }) => !passed)
        .map(keyOf),
    ).toEqual(['ai1.samples', 'ai2.samples']);
    expect(gatesOf(run).filter(({ passed }) => passed).length).toBeGreaterThan(15);
    expect(run.reasons).toEqual([
      expect.stringMatching(/^ai1 samples \d+ \(at least 10000000\)$/),
      expect.stringMatching(/^ai2 samples \d+ \(at least 10000000\)$/),
    ]);
    rejected = run.model_version!;
    // The bundle is kept for inspection, and nothing else has changed.
    expect(existsSync(join(place.models, rejected, 'manifest.json'))).toBe(true);
    expect(activeText()).toBe(before);
    expect(await registered()).toEqual({ [first]: 'active', [rejected]: 'rejected' });
    const { length } = received;
    await eventually('more signals', () => received.length > length + 2 * place.settings.minutehand.pairs.length);
    expect(versionsReceived()).toEqual(['', first]);
  });

  it('swap in models that are as good as the champion, between two bars without a gap', async () => {
    askForSamples(ADOPTABLE_SAMPLES);
    const run = await retrain();
    expect(run).toMatchObject({ status: 'adopted', previous_version: first, reasons: [] });
    const version = run.model_version!;
    expect(gatesOf(run).map(keyOf)).toEqual(expect.arrayContaining(['champion_auc', 'champion_net_sharpe']));
    expect(readActive(place.models)).toEqual({ version, previous: first });
    expect(await registered()).toEqual({ [first]: 'archived', [rejected]: 'rejected', [version]: 'active' });
    expect(readManifest(join(place.models, version)).data_hash).toBe(readManifest(join(place.models, first)).data_hash);
    await signalOf(version);
    expect(versionsReceived()).toEqual(['', first, version]);
    for (const id of place.settings.minutehand.pairs) {
      const own = received.filter(({ pair_id }) => pair_id === id);
      const closes = own.map(({ timestamp }) => Date.parse(timestamp) / 1000);
      // On a slow machine a weekend may fall into this period.
      closes.slice(1).forEach((close, i) => expect(close).toBe(openMinuteFrom(closes[i]!) + SECONDS_PER_BAR));
    }
  });

  it(`swap in models with groups by the one command \`train --groups --adopt\``, async () => {
    const { version: champion } = readActive(place.models)!;
    const list = Object.entries(GROUPS).map(([name, ids]) => `${name}=${ids.join()}`);
    const trained = await place.run(['train', '--groups', list.join(';'), '--adopt', '--workers', '1', '--json']);
    expect(trained).toMatchObject({ code: 0 });
    const { version, adopted, gates } = JSON.parse(trained.stdout) as Adoption;
    expect([adopted, gates.filter(({ passed }) => !passed)]).toEqual([true, []]);
    const { groups = [], theta1 } = readManifest(join(place.models, version));
    expect(Object.fromEntries(groups.map(({ name, pairs: ids }) => [name, ids]))).toEqual(GROUPS);
    expect(readActive(place.models)).toEqual({ version, previous: champion });
    expect(await registered()).toMatchObject({ [champion]: 'archived', [version]: 'active' });
    await signalOf(version);
    const { length } = received;
    await eventually('a signal of each pair', () => received.length > length + place.settings.minutehand.pairs.length);
    for (const signal of received.slice(length)) {
      const own = groups.find(({ pairs: ids }) => ids.includes(signal.pair_id))?.own;
      expect(signal).toMatchObject({ model_version: version, theta1: own?.theta1 ?? theta1 });
    }
  });

  it('start a rollout by `adopt_by: rollout`, of groups by the configuration, and record that it began', async () => {
    setRetrain('adopt_by', 'rollout');
    setConfig('minutehand.yaml', ['train', 'groups'], GROUPS);
    const { version: champion } = readActive(place.models)!;
    const before = activeText();
    const run = await retrain();
    expect(run).toMatchObject({ status: 'rollout_started', previous_version: champion, reasons: [], error: null });
    const challenger = run.model_version!;
    expect(activeText()).toBe(before);
    expect(readManifest(join(place.models, challenger)).groups!.map(({ name }) => name)).toEqual(Object.keys(GROUPS));
    const { id } = readRollout(place.models)!;
    const shown = { id, stage: 'test', share: 0.5, champion, challenger };
    expect(readRollout(place.models)).toMatchObject({ ...shown, status: 'active' });
    await eventually('signals of both arms', () => {
      const arms = new Set(received.filter(({ rollout }) => rollout === id).map(({ arm }) => arm));
      return arms.has('champion') && arms.has('challenger');
    });

    const store = await openStore(join(place.home, 'trainer.db'));
    const events = await store.db.selectFrom('core.model_events').select(['kind', 'version', 'body']).execute();
    const alerts = await store.db.selectFrom('core.alerts').selectAll().execute();
    await store.close();
    expect(events.at(-1)).toMatchObject({ kind: 'rollout_started', version: challenger });
    expect(JSON.parse(events.at(-1)!.body)).toMatchObject({ rollout: id, previous_version: champion });
    expect(JSON.stringify(alerts)).toContain(`Models ${challenger} passed all gates`);
    expect(await registered()).toMatchObject({ [champion]: 'active', [challenger]: 'candidate' });

    const healthOf = async (port: number) => (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as object;
    expect(await healthOf(daemonPort)).toMatchObject({ rollout: shown, rollout_refused: null });
    expect(await healthOf(trainerPort)).toMatchObject({ rollout: shown });
    const [status, card] = await place.runEach([['status'], ['models', 'show', challenger]]);
    expect(status!.stdout).toContain(`rollout ${id} stage test: ${challenger} 50 %`);
    expect(card!.stdout).toContain(`|${id}|1|0.050|20|active|`);
    await place.run(['rollout', 'abort']);
    setRetrain('adopt_by', 'swap');
    setConfig('minutehand.yaml', ['train', 'groups'], undefined);
    await eventually('signals without a rollout', () => received.at(-1)!.rollout === undefined);
  });

  it(`answer requests for a warm start and for θ2 without newer bars: the processes name what is missing`, async () => {
    const before = activeText();
    const run = await retrain('incremental');
    expect(run).toMatchObject({ kind: 'incremental', status: 'nothing_new', error: null });
    expect(run.reasons).toEqual([expect.stringMatching(/^DATA_TOO_SHORT: .* of a holdout from /)]);
    const thresholds = await retrain('thresholds');
    expect(thresholds).toMatchObject({ kind: 'thresholds', status: 'nothing_new', error: null });
    expect(thresholds.reasons).toEqual([expect.stringMatching(/^DATA_TOO_SHORT: .*bars after /)]);
    expect(activeText()).toBe(before);
  });

  it('give the daemon a θ2 chosen on newer bars, with the same models and θ1', async () => {
    await importBars(ADOPTABLE_MINUTES + NEWER_MINUTES);
    const { version: champion } = readActive(place.models)!;
    const before = readManifest(join(place.models, champion));
    const run = await retrain('thresholds');
    expect(run).toMatchObject({ kind: 'thresholds', status: 'adopted', previous_version: champion, reasons: [] });
    const version = run.model_version!;
    const after = readManifest(join(place.models, version));
    expect(after.theta2).not.toBe(before.theta2);
    expect(after).toMatchObject({
      theta1: before.theta1,
      risk_quantiles: before.risk_quantiles,
      period: before.period,
    });
    expect(gatesOf(run).map(keyOf)).toEqual(
      expect.arrayContaining(['risk_pass_rate', 'golden_vectors', 'champion_net_sharpe']),
    );
    expect(readActive(place.models)).toEqual({ version, previous: champion });
    expect(await registered()).toMatchObject({ [champion]: 'archived', [version]: 'active' });
    await signalOf(version);
    const next = received.find(({ model_version }) => model_version === version)!;
    expect(next).toMatchObject({ theta1: before.theta1, theta2: after.theta2, policy_hash: received[0]!.policy_hash });
    const last = received.findLast(({ model_version }) => model_version === champion)!;
    expect(last.theta2).toBe(before.theta2);
    for (const { model_version, theta2, risk_score, risk_flag } of received)
      if (model_version === version && risk_score !== null)
        expect([theta2, risk_flag]).toEqual([after.theta2, risk_score >= after.theta2 ? 1 : 0]);
  });

  it('serve every declared metric, the three of the specification among them', async () => {
    const ofDaemon = await scrape(daemonPort);
    const ofTrainer = await scrape(trainerPort);
    expect([...ofDaemon.names].sort()).toEqual([...DAEMON_METRICS, ...PROCESS_METRICS].map(({ name }) => name).sort());
    expect([...ofTrainer.names].sort()).toEqual(TRAINER_METRICS.map(({ name }) => name).sort());
    expect(ofDaemon.series.get('inference_latency_count')).toBeGreaterThan(0);
    expect(ofDaemon.series.get('signals_per_min')).toBeGreaterThan(0);
    const response = await fetch(`http://127.0.0.1:${trainerPort}/runs`);
    const [newest] = ((await response.json()) as { runs: RetrainRun[] }).runs;
    expect(ofTrainer.series.get('retrain_duration')).toBe(newest!.duration_ms! / 1000);
    expect(Object.fromEntries(ofTrainer.series)).toMatchObject({
      minutehand_retrain_duration_seconds: newest!.duration_ms! / 1000,
      'minutehand_retrain_runs{kind="full",status="adopted"}': 2,
      'minutehand_retrain_runs{kind="full",status="rejected"}': 1,
      'minutehand_retrain_runs{kind="full",status="rollout_started"}': 1,
      'minutehand_retrain_runs{kind="thresholds",status="adopted"}': 1,
      minutehand_retrain_queue: 0,
      'minutehand_gate_passed{gate="risk_pass_rate"}': 1,
    });
  });

  it.runIf(HAS_PROMTOOL)(`serve a page that promtool accepts${PROMTOOL_NOTE}`, async () => {
    for (const port of [daemonPort, trainerPort]) {
      const { text } = await scrape(port);
      expect(promtool(['check', 'metrics'], text)).toEqual({ status: 0, output: '' });
    }
  });

  it('end with exit code 0', async () => {
    for (const running of [trainer, daemon]) {
      running.kill('SIGTERM');
      expect(await running.ended).toBe(0);
    }
  });

  it('leave a journal that replays byte for byte, arms and swaps included', async () => {
    const journal = join(place.home, 'simulated_main.db');
    const replay = await place.run(['replay', '--journal', journal, '--models', place.models, '--json']);
    expect(replay.code, replay.stdout).toBe(0);
    const { equal, signals, differences } = JSON.parse(replay.stdout) as Record<string, unknown>;
    expect([differences, equal]).toEqual([[], signals]);
  });
});
