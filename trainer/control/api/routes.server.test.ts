import type { MarketKind } from '../../../shared/signal/signal.ts';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../../../test/activate.ts';
import { createClient } from '../../../dashboard/src/client.ts';
import type { OpenTime } from '../../../shared/bar.ts';
import { columnsOf } from '../../../shared/bar_file/bar_file.ts';
import { readActive, readManifest } from '../../../shared/bundle/bundle.ts';
import type { Manifest } from '../../../shared/bundle/manifest.ts';
import { ERRORS, type ErrorCode } from '../../../shared/errors.ts';
import { encodeBody } from '../../../shared/signal/encode.ts';
import { bodyOf } from '../../../shared/signal/signal.fixture.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { copyUnder, tinyModels } from '../../../test/tiny_models.ts';
import { openSignalTables } from '../history/signal_tables.ts';
import { signalRow } from '../history/signal_row.ts';
import { createRegistry } from '../registry/registry.ts';
import { notify } from '../notify/outbox.ts';
import { COMMON_ERRORS } from '../schema/route_errors.ts';
import { ROUTES } from '../schema/table.ts';
import { bearer, openApiWorkplace, type Answer, type ApiWorkplace, type Ask } from './api.fixture.ts';
import { hugeValues, nearlyValid, validValues, type Schemas, type ValueSchema } from './schema_values.fixture.ts';

let api: ApiWorkplace;
let approver: { readonly authorization: string };
/** Oldest first; the second is active. */
const versions: string[] = [];

beforeAll(async () => {
  api = await openApiWorkplace({}, async ({ models }) => {
    versions.push((await tinyModels(models)).version);
    for (const copy of [2, 3, 4]) versions.push(copyUnder(models, versions[0]!, `${versions[0]!}_${copy}`));
    activate(models, versions[0]!);
    activate(models, versions[1]!);
  });
  approver = bearer(await api.token('approver', 'ann'));
  const registry = createRegistry(api.store, api.paths.models);
  for (const version of versions) await registry.register(version);
  await registry.mend();
});
afterAll(() => api.close());

const client = (headers: Record<string, string>) => createClient({ origin: api.origin, headers: () => headers });

