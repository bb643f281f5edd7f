import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import { columnsOf } from '../../../shared/bar_file/bar_file.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { createRng } from '../../../shared/rng.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { directionJobSchema } from '../../jobs/kinds/direction_job.ts';
import { runDirection } from '../../jobs/kinds/run_direction.ts';
import { runParametersSchema } from '../../jobs/kinds/run_parameters.ts';
import { DIRECTION_TRAINING } from '../../jobs/strategies/direction/training.ts';
import { jobOfRun } from '../schedule/run_job.ts';
import { REQUESTED } from '../../../shared/run_trigger/run_triggers.fixture.ts';
import { bearer, openApiWorkplace, type ApiWorkplace } from './api.fixture.ts';

const START = Date.UTC(2022, 0, 1) / 1000;
const HOURS = 24 * 40;
const SECONDS_PER_HOUR = 3600;

/** A training of the direction model, asked for as the specification does. */
describe('POST /api/ml-training/train for an instrument', () => {
  let api: ApiWorkplace;
  let headers: { readonly authorization: string };

  beforeAll(async () => {
    api = await openApiWorkplace();
    headers = bearer(await api.token('operator'));
    const bars = Array.from({ length: HOURS }, (_, hour) => ({
      symbol: 'BTCUSDT',
      time: (START + hour * SECONDS_PER_HOUR) as OpenTime,
      open: 100,
      high: 101,
      low: 99,
      close: 100,
      volume: 1,
    }));
    for (const market of ['live', 'simulated'] as const) await api.store.bars.put(market, columnsOf('BTCUSDT', bars));
  });
  afterAll(() => api.close());

  const train = (body: unknown) => api.ask('POST', '/api/ml-training/train', { headers, body });

  it('begins a run, and states first and last bar of the days that were asked for', async () => {
    for (const symbol of ['BTC/USDT', 'btc-usdt', 'BTCUSDT', 'BTCUSDT@1h']) {
      const body = {
        symbol,
        timeframe: '1h',
        start_date: '2022-01-03',
        end_date: '2022-01-20',
        prediction_horizon: 12,
        threshold_up: 0.01,
        threshold_down: -0.01,
        random_state: 5,
        optimization_settings: { enabled: true, n_calls: 4 },
      };
      const { status, body: run } = await train(body);
      expect([status, run], symbol).toMatchObject([
        202,
        {
          kind: 'direction',
          parameters: {
            symbols: ['BTCUSDT'],
            timeframe: '1h',
            horizon: 12,
            threshold: 0.01,
            seed: 5,
            trials: 4,
            from: '2022-01-03T00:00:00Z',
            to: '2022-01-21T00:00:00Z',
          },
          bars: [{ symbol: 'BTCUSDT', first: '2022-01-03T00:00Z', last: '2022-01-20T23:00Z' }],
          // No such run has completed.
          expected: { seconds: expect.any(Number) as number, from_run: null },
          origin: `run:${run['run_id'] as number}`,
        },
      ]);
      expect((await train(body)).body.error?.code).toBe('RETRAIN_RUNNING');
      await api.ask('POST', '/api/ml-training/stop', { headers });
      await expect
        .poll(async () => (await api.ask('GET', '/api/ml-training/training/status', { headers })).body['status'])
        .toBe('stopped');
    }
  });

  it('refuses a period without bars, with those that are there, and begins nothing', async () => {
    const { status, body } = await train({ symbol: 'BTC/USDT', start_date: '2023-01-01', end_date: '2023-12-31' });
    expect([status, body.error?.code]).toEqual([404, 'DATA_MISSING']);
    expect(JSON.stringify(body)).toContain('2022-01-01T00:00Z to 2022-02-09T23:00Z');
    const none = await train({ symbol: 'ETH/USDT' });
    expect([none.status, none.body.error?.code]).toEqual([404, 'DATA_MISSING']);
    expect(JSON.stringify(none.body)).toContain('a symbol with bars: BTCUSDT.');
    // Bars of an hour are none of a quarter: such a model would have been learned from every fourth bar.
    for (const timeframe of ['15m', 'M15']) {
      const longer = await train({ symbol: 'BTC/USDT', timeframe });
      expect([longer.status, longer.body.error?.code]).toEqual([422, 'DATA_FORMAT']);
      expect(JSON.stringify(longer.body)).toContain('or choose BTCUSDT@1h');
    }
    const now = await api.ask('GET', '/api/ml-training/training/status', { headers });
    expect(now.body['is_training']).toBe(false);
  });
});

