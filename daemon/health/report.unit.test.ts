import { describe, expect, it } from 'vitest';
import type { OpenTime } from '../../shared/bar.ts';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { HttpResponse } from '../serve/http_route.ts';
import type { HealthReport } from './health.ts';
import { healthRoutes } from './health.ts';
import { healthReport, type HealthSources } from './report.ts';

const MODELS = {
  version: '20261120_0730',
  engines: { ai1: 'wasm-simd', ai2: 'wasm-simd', ai3: 'onnxruntime-node' },
  engineNotes: { ai1: 'a', ai2: 'b', ai3: 'c' },
  manifest: { market: 'live' },
} as unknown as ModelSet;

const STALE = new MinutehandError('NEWS_STALE').toJSON();

/** A daemon of two pairs in good order, or with these changes. */
function reportOf(status: object = {}, changes: object = {}): HealthReport {
  const sources = {
    identity: {
      market: 'live',
      boot_id: 'boot',
      program_version: '1.2.3',
      shard: 'all',
      feature_schema: 'f',
      pairs: 2,
    },
    status: {
      models: MODELS,
      rollout: null,
      rules: {},
      policyHash: 'p',
      silentPairs: [],
      expiredPairs: [],
      haltedPairs: [],
      readyPairs: 2,
      stopsForNews: false,
      degradations: new Set(),
      suspectBars: new Map([['EURUSD', 3]]),
      series: [],
      lastTimes: new Map([['EURUSD', (Date.parse('2025-10-14T12:34:00Z') / 1000) as OpenTime]]),
      ...status,
    },
    models: { refused: null, shadowVersion: null, directionShadows: {}, rolloutRefused: null },
    rules: null,
    halts: { halts: () => [], stops: () => [], refused: () => null },
    calendar: { events: () => [{}, {}], fault: () => STALE },
    links: {},
    redisFeed: () => null,
    faults: () => [],
    lateBars: () => null,
    refusedBars: () => ({ BAR_REVISED: 4 }),
    lease: () => null,
    serverEngine: () => ({ engine: 'ws', engineNote: 'no build' }),
    uptimeSeconds: () => 17,
    ...changes,
  };
  return healthReport(sources as unknown as HealthSources);
}

describe('the health of a daemon', () => {
  it('contains every field', () => {
    expect(reportOf()).toEqual({
      status: 'ok',
      market: 'live',
      boot_id: 'boot',
      program_version: '1.2.3',
      shard: 'all',
      uptime_seconds: 17,
      server_engine: 'ws',
      server_engine_note: 'no build',
      inference_engines: MODELS.engines,
      inference_notes: MODELS.engineNotes,
      model_version: '20261120_0730',
      model_market: 'live',
      model_refused: null,
      shadow_version: null,
      rollout: null,
      rollout_refused: null,
      feature_schema: 'f',
      policy_hash: 'p',
      lease: null,
      pairs: 2,
      pairs_ready: 2,
      silent_pairs: [],
      expired_pairs: [],
      halted_pairs: [],
      halts: [],
      stops: [],
      halts_refused: null,
      dependencies: [],
      news: null,
      degradations: [],
      late_bars: null,
      suspect_bars: { EURUSD: 3 },
      refused_bars: { BAR_REVISED: 4 },
      series: [],
      redis: 'off',
      redis_refused: null,
      redis_missed: 0,
      redis_resent: 0,
      bar_stream: 'off',
      bar_stream_refused: null,
      last_bars: { EURUSD: '2025-10-14T12:34:00.000Z' },
    });
  });

  it('is waiting without models or while a pair is not warm, whatever else is wrong', () => {
    expect(reportOf({ models: null })).toMatchObject({
      status: 'waiting',
      inference_engines: null,
      inference_notes: null,
      model_version: null,
      model_market: null,
    });
    expect(reportOf({ readyPairs: 1, degradations: new Set(['redis']) }).status).toBe('waiting');
  });

  it('is waiting while no daemon holds the lease, and ok as the standby of one that does', () => {
    const standby = { role: 'standby', fence: null, holder: 'a/1/x', server: 'up' };
    expect(reportOf({}, { lease: () => standby })).toMatchObject({ status: 'ok', lease: standby });
    expect(reportOf({}, { lease: () => ({ ...standby, holder: null }) }).status).toBe('waiting');
  });

  it('says how the calendar stands where the policy stops for news, and nothing of it elsewhere', () => {
    expect(reportOf({ stopsForNews: true }).news).toEqual({ events: 2, fault: STALE });
    expect(reportOf().news).toBeNull();
  });

  it('is degraded by each fault', () => {
    for (const wrong of [
      { degradations: new Set(['redis']) },
      { silentPairs: ['EURUSD_GBPUSD'] },
      { haltedPairs: ['EURUSD_GBPUSD'] },
    ])
      expect(reportOf(wrong).status, JSON.stringify(wrong)).toBe('degraded');
    expect(reportOf({ degradations: new Set(['redis', 'file']) }).degradations).toEqual(['redis', 'file']);
  });

  it('contains refused, late, halted and missed counts', () => {
    const refusal = new MinutehandError('PUBLISH_REDIS', { seen: 'NOPERM' });
    const late = { symbols: ['EURUSD'] };
    const refused = { version: 'other', code: 'MODEL_HASH' };
    const redis = { state: 'refused', refusal, missed: 7, resent: 5 };
    const report = reportOf(
      { expiredPairs: ['XAUUSD_XAGUSD'] },
      {
        models: { refused, shadowVersion: 'shadow' },
        halts: { halts: () => ['halt'], stops: () => ['stop'], refused: () => 'lost' },
        links: { redis },
        redisFeed: () => ({ state: 'up', refusal: null }),
        lateBars: () => late,
      },
    );
    expect(report).toMatchObject({
      model_refused: refused,
      shadow_version: 'shadow',
      expired_pairs: ['XAUUSD_XAGUSD'],
      halts: ['halt'],
      stops: ['stop'],
      halts_refused: 'lost',
      late_bars: late,
      redis: 'refused',
      redis_refused: { code: 'PUBLISH_REDIS' },
      redis_missed: 7,
      redis_resent: 5,
      bar_stream: 'up',
      bar_stream_refused: null,
    });
    const unknown = reportOf(
      {},
      {
        links: { redis: { state: null, refusal: null, missed: 0, resent: 0 } },
        redisFeed: () => ({ state: null, refusal }),
      },
    );
    expect(unknown).toMatchObject({ redis: 'unknown', redis_refused: null, bar_stream: 'unknown' });
    expect(unknown.bar_stream_refused).toMatchObject({ code: 'PUBLISH_REDIS' });
  });
});