describe('the endpoints of the specification, by the typed client', () => {
  it('list, load, and remove models, but not the active one, its predecessor and the shadow', async () => {
    const own = client(approver);
    const { models } = await own.get('/api/ml/models');
    expect(models.map(({ model_id }) => model_id)).toEqual([...versions].reverse());
    expect(models.filter(({ is_active }) => is_active).map(({ model_id }) => model_id)).toEqual([versions[1]]);
    expect(models[0]!.models.map(({ model_type }) => model_type)).toEqual(['AI1', 'AI2', 'AI3']);

    const loaded = await own.post('/api/ml/models/{model_name}/load', { path: { model_name: versions[2]! } });
    expect(loaded).toEqual({ version: versions[2], previous: versions[1], shadow: null, timeframe: null });
    expect(readActive(api.paths.models)).toEqual({ version: versions[2], previous: versions[1] });
    const current = await own.get('/api/ml/models/current');
    expect(current).toMatchObject({ version: versions[2], previous: versions[1], is_signed: false });
    expect(current.card).toContain(versions[2]);
    const detail = await own.get('/api/ml/models/{model_name}', { path: { model_name: versions[0]! } });
    expect(detail.manifest.metrics.ai1.holdout.auc).toBe(current.manifest!.metrics.ai1.holdout.auc);
    expect(detail.reliability.ai1).toHaveLength(10);

    // What is served would be compared with itself.
    await expect(own.put('/api/ml/shadow', { body: { model_name: versions[2]! } })).rejects.toMatchObject({
      status: 409,
      code: 'SHADOW_SERVED',
    });
    await own.put('/api/ml/shadow', { body: { model_name: versions[3]! } });
    for (const version of versions.slice(1)) {
      const remove = own.delete('/api/ml/models/{model_id}', { path: { model_id: version } });
      await expect(remove, version).rejects.toMatchObject({ status: 409, code: 'MODEL_IN_USE' });
    }
    const first = { path: { model_id: versions[0]! } };
    expect(await own.delete('/api/ml/models/{model_id}', first)).toEqual({ removed: [versions[0]], failed: [] });
    expect(existsSync(`${api.paths.models}/${versions[0]}`)).toBe(false);
    await expect(own.delete('/api/ml/models/{model_id}', first)).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    await expect(
      own.post('/api/ml/models/{model_name}/load', { path: { model_name: versions[0]! } }),
    ).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    expect(await own.put('/api/ml/shadow', { body: { model_name: null } })).toMatchObject({ shadow: null });
    const begun = await own.post('/api/ml/rollout', { body: { model_name: versions[3]! } });
    expect(begun.rollout).toMatchObject({ stage: 'test', champion: versions[2], challenger: versions[3] });
    expect(begun.rollout).not.toHaveProperty('key');
    const challenger = { path: { model_id: versions[3]! } };
    await expect(own.delete('/api/ml/models/{model_id}', challenger)).rejects.toMatchObject({ code: 'MODEL_IN_USE' });
    await expect(own.post('/api/ml/rollout', { body: { model_name: versions[3]! } })).rejects.toMatchObject({
      status: 409,
      code: 'ROLLOUT_STATE',
    });
    expect(await own.get('/api/ml/rollout')).toMatchObject({ ...begun, look: { evidence: null } });
    const ended = await own.post('/api/ml/rollout/abort', { body: { reason: 'for a test' } });
    expect(ended.rollout).toMatchObject({ status: 'aborted', reason: 'for a test' });
    expect(await own.post('/api/ml/models/cleanup')).toEqual({ removed: [], failed: [] });
  });

  it('start, show and stop a training, and refuse what it cannot honor', async () => {
    const own = client(bearer(await api.token('operator')));
    expect(await own.get('/api/ml-training/training/status')).toMatchObject({ is_training: false, status: 'idle' });
    await expect(own.post('/api/ml-training/stop')).rejects.toMatchObject({ status: 409, code: 'RETRAIN_IDLE' });
    for (const body of [
      { symbol: 'XAUUSD_XAGUSD' },
      { symbol: 'BTC/USDT', timeframe: '7m' },
      { symbol: 'BTC/USDT', kind: 'incremental' },
      { symbol: 'BTC/USDT', cross_validation_folds: 3 },
      { symbol: 'BTC/USDT', validation_split: 0.05 },
      { symbol: 'BTC/USDT', single_model_config: { model_type: 'logistic' }, n_estimators: 3 },
      { timeframe: '1h' },
      { n_estimators: 5001 },
      { cross_validation_folds: 21 },
      { validation_split: 0.3, train_test_split: 0.8 },
      { early_stopping_rounds: 5001 },
      { symbol: 'BTC/USDT', balance: { ai1: 'smote' } },
      { kind: 'incremental', max_depth: 3 },
      { optimization_settings: { n_calls: 10 } },
      { ensemble_config: { method: 'bagging' } },
      { ensemble_config: { bagging_params: { n_estimators: 5 } } },
      { ensemble_config: { enabled: false, stacking_params: {} } },
      { automl_config: { autofeat: { feateng_steps: 2 } } },
      { ensemble_config: { enabled: true, method: 'bagging', stacking_params: {} } },
      { ensemble_config: { enabled: true }, single_model_config: { model_type: 'gbdt' } },
      { automl_config: { tsfresh: { enabled: true } } },
      { optimization_settings: { enabled: true, parameter_space: { max_depth: { type: 'integer' } } } },
      { kind: 'incremental', random_state: 3 },
    ]) {
      const { status, body: answer } = await api.ask('POST', '/api/ml-training/train', { headers: approver, body });
      expect([status, answer.error?.code], JSON.stringify(body)).toEqual([422, 'SETTING_UNSUPPORTED']);
    }
    const minutes = Array.from({ length: 60 }, (_, minute) => ({
      symbol: 'XAUUSD',
      time: (Date.UTC(2024, 0, 2) / 1000 + 60 * minute) as OpenTime,
      open: 100,
      high: 101,
      low: 99,
      close: 100,
      volume: 1,
    }));
    await api.store.bars.put('simulated', columnsOf('XAUUSD', minutes));
    const other = { headers: approver, body: { start_date: '2031-01-01' } };
    const none = await api.ask('POST', '/api/ml-training/train', other);
    expect([none.status, none.body.error?.code]).toEqual([404, 'DATA_MISSING']);
    expect(JSON.stringify(none.body)).toContain('2024-01-02T00:00Z to 2024-01-02T00:59Z');
    const run = await own.post('/api/ml-training/train', {
      body: {
        symbol: 'all',
        random_state: 3,
        start_date: '2024-01-02',
        end_date: '2024-01-05T12:00:00Z',
        ensemble_config: { enabled: true },
        optimization_settings: { enabled: true, n_calls: 12 },
        reason: 'a test',
      },
    });
    const [forest] = run.learner.members.slice(-1);
    expect([run.learner.engine, forest]).toEqual(['vote', 'random_forest']);
    expect(run).toMatchObject({
      status: 'running',
      bars: [{ symbol: 'XAUUSD', first: '2024-01-02T00:00Z', last: '2024-01-02T00:59Z' }],
      expected: { seconds: expect.any(Number) as number, from_run: null },
      trigger: {
        code: 'request',
        values: {
          door: 'api',
          options: {
            seed: 3,
            trials: 12,
            engine: 'vote',
            members: run.learner.members.join(','),
            from: '2024-01-02T00:00:00Z',
            to: '2024-01-05T12:00:00Z',
          },
          settings: {},
        },
      },
    });
    expect(await own.get('/api/ml-training/training/status')).toMatchObject({ is_training: true });
    const { entries } = await own.get('/api/audit', { query: { limit: 1 } });
    expect(entries[0]).toMatchObject({ target: `run ${run.run_id}`, after: { reason: 'a test' } });
    // Another one waits, once, until it is taken out.
    const waiting = await own.post('/api/ml/train');
    expect(waiting).toMatchObject({ status: 'queued', kind: 'full' });
    await expect(own.post('/api/ml/train')).rejects.toMatchObject({ status: 409, code: 'RETRAIN_RUNNING' });
    const listed = await own.get('/api/runs');
    expect([listed.runs[0]!.run_id, listed.waiting.map(({ run_id }) => run_id)]).toEqual([
      run.run_id,
      [waiting.run_id],
    ]);
    const dropped = await own.post('/api/ml-training/stop', { query: { run: waiting.run_id } });
    expect(dropped).toMatchObject({ run_id: waiting.run_id, status: 'queued' });
    await expect(own.post('/api/automl-features/clear-cache')).rejects.toMatchObject({ code: 'RETRAIN_RUNNING' });
    expect(await own.post('/api/ml-training/stop')).toMatchObject({ run_id: run.run_id });
    await expect.poll(async () => (await own.get('/api/ml-training/training/status')).status).toBe('stopped');
    const caches = [api.paths.datasetCache, api.paths.candidateCache];
    for (const folder of caches) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, '0'.repeat(64)), 'kept');
    }
    expect(await own.post('/api/automl-features/clear-cache')).toMatchObject({ success: true });
    expect(caches.map((folder) => existsSync(folder))).toEqual([false, false]);
  });

  it('show the configuration and propose changes that another user approves', async () => {
    const ann = client(approver);
    const bob = client(bearer(await api.token('approver', 'bob')));
    const { config } = await ann.get('/api/ml/config');
    expect(config).toMatchObject({ core: { theta1_initial: 0.4 } });
    const body = { changes: { 'core.theta1_initial': 0.7, 'minutehand.train.folds': 4 }, reason: 'calmer' };
    const change = await ann.put('/api/ml/config', { body });
    expect(change).toMatchObject({ status: 'open', proposed_by: 'ann', before: { 'core.theta1_initial': 0.4 } });
    expect(config).toEqual((await ann.get('/api/ml/config')).config);
    const path = { change_id: change.change_id };
    await expect(ann.post('/api/changes/{change_id}/approve', { path })).rejects.toMatchObject({ code: 'CHANGE_OWN' });
    const approved = await bob.post('/api/changes/{change_id}/approve', { path });
    expect(approved).toMatchObject({ status: 'approved', decided_by: 'bob' });
    await expect(bob.post('/api/changes/{change_id}/reject', { path })).rejects.toMatchObject({
      code: 'CHANGE_UNKNOWN',
    });
    const reset = await ann.post('/api/ml/config/reset', { body: { reason: 'back' } });
    expect(reset.changes).toMatchObject({ 'core.require_edge': true });
    await expect
      .poll(async () => (await ann.get('/api/changes')).changes.map(({ status }) => status), { timeout: 30_000 })
      .toEqual(['open', 'applied']);
    const [, applied] = (await ann.get('/api/changes')).changes;
    expect(applied!.applies).toEqual({
      'core.theta1_initial': 'next_training',
      'minutehand.train.folds': 'next_training',
    });
    expect(await ann.get('/api/changes')).toMatchObject({
      two_person_rule: true,
      in_use: { active_models: expect.any(Number) as number, paper_accounts: [] },
    });
    // The value from before, of the test's settings, is none that a person may set.
    await expect(
      ann.post('/api/changes/{change_id}/take-back', { path, body: { reason: 'back' } }),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(applied).toMatchObject({ branch: expect.stringContaining('minutehand/change-') as string, failure: null });
    for (const [changes, refusal] of [
      [{ 'core.theta1_initial': 7 }, { code: 'CONFIG_INVALID', status: 422 }],
      [{ 'core.theta9': 0.5 }, { code: 'CONFIG_UNKNOWN_KEY', status: 422 }],
      [{ 'minutehand.__proto__.x': 1 }, { code: 'REQUEST_INVALID', status: 400 }],
      [{}, { code: 'REQUEST_INVALID', status: 400 }],
    ] as const)
      await expect(ann.put('/api/ml/config', { body: { changes, reason: 'wrong' } })).rejects.toMatchObject(refusal);
  });

  it('show status, policy, records and features', async () => {
    const own = client(approver);
    expect(await own.get('/api/ml/status')).toMatchObject({ status: 'idle', market: 'simulated', is_ready: false });
    const { entries } = await own.get('/api/policy');
    expect(entries.find(({ key }) => key === 'core.theta1_initial')).toMatchObject({
      label_ja: 'θ1初期値',
      value: 0.7,
    });
    expect(entries.filter(({ description }) => description === '').map(({ key }) => key)).toEqual([]);
    expect((await own.get('/api/subjects')).subjects[0]).toMatchObject({ subject: 'XAUUSD_XAGUSD', kind: 'pair' });
    const { backtests, bars } = await own.get('/api/backtests');
    expect([backtests.length, bars?.from.slice(0, 4)]).toEqual([3, '2024']);
    const period = { from: '2024-01-01T00:00:00Z', to: '2024-02-01T00:00:00Z' };
    expect(await own.get('/api/reports', { query: period })).toMatchObject({ signals: [], pnl: [] });
    const query = new URLSearchParams({ ...period, format: 'html' }).toString();
    const page = await api.ask('GET', `/api/reports?${query}`, { headers: approver });
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.text).toMatch(/^<!doctype html>/);
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(await own.get('/api/monitor')).toHaveProperty('report');
    expect(await own.get('/api/data')).toMatchObject({ symbols: [{ symbol: 'XAUUSD', bars: 60 }] });
    expect(await own.get('/api/data', { query: { market: 'live' } })).toMatchObject({ symbols: [] });
    expect(await own.get('/api/data/progress')).toEqual({ scan: null });
    expect(await own.get('/api/imports')).toEqual({ imports: [] });
    expect(await own.get('/api/searches')).toEqual({ searches: [] });
    const search = own.get('/api/searches/{search_id}', { path: { search_id: '../..' } });
    await expect(search).rejects.toMatchObject({ status: 404, code: 'NOT_FOUND' });
    const generators = await own.get('/api/automl-features/default-config');
    expect(await own.post('/api/automl-features/validate-config', { body: generators })).toMatchObject({ valid: true });
    const wrong = { ...generators, autofeat: { enabled: true, feateng_steps: 1 } };
    expect(await own.post('/api/automl-features/validate-config', { body: wrong })).toMatchObject({ valid: false });
    const generate = own.post('/api/automl-features/generate', { body: { symbol: 'XAUUSD_XAGUSD' } });
    await expect(generate).rejects.toMatchObject({ code: 'DATA_MISSING' });
  });

  it('list imports with their verdicts, and undo one for an approver alone', async () => {
    const { importRuns, bars } = api.store;
    const market = tinySettings().minutehand.market;
    const number = await importRuns.begin({ market, kind: 'import', source: '/a.csv', by: 'ann' });
    const time = Float64Array.of(60, 120);
    const columns = { symbol: 'EURUSD', length: 2, time, open: time, high: time, low: time, close: time, volume: time };
    await bars.put(market, { ...columns, spread: null }, number);
    const verdict = { verdict: 'SCALED', findings: [{ code: 'SCALED', by: 'leap', values: { factor: 10 } }] };
    const verdicts = JSON.stringify({ symbols: { EURUSD: verdict }, accepted: ['SCALED'] });
    await importRuns.finish(number, { added: 2, removed: 0, rejected: 1, verdicts });
    const other = market === 'live' ? 'simulated' : 'live';
    const foreign = await importRuns.begin({ market: other, kind: 'import', source: '/b.csv', by: 'ann' });
    const file = { symbol: 'EURUSD', file: '/a.csv', sha256: '1', layout: 'histdata', rows: 3, rejected: 1 };
    await api.store.imports.add(market, { ...file, timezone: 'EST' }, number);
    const ann = client(approver);
    const undo = '/api/imports/{import_number}/undo';
    const path = { import_number: number };
    expect(await ann.get('/api/imports')).toMatchObject({
      imports: [
        {
          import_number: number,
          market,
          added: 2,
          verdicts: { EURUSD: verdict },
          accepted: ['SCALED'],
          clocks: ['EST'],
        },
      ],
    });
    // Bars are imported into the live market while a simulated one runs.
    const numbersOf = async (wanted: MarketKind | 'all') =>
      (await ann.get('/api/imports', { query: { market: wanted } })).imports.map(({ import_number }) => import_number);
    expect(await numbersOf('all')).toEqual([foreign, number]);
    expect(await numbersOf(other)).toEqual([foreign]);
    const viewer = client(bearer(await api.token('operator', 'olga')));
    await expect(viewer.post(undo, { path })).rejects.toMatchObject({ status: 403 });
    expect(await ann.post(undo, { path, query: { dry_run: 'true' } })).toMatchObject({
      dry_run: true,
      models: [],
      later_files: [],
    });
    expect(await bars.last(market, 'EURUSD')).toBe(120);
    // No symbol of the configuration; a scan is at most five minutes old, but never from before an import or its undo.
    const barsOf = async () =>
      (await ann.get('/api/data', { query: { market } })).symbols.find(({ symbol }) => symbol === 'EURUSD')?.bars;
    expect(await barsOf()).toBe(2);
    expect(await ann.post(undo, { path })).toMatchObject({ removed: [{ symbol: 'EURUSD', bars: 2 }] });
    expect(await bars.last(market, 'EURUSD')).toBeNull();
    expect(await barsOf()).toBeUndefined();
    await expect(ann.post(undo, { path })).rejects.toMatchObject({ status: 409, code: 'IMPORT_UNDONE' });
    const { entries } = await ann.get('/api/audit', { query: { limit: 2 } });
    expect(entries.map(({ target }) => target)).toContain(`import ${number}`);
  });

  it('give the latest scores of a subject, and scores of a feature row by the active bundle', async () => {
    const own = client(approver);
    const subject = 'XAUUSD_XAGUSD';
    await expect(own.get('/api/ml/predict', { query: { subject } })).rejects.toMatchObject({ code: 'SCORES_UNKNOWN' });
    const body = bodyOf({ return_prob: 0.625, risk_score: 0.25, position_scale: 0.5 });
    const published = {
      market: 'simulated',
      generated_at_ms: Date.now() - 5000,
      pair_id: subject,
      boot_id: 'b',
      seq: 1,
    };
    const row = signalRow(encodeBody(body), { ...published, bar_time: 0, risk_prob: null, features_crc: null });
    const tables = await openSignalTables(api.store, tinySettings().signals);
    await tables.keepNewest(api.store.db, [row]);
    const latest = await own.get('/api/ml/predict', { query: { subject } });
    expect(latest).toMatchObject({
      subject,
      source: 'history',
      return_prob: 0.625,
      risk_score: 0.25,
      position_scale: 0.5,
    });
    expect(latest.age_seconds).toBeGreaterThanOrEqual(5);

    const { manifest } = (await own.get('/api/ml/models/current')) as unknown as { manifest: Manifest };
    const { feature_schema, features: names, version } = manifest;
    const { golden } = readManifest(join(api.paths.models, version));
    for (const [index, features] of golden.features.entries()) {
      const named = Object.fromEntries(names.map((name, at) => [name, features[at]!]));
      const scored = await own.post('/api/ml/predict', {
        body: { feature_schema, features: index % 2 === 0 ? features : named },
      });
      expect(scored).toMatchObject({ model_version: version, feature_schema });
      expect(scored.return_prob).toBeCloseTo(golden.ai1[index]!, 5);
      expect(scored.risk_prob).toBeCloseTo(golden.ai2[index]!, 5);
      expect(scored.position_scale).toBeCloseTo(golden.ai3[index]!, 5);
    }
    const [features] = golden.features;
    for (const wrong of [
      { feature_schema: '0123456789abcdef', features: features! },
      { feature_schema, features: features!.slice(1) },
      { feature_schema, features: [...features!, 1] },
      { feature_schema, features: { nonsense: 1 } },
      { feature_schema, features: { ...Object.fromEntries(names.map((name) => [name, null])), nonsense: 1 } },
    ])
      await expect(own.post('/api/ml/predict', { body: wrong })).rejects.toMatchObject({
        status: 422,
        code: 'FEATURES_REFUSED',
      });
  });

  it('queue, show and cancel backtests', async () => {
    const own = client(bearer(await api.token('operator')));
    const body = {
      models: [versions[1]!],
      from: '2024-01-02',
      to: '2024-01-04T12:30:00Z',
      theta1: 0.5,
      reason: 'before',
    };
    const first = await own.post('/api/backtests', { body });
    const request = {
      models: [versions[1]],
      from: '2024-01-02',
      to: '2024-01-04T12:30Z',
      pairs: null,
      theta1: 0.5,
      theta2: null,
    };
    expect(first).toMatchObject({ status: 'queued', requested_by: 'operator', reason: 'before', request });
    const second = await own.post('/api/backtests');
    const { requested } = await own.get('/api/backtests', { query: { limit: 10 } });
    expect(requested.map(({ backtest_id }) => backtest_id)).toEqual([second.backtest_id, first.backtest_id]);
    for (const { backtest_id } of [second, first]) {
      const path = { backtest_id };
      await own.post('/api/backtests/{backtest_id}/cancel', { path });
      await expect.poll(async () => (await own.get('/api/backtests/{backtest_id}', { path })).status).toBe('canceled');
    }
    const both = { before: first.backtest_id, after: second.backtest_id };
    await expect(own.get('/api/backtests/compare', { query: both })).rejects.toMatchObject({
      code: 'BACKTEST_UNKNOWN',
    });
    for (const [wrong, code] of [
      [{ models: ['20200101_0000'] }, 'MODEL_MISSING'],
      [{ models: ['../../etc'] }, 'REQUEST_INVALID'],
      [{ pairs: ['NOT_CONFIGURED'] }, 'PAIR_UNKNOWN'],
      [{ from: '2024-01-03', to: '2024-01-02' }, 'REQUEST_INVALID'],
      // No bar is there.
      [{ from: '2099-01-01' }, 'REQUEST_INVALID'],
      [{ to: '1999-01-01' }, 'REQUEST_INVALID'],
    ] as const)
      expect((await api.ask('POST', '/api/backtests', { headers: approver, body: wrong })).body.error?.code).toBe(code);
    const files = `/api/backtests/${first.backtest_id}/files`;
    writeFileSync(join(api.paths.home, 'backtests', String(first.backtest_id), 'trades.csv'), 'pair,net\n');
    const csv = await api.ask('GET', `${files}/trades.csv`, { headers: approver });
    expect([csv.status, csv.headers['content-type'], csv.text]).toEqual([200, 'text/csv; charset=utf-8', 'pair,net\n']);
    const tester = await api.ask('GET', `/api/backtests/${first.backtest_id}/tester-signals`, { headers: approver });
    expect([tester.status, tester.body.error?.code]).toEqual([422, 'DATA_FORMAT']);
    const columns =
      'model_version,published,pair_id,side,entry_signal,entry_time,entry_price_a,entry_price_b,exit_signal,' +
      'exit_time,exit_price_a,exit_price_b,reason,beta,position_scale';
    const entry = '2026-01-05T10:00:00Z';
    const exit = '2026-01-05T10:30:00Z';
    const trade = `one,0,AAA_BBB,-1,${entry},${entry},1,2,${exit},${exit},1.1,2.2,Z_EXIT,0.8,0.5`;
    const folder = join(api.paths.home, 'backtests', String(first.backtest_id));
    writeFileSync(join(folder, 'trades.csv'), `${columns}\n${trade}\n`);
    const path = `/api/backtests/${first.backtest_id}/tester-signals`;
    const all = await api.ask('GET', `${path}?view=all_pairs`, { headers: approver });
    expect([all.status, all.text.split('\n')[0]]).toEqual([
      200,
      'minutehand.tester/1,model=one,view=all_pairs,trades=1',
    ]);
    const edge = await api.ask('GET', path, { headers: approver });
    expect([edge.status, edge.body.error?.code]).toEqual([409, 'TESTER_EMPTY']);
    const absent = await api.ask('GET', `${files}/report.html`, { headers: approver });
    expect([absent.status, absent.body.error?.code]).toEqual([404, 'BACKTEST_UNKNOWN']);
  });

  it('acknowledge and silence alerts', async () => {
    const own = client(approver);
    const scope = { market: 'simulated', nowMs: Date.now() } as const;
    const notice = { key: 'disk:test', event: 'disk', subject: 'home', text: 'Full.' } as const;
    await api.store.transaction((tx) => notify(tx, scope, notice));
    const find = async () => (await own.get('/api/alerts')).alerts.find(({ key }) => key === notice.key)!;
    const opened = await find();
    expect(opened).toMatchObject({ state: 'open' });
    const path = { alert_id: opened.alert_id };
    expect(await own.post('/api/alerts/{alert_id}/ack', { path })).toEqual({ acknowledged: [notice.key] });
    expect(await find()).toMatchObject({ state: 'acknowledged', acked_by: 'ann' });
    expect(await own.post('/api/alerts/silence', { body: { pattern: 'disk*', minutes: 5 } })).toMatchObject({
      created_by: 'ann',
    });
  });
});

