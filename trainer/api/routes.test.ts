import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../dashboard/api/client.ts';
import { activate, readActive } from '../../shared/bundle/bundle.ts';
import { ERRORS, type ErrorCode } from '../../shared/errors.ts';
import { trainTinyModels } from '../../test/tiny_models.ts';
import { createRegistry } from '../registry/registry.ts';
import { notify } from '../notify/outbox.ts';
import { bearer, openApiWorkplace, type Answer, type ApiWorkplace } from './api.fixture.ts';

let api: ApiWorkplace;
let approver: { readonly authorization: string };
/** Oldest first; the second is active. */
const versions: string[] = [];

beforeAll(async () => {
  api = await openApiWorkplace({}, async ({ models }) => {
    versions.push((await trainTinyModels(models)).version);
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

/** The same models as a bundle of their own. */
function copyUnder(models: string, version: string, name: string): string {
  cpSync(join(models, version), join(models, name), { recursive: true });
  const manifest = join(models, name, 'manifest.json');
  writeFileSync(manifest, JSON.stringify({ ...(JSON.parse(readFileSync(manifest, 'utf8')) as object), version: name }));
  return name;
}

const client = (headers: Record<string, string>) => createClient({ origin: api.origin, headers: () => headers });

describe('the endpoints of the specification, by the generated client', () => {
  it('list, load, and remove models; the active one, its predecessor and the shadow stay', async () => {
    const own = client(approver);
    const { models } = await own.get('/api/ml/models');
    expect(models.map(({ model_id }) => model_id)).toEqual([...versions].reverse());
    expect(models.filter(({ is_active }) => is_active).map(({ model_id }) => model_id)).toEqual([versions[1]]);
    expect(models[0]!.models.map(({ model_type }) => model_type)).toEqual(['AI1', 'AI2', 'AI3']);

    const loaded = await own.post('/api/ml/models/{model_name}/load', { path: { model_name: versions[2]! } });
    expect(loaded).toEqual({ version: versions[2], previous: versions[1], shadow: null });
    expect(readActive(api.paths.models)).toEqual({ version: versions[2], previous: versions[1] });
    const current = await own.get('/api/ml/models/current');
    expect(current).toMatchObject({ version: versions[2], previous: versions[1], is_signed: false });
    expect(current.card).toContain(versions[2]);

    await own.put('/api/ml/shadow', { body: { model_name: versions[3]! } });
    for (const version of versions.slice(1)) {
      const remove = own.delete('/api/ml/models/{model_id}', { path: { model_id: version } });
      await expect(remove, version).rejects.toMatchObject({ status: 409, code: 'MODEL_IN_USE' });
    }
    const first = { path: { model_id: versions[0]! } };
    expect(await own.delete('/api/ml/models/{model_id}', first)).toEqual({ removed: [versions[0]] });
    expect(existsSync(`${api.paths.models}/${versions[0]}`)).toBe(false);
    await expect(own.delete('/api/ml/models/{model_id}', first)).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    await expect(
      own.post('/api/ml/models/{model_name}/load', { path: { model_name: versions[0]! } }),
    ).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    expect(await own.put('/api/ml/shadow', { body: { model_name: null } })).toMatchObject({ shadow: null });
    expect(await own.post('/api/ml/models/cleanup')).toEqual({ removed: [] });
  });

  it('start, show and stop a training, and refuse what it cannot honor', async () => {
    const own = client(bearer(await api.token('operator')));
    expect(await own.get('/api/ml-training/training/status')).toMatchObject({ is_training: false, status: 'idle' });
    await expect(own.post('/api/ml-training/stop')).rejects.toMatchObject({ status: 409, code: 'RETRAIN_IDLE' });
    for (const body of [
      { symbol: 'XAUUSD' },
      { timeframe: '1h' },
      { n_estimators: 500 },
      { cross_validation_folds: 17 },
      { ensemble_config: { enabled: true } },
      { automl_config: { tsfresh: { enabled: true } } },
      { optimization_settings: { enabled: true, parameter_space: { max_depth: { type: 'integer' } } } },
      { kind: 'incremental', random_state: 3 },
    ]) {
      const { status, body: answer } = await api.ask('POST', '/api/ml-training/train', { headers: approver, body });
      expect([status, answer.error?.code], JSON.stringify(body)).toEqual([422, 'SETTING_UNSUPPORTED']);
    }
    const run = await own.post('/api/ml-training/train', {
      body: {
        random_state: 3,
        start_date: '2024-01-02',
        end_date: '2024-01-05T12:00:00Z',
        single_model_config: { model_type: 'random_forest' },
        optimization_settings: { enabled: true, n_calls: 12 },
        reason: 'a test',
      },
    });
    expect(run).toMatchObject({
      status: 'running',
      trigger: 'api --seed 3 --trials 12 --engine random_forest --from 2024-01-02 --to 2024-01-05T12:00Z',
    });
    expect(await own.get('/api/ml-training/training/status')).toMatchObject({ is_training: true });
    await expect(own.post('/api/ml/train')).rejects.toMatchObject({ status: 409, code: 'RETRAIN_RUNNING' });
    await expect(own.post('/api/automl-features/clear-cache')).rejects.toMatchObject({ code: 'RETRAIN_RUNNING' });
    expect(await own.post('/api/ml-training/stop')).toMatchObject({ run_id: run.run_id });
    await expect
      .poll(async () => (await own.get('/api/ml-training/training/status')).status, { timeout: 20_000 })
      .toBe('stopped');
    expect(await own.post('/api/automl-features/clear-cache')).toMatchObject({ success: true });
  });

  it('show the configuration and propose changes, which another person approves', async () => {
    const [ann, bob] = [client(approver), client(bearer(await api.token('approver', 'bob')))];
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
    expect(applied).toMatchObject({ branch: expect.stringContaining('minutehand/change-') as string, failure: null });
    for (const [changes, code] of [
      [{ 'core.theta1_initial': 7 }, 'CONFIG_INVALID'],
      [{ 'core.theta9': 0.5 }, 'CONFIG_UNKNOWN_KEY'],
      [{ 'minutehand.__proto__.x': 1 }, 'REQUEST_INVALID'],
      [{}, 'REQUEST_INVALID'],
    ] as const)
      await expect(ann.put('/api/ml/config', { body: { changes, reason: 'wrong' } })).rejects.toMatchObject({ code });
  });

  it('show status, policy, records and features', async () => {
    const own = client(approver);
    expect(await own.get('/api/ml/status')).toMatchObject({ status: 'idle', market: 'simulated', is_ready: false });
    const { entries } = await own.get('/api/policy');
    expect(entries.find(({ key }) => key === 'core.theta1_initial')).toMatchObject({
      label_ja: 'エントリー閾値θ1の初期値',
      value: 0.4,
    });
    expect(entries.filter(({ description }) => description === '').map(({ key }) => key)).toEqual([]);
    expect((await own.get('/api/subjects')).subjects[0]).toMatchObject({ subject: 'XAUUSD_XAGUSD', kind: 'pair' });
    expect((await own.get('/api/backtests')).backtests).toHaveLength(3);
    const period = { from: '2024-01-01T00:00:00Z', to: '2024-02-01T00:00:00Z' };
    expect(await own.get('/api/reports', { query: period })).toMatchObject({ signals: [], pnl: [] });
    expect(await own.get('/api/monitor')).toHaveProperty('report');
    const generators = await own.get('/api/automl-features/default-config');
    expect(await own.post('/api/automl-features/validate-config', { body: generators })).toMatchObject({ valid: true });
    const wrong = { ...generators, autofeat: { enabled: true } };
    expect(await own.post('/api/automl-features/validate-config', { body: wrong })).toMatchObject({ valid: false });
    const generate = own.post('/api/automl-features/generate', { body: { symbol: 'XAUUSD_XAGUSD' } });
    await expect(generate).rejects.toMatchObject({ code: 'DATA_MISSING' });
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

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

describe('every route', () => {
  it('answers whatever is sent, also several at once, with its own answer or a coded refusal', async () => {
    const { body } = await api.ask('GET', '/api/openapi.json', { headers: approver });
    const routes = Object.entries((body as unknown as Document).paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
    const values = fc.sample(fc.jsonValue({ maxDepth: 3 }), { numRuns: 3, seed: 19 });
    const segments = fc.sample(fc.string({ minLength: 1, maxLength: 300, unit: 'binary' }), { numRuns: 3, seed: 19 });
    for (const { method, path } of routes) {
      if (path === '/api/events' || path === '/api/session') continue;
      const answers = await Promise.all(
        values.map((value, index) => {
          const filled = path.replace(/\{\w+\}/g, () => encodeURIComponent(segments[index]!));
          const query = `?limit=${encodeURIComponent(JSON.stringify(value))}&from=${index}&subject=${'x'.repeat(50 * index)}`;
          return api.ask(method, `${filled}${query}`, {
            headers: approver,
            ...(method === 'GET' ? {} : { body: value }),
          });
        }),
      );
      for (const answer of answers) expectCoded(answer, `${method} ${path}`);
    }
    await api.ask('POST', '/api/ml-training/stop', { headers: approver });
    expect((await api.ask('GET', '/api/ml/status', { headers: approver })).status).toBe(200);
  });
});

function expectCoded({ status, body, text }: Answer, name: string): void {
  if (status < 300) return;
  expect(status, `${name}: ${text.slice(0, 300)}`).toBeLessThan(500);
  const code = body.error!.code as ErrorCode;
  expect(ERRORS[code]?.status, `${name}: ${text.slice(0, 300)}`).toBe(status);
}
