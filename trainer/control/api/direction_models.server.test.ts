import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createClient } from '../../../dashboard/src/client.ts';
import { directionFolder, readActiveDirection } from '../../../shared/bundle/direction/active_direction.ts';
import { encodeInstrumentBody } from '../../../shared/signal/instrument_signal.ts';
import { instrumentBodyOf } from '../../../shared/signal/signal.fixture.ts';
import { writeTinyDirection } from '../../../test/tiny_direction.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { signalRow } from '../history/signal_row.ts';
import { openSignalTables } from '../history/signal_tables.ts';
import { textOf } from './routes/signals.ts';
import { registryOf } from '../registry/registry.ts';
import { verdict } from '../../../test/passed_gates.ts';
import { EXPECTED_OF_WRITTEN_RULE, gateKey } from '../../../shared/bundle/gates/gate_codes.ts';
import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import { ruleFolder } from '../../../shared/bundle/rule/active_rule.ts';
import { entryForms, formKey, strategyIdentity } from '../../../shared/bundle/rule/rule_identity.ts';
import { SearchedRules } from '../../../shared/bundle/rule/searched_rules.ts';
import { readStrategyText, type StrategyRead } from '../../../shared/policy/strategy_file.ts';
import { writeRuleBundle } from '../../../shared/bundle/rule/rule_bundle.ts';
import { tinyRule } from '../../../test/tiny_rule.ts';
import { bearer, openApiWorkplace, type ApiWorkplace } from './api.fixture.ts';

const SUBJECT = 'BTCUSDT@1h';
let api: ApiWorkplace;
let own: ReturnType<typeof createClient>;
/** Oldest first; the last one's files are damaged. */
let versions: string[];

beforeAll(async () => {
  api = await openApiWorkplace({ minutehand: { instruments: [SUBJECT] } }, ({ models }) => {
    const at = (hour: number): Date => new Date(Date.UTC(2026, 0, 1, hour));
    versions = [1, 2, 3].map((hour) => writeTinyDirection(models, 'BTCUSDT', '1h', at(hour)));
    const model = join(directionFolder(models), versions[2]!, 'direction.onnx');
    writeFileSync(model, readFileSync(model).subarray(1));
    return Promise.resolve();
  });
  const headers = bearer(await api.token('approver', 'ann'));
  own = createClient({ origin: api.origin, headers: () => headers });
});
afterAll(() => api.close());

const load = (model_name: string) => own.post('/api/ml/direction-models/{model_name}/load', { path: { model_name } });

const RULE = `name: mine
description: A test.
subject: instrument
entry_long: rsi(14) < oversold
max_age: 3
`;

const documentOf = (text: string) =>
  (readStrategyText('text', text, tinySettings().minutehand.windows) as StrategyRead).document;