it('a body of which every field is optional may be left out', async () => {
  const resumed = await api.ask('POST', '/api/stops/resume', { headers: approver });
  expect([resumed.status, resumed.body]).toEqual([200, { stops: [] }]);
  const stopped = await api.ask('POST', '/api/ml-training/stop', { headers: approver });
  expect(stopped.body).toMatchObject({ error: { code: 'RETRAIN_IDLE' } });
});

describe('what a route does not read', () => {
  it('is refused: a parameter of another name, and a body where there is none', async () => {
    const headers = approver;
    const limit = await api.ask('GET', '/api/alerts?limitt=3', { headers });
    expect([limit.status, limit.body]).toMatchObject([400, { error: { code: 'QUERY_UNKNOWN' } }]);
    expect(JSON.stringify(limit.body)).toContain('did you mean \\"limit\\"');
    const none = await api.ask('GET', '/api/stops?limit=3', { headers });
    expect([none.status, none.body]).toMatchObject([400, { error: { code: 'QUERY_UNKNOWN' } }]);
    const cleanup = await api.ask('POST', '/api/ml/models/cleanup', { headers, body: { keep: 1 } });
    expect([cleanup.status, cleanup.body]).toMatchObject([400, { error: { code: 'REQUEST_INVALID' } }]);
    expect(JSON.stringify(cleanup.body)).toContain('keep');
    expect((await api.ask('POST', '/api/ml/models/cleanup', { headers, body: {} })).status).toBe(200);
  });
});