describe('the health of a daemon with instruments', () => {
  const READY = {
    readyInstruments: 2,
    directions: { '1m': '20261120_0800' },
    directionEngines: { '1m': 'onnxruntime-node' },
    directionEngineNotes: { '1m': 'more than trees' },
  };
  const ofInstruments = (pairs: number, status: object, directions: object | null = null): HealthReport =>
    reportOf({ ...READY, ...status }, { identity: { pairs, instruments: 2 }, directions });

  it('contains their models, and is absent without any', () => {
    expect(ofInstruments(2, {}).direction).toEqual({
      instruments: 2,
      instruments_ready: 2,
      versions: { '1m': '20261120_0800' },
      inference_engines: { '1m': 'onnxruntime-node' },
      inference_notes: { '1m': 'more than trees' },
      refused: null,
      missing_sources: [],
    });
    const refused = { version: 'other', code: 'MODEL_HASH' };
    const followed = { refused, missingSources: ['funding_rate'] };
    expect(ofInstruments(2, {}, followed).direction).toMatchObject({ refused, missing_sources: ['funding_rate'] });
    const scoring = { refused: null, directionShadows: { '1m': '20261120_0900' } };
    const shadowed = reportOf(READY, { identity: { pairs: 2, instruments: 2 }, models: scoring });
    expect(shadowed.direction).toMatchObject({ shadows: { '1m': '20261120_0900' } });
    const without = reportOf({}, { identity: { pairs: 2, instruments: 0 } });
    expect(without).not.toHaveProperty('direction');
  });

  it('is waiting for their warm-up and a model where there are no pairs, else for the pairs alone', () => {
    const statuses = (pairs: number): string[] =>
      [{}, { readyInstruments: 1 }, { directions: {} }].map((own) => ofInstruments(pairs, { ...own }).status);
    expect(statuses(2)).toEqual(['ok', 'ok', 'ok']);
    expect(ofInstruments(0, { models: null, readyPairs: 0 }).status).toBe('ok');
    expect(statuses(0)).toEqual(['ok', 'waiting', 'waiting']);
  });

  it('contains the rollout without the key of its assignment', () => {
    const rollout = { id: 'r', stage: 'live', share: 0.1, champion: 'a', challenger: 'b' };
    expect(reportOf({ rollout: { ...rollout, key: 'secret' } }).rollout).toEqual(rollout);
  });
});

describe('the endpoints of health', () => {
  it.each([
    ['ok', 200, 200],
    ['degraded', 200, 200],
    ['waiting', 200, 503],
  ])('answer %s by %i, and by %i whether signals can be acted on', (status, alive, ready) => {
    const routes = healthRoutes(() => ({ ...reportOf(), status }) as HealthReport);
    expect(routes.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /healthz', 'GET /readyz']);
    const answers = routes.map((route) => route.handle({} as never) as HttpResponse);
    expect(answers.map((answer) => answer.status)).toEqual([alive, ready]);
    for (const answer of answers) {
      expect(answer.contentType).toBe('application/json');
      expect(JSON.parse(answer.body as string)).toMatchObject({ status, boot_id: 'boot' });
      expect(answer.body).toMatch(/\n$/);
    }
  });
});