describe('rules in the API', () => {
  const promote = (version: string) => own.post('/api/strategies/{version}/promote', { path: { version } });

  it('are checked as text, each problem at its line and column, or told as a sentence', async () => {
    const wrong = await own.post('/api/strategies/check', { body: { text: RULE } });
    expect(wrong).toMatchObject({
      valid: false,
      sentence: null,
      problems: [{ key: 'entry_long', line: 4, column: 1 }],
    });
    const good = await own.post('/api/strategies/check', { body: { text: RULE.replace('oversold', '30') } });
    expect(good).toMatchObject({ valid: true, problems: [] });
    expect(good.sentence!.en).toContain('rsi(close, 14) < 30');
    const request = { instrument: SUBJECT, text: RULE };
    await expect(own.post('/api/strategies/judge', { body: request })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });

  it('are told to be those that a search has tried, as text and as a bundle', async () => {
    const text = RULE.replace('oversold', '31');
    const check = () => own.post('/api/strategies/check', { body: { text } });
    expect(await check()).toMatchObject({ trials: 1, searched: null });
    const earlier = RULE.replace('oversold', '25');
    const { strategy } = readStrategyText('text', earlier, tinySettings().minutehand.windows) as StrategyRead;
    const forms = entryForms(strategy).map((form) => formKey('instrument', form));
    const searched = new SearchedRules(api.paths.models, 'a'.repeat(64), [], new Date(0));
    searched.add({ identity: strategyIdentity(strategy), forms });
    searched.keep(700);
    expect(await check()).toMatchObject({ trials: 701, searched: { match: 'near', trials: 700, searches: 1 } });
    // Judged elsewhere, as written by a person.
    const { gates } = tinyRule(SUBJECT).manifest;
    const content = tinyRule(SUBJECT, {
      market: tinySettings().minutehand.market,
      strategy: documentOf(text),
      origin: 'written',
      gates: gates.filter((gate) => EXPECTED_OF_WRITTEN_RULE.some((identity) => gateKey(identity) === keyOf(gate))),
    });
    const version = writeRuleBundle(ruleFolder(api.paths.models), new Date(1000), content).split('/').at(-1)!;
    await expect(promote(version)).rejects.toMatchObject({ code: 'MODEL_GATES' });
    const { rules } = await own.get('/api/strategies');
    expect(rules.find((rule) => rule.version === version)).toMatchObject({
      origin: 'written',
      missing_gates: ['rule_overfitting', 'rule_walk_forward'],
    });
    rmSync(join(ruleFolder(api.paths.models), version), { recursive: true });
    rmSync(join(api.paths.models, 'searched'), { recursive: true });
  });

  it('are listed, shown, promoted behind the lock of all models, and end being served', async () => {
    const folder = ruleFolder(api.paths.models);
    const written = (changes: Parameters<typeof tinyRule>[1]) =>
      writeRuleBundle(folder, new Date(0), tinyRule(SUBJECT, { market: tinySettings().minutehand.market, ...changes }))
        .split('/')
        .at(-1)!;
    const good = written({});
    const failed = verdict({ code: 'rule_spa', role: null, passed: false });
    const bad = written({ gates: [failed] });
    await expect(promote(bad)).rejects.toMatchObject({ code: 'MODEL_GATES' });
    expect(await promote(good)).toEqual({ instrument: SUBJECT, version: good, previous: null });
    const { rules, spaces, instruments } = await own.get('/api/strategies');
    expect(rules.map(({ version, served }) => [version, served]).sort()).toEqual(
      [
        [good, true],
        [bad, false],
      ].sort(),
    );
    expect([spaces.includes('hourly'), instruments]).toEqual([true, [SUBJECT]]);
    const detail = await own.get('/api/strategies/{version}', { path: { version: good } });
    expect(detail).toMatchObject({ served: true, manifest: { instrument: SUBJECT }, report: { made: 'by a test' } });
    expect(detail).toMatchObject({ periods: null, trades: [], front: [], lineage: [] });
    const ended = { instrument: SUBJECT, version: null, previous: null };
    const end = () => own.post('/api/strategies/end', { body: { instrument: 'btc/usdt@1h' } });
    expect(await end()).toEqual(ended);
    await expect(end()).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    const operator = bearer(await api.token('operator'));
    const refused = await api.ask('POST', `/api/strategies/${good}/promote`, { headers: operator });
    expect(refused.body.error?.code).toBe('ROLE_REFUSED');
  });

  it('are in shadow beside whatever is served, one of each instrument, whatever their verdicts', async () => {
    const failed = verdict({ code: 'rule_spa', role: null, passed: false });
    const market = tinySettings().minutehand.market;
    const content = tinyRule(SUBJECT, { market, gates: [failed], seed: 'shadow' });
    const version = writeRuleBundle(ruleFolder(api.paths.models), new Date(5000), content).split('/').at(-1)!;
    const begin = (named: string) => own.post('/api/strategies/{version}/shadow', { path: { version: named } });
    const compare = () => own.get('/api/strategies/shadow', { query: { instrument: 'btc/usdt@1h' } });
    const end = () => own.post('/api/strategies/end-shadow', { body: { instrument: SUBJECT, reason: 'a test' } });
    await expect(compare()).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    await expect(end()).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    expect(await begin(version)).toEqual({ instrument: SUBJECT, version });
    const marked = async (): Promise<string[]> =>
      (await own.get('/api/strategies')).rules.flatMap((rule) => (rule.shadow ? [rule.version] : []));
    expect(await marked()).toEqual([version]);
    expect(await own.get('/api/strategies/{version}', { path: { version } })).toMatchObject({ shadow: true });
    const nothing = { entries: 0, trades: 0, net_bps: null };
    expect(await compare()).toEqual({
      instrument: SUBJECT,
      version,
      bars: 0,
      from: null,
      to: null,
      equal: 0,
      publishers: [],
      published: nothing,
      shadow: nothing,
    });
    expect(await end()).toEqual({ instrument: SUBJECT, version: null });
    expect(await marked()).toEqual([]);
    const operator = bearer(await api.token('operator'));
    const refused = await api.ask('POST', `/api/strategies/${version}/shadow`, { headers: operator });
    expect(refused.body.error?.code).toBe('ROLE_REFUSED');
  });

  it('are searched by a run that its status shows and that is stopped, in a known space only', async () => {
    expect(await own.get('/api/strategies/status')).toEqual({ run: null, searches: [], ended: [] });
    await expect(own.post('/api/strategies/stop')).rejects.toMatchObject({ code: 'RETRAIN_IDLE' });
    const start = (space: string) => own.post('/api/strategies/start', { body: { instrument: 'btc/usdt@1h', space } });
    await expect(start('nowhere')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    const { run_id } = await start('hourly');
    expect(await own.get('/api/strategies/status')).toMatchObject({
      run: { run_id, kind: 'evolve', parameters: { rule_job: { subject: SUBJECT, output: { candidate: true } } } },
      searches: [],
    });
    await expect(start('hourly')).rejects.toMatchObject({ code: 'RETRAIN_RUNNING' });
    expect(await own.post('/api/strategies/stop')).toMatchObject({ run_id });
    await vi.waitFor(async () => {
      const { ended } = await own.get('/api/strategies/status');
      expect(ended.map((run) => [run.run_id, run.status])).toEqual([[run_id, 'stopped']]);
    }, 20_000);
  });
});

describe('a shadow of direction models in the API', () => {
  it('is one of its timeframe, kept from removal, and ends; a damaged bundle is refused', async () => {
    const put = (model_name: string | null, timeframe?: '1h' | '4h') =>
      own.put('/api/ml/shadow', { body: { model_name, ...(timeframe && { timeframe }) } });
    const marks = async (): Promise<unknown[]> =>
      (await own.get('/api/ml/direction-models')).models.map(({ is_shadow }) => is_shadow);
    const none = { version: null, previous: null, shadow: null, timeframe: '1h' };
    expect(await put(versions[1]!)).toEqual({ ...none, shadow: versions[1] });
    expect(await marks()).toEqual([false, true, false]);
    await registryOf(api.store, api.paths, 'direction').register(versions[1]!);
    const { models } = await own.get('/api/ml/models');
    expect(models.filter(({ is_shadow }) => is_shadow).map(({ model_id }) => model_id)).toEqual([versions[1]]);
    await expect(own.delete('/api/ml/models/{model_id}', { path: { model_id: versions[1]! } })).rejects.toMatchObject({
      code: 'MODEL_IN_USE',
    });
    await expect(put(versions[0]!, '4h')).rejects.toMatchObject({ code: 'MODEL_TIMEFRAME' });
    await expect(put(versions[2]!, '1h')).rejects.toMatchObject({ code: 'MODEL_HASH' });
    // The pairs have none to end.
    expect(await put(null)).toEqual({ ...none, timeframe: null });
    expect(await marks()).toEqual([false, true, false]);
    expect(await put(null, '1h')).toEqual(none);
    expect(await marks()).toEqual([false, false, false]);
    const [entry] = (await own.get('/api/audit', { query: { limit: 1 } })).entries;
    expect(entry).toMatchObject({ target: 'direction 1h', before: { shadow: versions[1] }, after: { shadow: null } });
  });
});

describe('instruments in the API', () => {
  it('list, show, verify, promote and roll back their bundles, and refuse a damaged one', async () => {
    const listed = async () => (await own.get('/api/ml/direction-models')).models;
    expect((await listed()).map(({ model_id, error, is_active }) => [model_id, error, is_active])).toEqual([
      [versions[2], 'MODEL_HASH', false],
      [versions[1], null, false],
      [versions[0], null, false],
    ]);
    const path = { model_name: versions[0]! };
    const detail = await own.get('/api/ml/direction-models/{model_name}', { path });
    expect(detail).toMatchObject({ version: versions[0], is_signed: false, manifest: { instruments: ['BTCUSDT'] } });
    expect(detail.card).toContain(versions[0]);
    expect(detail.manifest).not.toHaveProperty('golden');
    const verified = await own.post('/api/ml/direction-models/{model_name}/verify', { path });
    expect(verified.rows).toBeGreaterThan(10);
    expect(verified.largest_difference).toBeLessThan(1e-5);
    expect([verified.engine, verified.note]).toEqual(['wasm-simd', expect.stringContaining('onnxruntime on')]);
    expect(readActiveDirection(api.paths.models, '1h')).toBeNull();

    const none = { timeframe: '1h', version: null, previous: null, shadow: null };
    expect(await load(versions[0]!)).toEqual({ ...none, version: versions[0] });
    expect(await load(versions[1]!)).toEqual({ ...none, version: versions[1], previous: versions[0] });
    await expect(load(versions[2]!)).rejects.toMatchObject({ code: 'MODEL_HASH' });
    await expect(load('20200101_0000')).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    const biased = writeTinyDirection(api.paths.models, 'BTCUSDT', '1h', new Date(0));
    const folder = join(directionFolder(api.paths.models), biased);
    const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')) as object;
    writeFileSync(
      join(folder, 'manifest.json'),
      JSON.stringify({ ...manifest, gates: [{ name: 'direction bias', passed: false, seen: '0.9', limit: 'to 0.6' }] }),
    );
    await expect(load(biased)).rejects.toMatchObject({ code: 'MODEL_GATES' });
    rmSync(folder, { recursive: true });
    const [entry] = (await own.get('/api/audit', { query: { limit: 5 } })).entries.filter(
      ({ after }) => after !== null,
    );
    expect(entry).toMatchObject({ target: `direction ${versions[1]}`, after: { version: versions[1] } });
    expect((await listed()).map(({ is_active, is_previous }) => [is_active, is_previous])).toEqual([
      [false, false],
      [true, false],
      [false, true],
    ]);
    // Beside the models of pairs, by their own routes: list, load, refusal of the registry's verdict.
    const byName = (model_name: string) => own.post('/api/ml/models/{model_name}/load', { path: { model_name } });
    expect(await byName(versions[0]!)).toEqual({
      timeframe: '1h',
      version: versions[0],
      previous: versions[1],
      shadow: null,
    });
    const { models } = await own.get('/api/ml/models');
    const ofDirection = models.filter(({ strategy }) => strategy === 'direction');
    expect(ofDirection.map((one) => [one.model_id, one.timeframe, one.status, one.is_active, one.is_previous])).toEqual(
      [
        [versions[1], '1h', 'archived', false, true],
        [versions[0], '1h', 'active', true, false],
      ],
    );
    expect(ofDirection[1]!.models).toMatchObject([{ model_type: 'DIRECTION', theta1: null, notes: null }]);
    await expect(own.get('/api/ml/models/{model_name}', { path })).rejects.toMatchObject({ code: 'MODEL_MISSING' });
    await expect(own.delete('/api/ml/models/{model_id}', { path: { model_id: versions[0]! } })).rejects.toMatchObject({
      code: 'MODEL_IN_USE',
    });
    const refusedBefore = writeTinyDirection(api.paths.models, 'BTCUSDT', '1h', new Date(3_600_000));
    await registryOf(api.store, api.paths, 'direction').reject(refusedBefore, [
      verdict({ code: 'bias', passed: false }),
    ]);
    await expect(byName(refusedBefore)).rejects.toMatchObject({ code: 'MODEL_GATES' });
    expect((await own.delete('/api/ml/models/{model_id}', { path: { model_id: refusedBefore } })).removed).toEqual([
      refusedBefore,
    ]);
    const operator = bearer(await api.token('operator'));
    const refused = await api.ask('POST', `/api/ml/direction-models/${versions[0]!}/load`, { headers: operator });
    expect(refused.body.error?.code).toBe('ROLE_REFUSED');
  });

  it('are in status, health and the current models, without models of pairs too', async () => {
    const expected = [{ timeframe: '1h', version: versions[0], previous: versions[1], shadow: null }];
    const { active_version, direction_models } = await own.get('/api/ml/status');
    expect([active_version, direction_models]).toEqual([null, expected]);
    const { version, manifest, direction_models: current } = await own.get('/api/ml/models/current');
    expect([version, manifest, current]).toEqual([null, null, expected]);
    const health = await fetch(`${api.origin}/healthz`).then((answer) => answer.json());
    expect(health).toMatchObject({ active_version: null, direction_models: expected });
  });

  it('are subjects with the thresholds of their active bundle', async () => {
    const { subjects } = await own.get('/api/subjects');
    expect(subjects.at(-1)).toMatchObject({
      subject: SUBJECT,
      kind: 'instrument',
      label: 'BTC/USDT 1h',
      symbols: ['BTCUSDT'],
      timeframe: '1h',
      z_entry: null,
      theta_up: 0.34,
      model_version: versions[0],
      no_edge: false,
    });
    expect(subjects[0]).toMatchObject({ kind: 'pair', theta_up: null });
  });

  it('have signals with their probabilities in the history and in the latest scores', async () => {
    const body = instrumentBodyOf({ pair_id: SUBJECT, ml_up_prob: 0.5, ml_down_prob: 0.25, ml_range_prob: 0.25 });
    const published = {
      market: 'simulated',
      generated_at_ms: Date.now() - 5000,
      pair_id: SUBJECT,
      boot_id: 'b',
      seq: 1,
    };
    const row = signalRow(encodeInstrumentBody(body), {
      ...published,
      bar_time: 0,
      risk_prob: null,
      features_crc: null,
    });
    const tables = await openSignalTables(api.store, tinySettings().signals);
    await tables.keepNewest(api.store.db, [row]);
    await tables.add(api.store.db, [row]);
    const shown = { pair_id: SUBJECT, ml_up_prob: 0.5, ml_down_prob: 0.25, ml_range_prob: 0.25, price: body.price };
    const { latest, history } = await own.get('/api/signals', { query: { subject: SUBJECT } });
    expect([latest, history]).toMatchObject([[shown], [shown]]);
    const headers = bearer(await api.token('viewer'));
    const { text } = await api.ask('GET', `/api/signals?subject=${SUBJECT}`, { headers });
    expect(text).toContain(`"history":[${await textOf([row])}]`);
    const scores = await own.get('/api/ml/predict', { query: { subject: SUBJECT } });
    expect(scores).toMatchObject({ ml_up_prob: 0.5, ml_down_prob: 0.25, ml_range_prob: 0.25, return_prob: null });
  });
});