describe('a bundle of the simulated market', () => {
  it('is neither loaded nor a shadow nor a challenger where the market is live', async () => {
    const live = await openApiWorkplace({ minutehand: { market: 'live' } }, async ({ models }) => {
      cpSync(join(api.paths.models, versions[1]!), join(models, versions[1]!), { recursive: true });
    });
    try {
      const headers = bearer(await live.token('approver'));
      const load = await live.ask('POST', `/api/ml/models/${versions[1]!}/load`, { headers });
      const shadow = await live.ask('PUT', '/api/ml/shadow', { headers, body: { model_name: versions[1] } });
      const rollout = await live.ask('POST', '/api/ml/rollout', { headers, body: { model_name: versions[1] } });
      for (const { status, body } of [load, shadow, rollout])
        expect([status, body.error?.code]).toEqual([422, 'MODEL_SIMULATED']);
      expect(readActive(live.paths.models)).toBeNull();
    } finally {
      await live.close();
    }
  });
});

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: ValueSchema }[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: { readonly 'application/json'?: { readonly schema: ValueSchema } };
  };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
}

/**
 * Refused beyond the schema: unknown configuration keys, an end before its start, a time that is not a full minute, an
 * override without a reason.
 */
const BEYOND_SCHEMA = [
  // A period that ends before it begins; a request without its file.
  ...['POST /api/bars/delete', 'POST /api/bars/leave-out', 'POST /api/imports'],
  ...['GET /api/explain', 'PUT /api/ml/config', 'POST /api/ml/config/reset', 'POST /api/backtests'],
  'POST /api/strategies/start',
  'POST /api/strategies/judge',
  'POST /api/strategies/check',
  ...[
    'POST /api/ml/models/{model_name}/load',
    'POST /api/ml/direction-models/{model_name}/load',
    'POST /api/strategies/{version}/promote',
    'POST /api/ml/rollout',
  ],
];