describe('a training that the API begins', () => {
  let api: ApiWorkplace;
  beforeAll(async () => {
    api = await openApiWorkplace();
    vi.stubEnv('MINUTEHAND_HOME', api.folder);
    const rng = createRng('api');
    let price = 100;
    const bars = Array.from({ length: 1800 }, (_, hour) => {
      const open = price;
      price *= Math.exp(0.006 * rng.normal());
      const [high, low] = [Math.max(open, price), Math.min(open, price)];
      const time = (START + hour * SECONDS_PER_HOUR) as OpenTime;
      return { symbol: 'BTCUSDT', time, open, high, low, close: price, volume: 2 };
    });
    await api.store.bars.put('simulated', columnsOf('BTCUSDT', bars));
    const put = (name: string, hours: number, of: () => number) => {
      const length = Math.floor(2000 / hours);
      const time = Float64Array.from({ length }, (_, i) => START + i * hours * SECONDS_PER_HOUR);
      return api.store.series.put('simulated', 'BTCUSDT', name, { length, time, value: time.map(of) });
    };
    await put('funding_rate', 8, () => 1e-4 * rng.normal());
    await put('taker_buy_volume', 1, () => 1 + 0.5 * rng.uniform());
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await api.close();
  });

  it('learns from the series and the taker volume of the store, and is the same again when newer values came', async () => {
    const headers = bearer(await api.token('operator'));
    const body = { symbol: 'BTC/USDT', timeframe: '1h', start_date: '2022-01-01', end_date: '2022-02-28' };
    const answer = await api.ask('POST', '/api/ml-training/train', { headers, body });
    expect(answer.status).toBe(202);
    await api.ask('POST', '/api/ml-training/stop', { headers });
    const settings = tinySettings({ minutehand: { market: 'simulated' } });
    const parameters = runParametersSchema.parse(answer.body['parameters']);
    const job = directionJobSchema.parse(jobOfRun({ kind: 'direction', trigger: REQUESTED, parameters }, settings));
    const context = {
      settings,
      paths: api.paths,
      gitCommit: null,
      onProgress: () => undefined,
      onJoined: () => undefined,
    };
    const { bundle } = await runDirection(job, context);
    const { manifest } = readDirectionBundle(bundle!.path);
    expect(manifest.sources).toEqual(['funding_rate', 'taker_buy_volume']);
    expect(manifest.features).toEqual(expect.arrayContaining(['funding_rate', 'volume_imbalance_short']));

    const time = Float64Array.of(START + 3000 * SECONDS_PER_HOUR);
    await api.store.series.put('simulated', 'BTCUSDT', 'funding_rate', { length: 1, time, value: Float64Array.of(0) });
    const verifying = { settings, paths: api.paths, folder: null, series: null, workers: 1, gitCommit: null };
    expect(await DIRECTION_TRAINING.verifyDeeply(bundle!.path, { ...verifying, onProgress: () => undefined })).toEqual({
      verdict: 'same',
      lines: [],
    });
  }, 180_000);

  it('bags gbdt and logistic, and evaluates the share that validation_split names', async () => {
    const headers = bearer(await api.token('operator'));
    const body = {
      symbol: 'BTC/USDT',
      timeframe: '1h',
      random_state: 5,
      validation_split: 0.5,
      train_test_split: 0.5,
      ensemble_config: {
        enabled: true,
        method: 'bagging',
        bagging_params: { n_estimators: 3, mixed_models: ['gbdt', 'logistic'] },
      },
    };
    const answer = await api.ask('POST', '/api/ml-training/train', { headers, body });
    expect([answer.status, answer.body['learner']]).toMatchObject([
      202,
      { engine: 'bagging', members: ['gbdt', 'logistic', 'gbdt'] },
    ]);
    await api.ask('POST', '/api/ml-training/stop', { headers });
    const settings = tinySettings({ minutehand: { market: 'simulated' } });
    const parameters = runParametersSchema.parse(answer.body['parameters']);
    const job = directionJobSchema.parse(jobOfRun({ kind: 'direction', trigger: REQUESTED, parameters }, settings));
    const { bundle, trained, plan } = await runDirection(job, {
      settings,
      paths: api.paths,
      gitCommit: null,
      onProgress: () => undefined,
      onJoined: () => undefined,
    });
    const { manifest } = readDirectionBundle(bundle!.path);
    expect(manifest.engine.name).toBe('bagging');
    expect(plan.walkForward.firstShare).toBe(0.5);
    // Half of the rows, in eight blocks of which two calibrate.
    expect(trained.metrics.rows / trained.rows.time.length).toBeCloseTo((0.5 * 6) / 8, 1);
  }, 180_000);
});