/** The bodies that send nothing: no content type, an empty text as JSON, as a form, and of no declared type. */
const EMPTY_BODIES: readonly Ask[] = [
  {},
  { raw: '' },
  { raw: '', headers: { 'content-type': 'application/json; charset=utf-8' } },
  { raw: '', headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '0' } },
  { headers: { 'content-length': '0' } },
];

describe('every route', () => {
  it('treats a body that was not sent as one without fields', async () => {
    const { body: document } = await api.ask('GET', '/api/openapi.json', { headers: approver });
    const { paths, components } = document as unknown as Document;
    const optional: string[] = [];
    for (const [path, methods] of Object.entries(paths))
      for (const [method, { requestBody }] of Object.entries(methods)) {
        // A login needs one of two fields, which no JSON schema states.
        if (requestBody === undefined || path === '/api/session') continue;
        const name = `${method.toUpperCase()} ${path}`;
        const json = requestBody.content['application/json'];
        // A file: without one there is nothing to do.
        if (json === undefined) {
          expect(requestBody.required, name).toBe(true);
          continue;
        }
        const hasRequired = requiredOf(json.schema, components.schemas).length > 0;
        expect(requestBody.required, name).toBe(hasRequired);
        if (!hasRequired) optional.push(name);
        const url = path.replace(/\{\w+\}/g, '20990101_0000');
        const refusalOf = async (how: Ask): Promise<unknown> => {
          const headers = { ...approver, ...how.headers };
          const { status, body } = await api.ask(method.toUpperCase(), url, { ...how, headers });
          if (status === 202) await api.ask('POST', '/api/ml-training/stop', { headers: approver });
          if (status === 202) await expect.poll(isIdle, { timeout: 20_000 }).toBe(true);
          return [status, body.error?.code];
        };
        const ofNoFields = await refusalOf({ body: {} });
        if (!hasRequired) expect(ofNoFields, name).not.toEqual([400, 'REQUEST_INVALID']);
        for (const how of EMPTY_BODIES)
          expect(await refusalOf(how), `${name} ${JSON.stringify(how)}`).toEqual(ofNoFields);
      }
    expect(optional).toEqual(
      expect.arrayContaining([
        ...['POST /api/ml-training/train', 'POST /api/ml/train', 'POST /api/automl-features/validate-config'],
        ...['POST /api/backtests', 'POST /api/ml/models/{model_name}/load'],
      ]),
    );
    const stop = { headers: { ...approver, 'content-type': 'application/json' }, raw: '' };
    expect((await api.ask('POST', '/api/ml-training/stop', stop)).body.error?.code).toBe('RETRAIN_IDLE');
  });

  it(
    'answers valid, nearly valid and huge values, also concurrently, with its response or a declared code',
    { timeout: 240_000 },
    async () => {
      const { body: document } = await api.ask('GET', '/api/openapi.json', { headers: approver });
      const { paths, components } = document as unknown as Document;
      const named = components.schemas;
      const counts = { done: 0, invalid: 0 };
      for (const [path, methods] of Object.entries(paths))
        for (const [method, operation] of Object.entries(methods)) {
          if (path === '/api/events' || path === '/api/session') continue;
          const name = `${method.toUpperCase()} ${path}`;
          const requests = requestsOf(operation, named);
          const answers = await Promise.all(
            requests.map((one) => api.ask(method.toUpperCase(), urlOf(path, one), { headers: approver, ...one.how })),
          );
          for (const [index, answer] of answers.entries()) {
            const { kind } = requests[index]!;
            expectDeclared(answer, name);
            if (answer.status < 300) counts.done += 1;
            if (answer.body.error?.code !== 'REQUEST_INVALID') continue;
            counts.invalid += 1;
            if (!BEYOND_SCHEMA.includes(name)) expect(kind, `${name}: ${answer.text.slice(0, 300)}`).not.toBe('valid');
          }
        }
      expect(counts.done).toBeGreaterThan(40);
      expect(counts.invalid).toBeGreaterThan(40);
      await api.ask('POST', '/api/ml-training/stop', { headers: approver });
      expect((await api.ask('GET', '/api/ml/status', { headers: approver })).status).toBe(200);
    },
  );

  it('serves the documentation at /docs without a login: a list, pages, pictures, and nothing else', async () => {
    const index = await api.ask('GET', '/docs', {});
    expect([index.status, index.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = String(index.headers['content-security-policy']);
    const style = /<style>([^]*?)<\/style>/.exec(index.text)![1]!;
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    const page = await api.ask('GET', '/docs/reference/ERRORS.md', {});
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('<td><code>MODEL_GATES</code></td>')]);
    expect(page.text).not.toMatch(/<script|\son\w+=|javascript:| style="/i);
    expect((await api.ask('GET', '/docs/examples/dashboard.png', {})).headers['content-type']).toBe('image/png');
    for (const url of ['/docs/gone.md', '/docs/..%2f..%2fpackage.json', '/docs/%2e%2e/package.json'])
      expect((await api.ask('GET', url, {})).status, url).toBe(404);
  });

  it('is described at /api/docs with its role and the codes of its errors, on a page without script', async () => {
    const { body: document } = await api.ask('GET', '/api/openapi.json', { headers: approver });
    const { paths } = document as unknown as Document;
    const { status, headers, text } = await api.ask('GET', '/api/docs', { headers: approver });
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = String(headers['content-security-policy']);
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[\w+/]+=*'; base-uri 'none'/);
    const style = /<style>([^]*?)<\/style>/.exec(text)![1]!;
    expect(policy).toContain(createHash('sha256').update(style).digest('base64'));
    expect(text).not.toMatch(/<script|\son\w+=|javascript:| style="/i);
    for (const [path, methods] of Object.entries(paths))
      for (const method of Object.keys(methods)) {
        const name = `${method.toUpperCase()} ${path}`;
        const section = text.slice(text.indexOf(`>${name}</h3>`)).split('<h3')[0]!;
        expect(text, name).toContain(`>${name}</h3>`);
        expect(section, name).toMatch(/Role: (viewer|operator|approver|public)\./);
        for (const code of errorsOf(name)) expect(section, name).toContain(`${code} (${ERRORS[code].status})`);
      }
  });
});

async function isIdle(): Promise<boolean> {
  const { body } = await api.ask('GET', '/api/ml-training/training/status', { headers: approver });
  return body['is_training'] === false;
}

interface ObjectSchema {
  readonly $ref?: string;
  readonly anyOf?: readonly ObjectSchema[];
  readonly required?: readonly string[];
}

/** The fields without which no variant of a body is valid. */
function requiredOf(schema: ValueSchema, named: Schemas): readonly string[] {
  const { $ref, anyOf, required = [] } = schema as ObjectSchema;
  if ($ref !== undefined) return requiredOf(named[$ref.split('/').at(-1)!]!, named);
  const variants = anyOf?.map((one) => requiredOf(one as ValueSchema, named));
  return variants?.find((fields) => fields.length === 0) ?? variants?.[0] ?? required;
}

interface Drawn {
  readonly kind: 'valid' | 'near' | 'huge';
  readonly parts: Readonly<Record<'path' | 'query', Readonly<Record<string, unknown>>>>;
  readonly how: { readonly body?: unknown };
}

function requestsOf({ parameters = [], requestBody }: Operation, named: Schemas): Drawn[] {
  const body = requestBody?.content['application/json']?.schema;
  const ofPlace = (place: string): ValueSchema => {
    const own = parameters.filter((one) => one.in === place);
    const required = own.filter((one) => place === 'path' || (one as { required?: boolean }).required === true);
    return {
      type: 'object',
      properties: Object.fromEntries(own.map(({ name, schema }) => [name, schema])),
      required: required.map(({ name }) => name),
    };
  };
  const parts = fc.record({ path: validValues(ofPlace('path'), named), query: validValues(ofPlace('query'), named) });
  const near = fc.record({
    path: nearlyValid(validValues(ofPlace('path'), named)),
    query: nearlyValid(validValues(ofPlace('query'), named)),
  });
  const draw = (
    kind: Drawn['kind'],
    of: fc.Arbitrary<unknown>,
    values: fc.Arbitrary<unknown> | null,
    count: number,
  ): Drawn[] =>
    fc.sample(fc.tuple(of, values ?? fc.constant(undefined)), { numRuns: count, seed: 19 }).map(([drawn, value]) => ({
      kind,
      parts: drawn as Drawn['parts'],
      how: value === undefined ? {} : { body: value },
    }));
  const valid = body === undefined ? null : validValues(body, named);
  return [
    ...draw('valid', parts, valid, 2),
    ...draw('near', near, valid, 2),
    ...(valid === null ? [] : [...draw('near', parts, nearlyValid(valid), 3), ...draw('huge', parts, hugeValues, 1)]),
  ];
}

function urlOf(path: string, { parts }: Drawn): string {
  const textOf = (value: unknown): string =>
    encodeURIComponent(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  const own = (typeof parts.path === 'object' && parts.path !== null ? parts.path : {}) as Record<string, unknown>;
  const filled = path.replace(/\{(\w+)\}/g, (_all, name: string) => textOf(own[name] ?? 'x'));
  const query = Object.entries(parts.query ?? {}).map(([name, value]) => `${textOf(name)}=${textOf(value)}`);
  return query.length === 0 ? filled : `${filled}?${query.join('&')}`;
}

/** Also returned by the router, when a value changes the path. */
const OF_ROUTER = ['NOT_FOUND', 'METHOD_NOT_ALLOWED'];

const ownErrors = (name: string): readonly ErrorCode[] | null => ROUTES[name as keyof typeof ROUTES].config.errors;
const errorsOf = (name: string): readonly ErrorCode[] => [...COMMON_ERRORS, ...(ownErrors(name) ?? [])];

function expectDeclared({ status, body, text }: Answer, name: string): void {
  if (status < 300) return;
  expect(status, `${name}: ${text.slice(0, 300)}`).toBeLessThan(500);
  const code = body.error!.code as ErrorCode;
  expect(ERRORS[code]?.status, `${name}: ${text.slice(0, 300)}`).toBe(status);
  if (ownErrors(name) !== null) expect([...errorsOf(name), ...OF_ROUTER], name).toContain(code);
}
