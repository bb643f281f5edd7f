import pino from 'pino';
import type { EpochMs } from '../../shared/bar.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { standingOverrides } from '../../trainer/control/admission/standing.ts';
import { addRoutes } from '../../trainer/control/api/api.ts';
import { createHttpServer } from '../../trainer/control/api/http_server.ts';
import { startControlPlane } from '../../trainer/control/api/control_plane.ts';
import { createToken } from '../../trainer/control/api/access/tokens.ts';
import { FleetLook } from '../../trainer/control/fleet/fleet_look.ts';
import type { TrainerMetricsSource } from '../../trainer/control/metrics/metrics.ts';
import type { Monitor } from '../../trainer/control/monitor/monitor.ts';
import { channelStatus } from '../../trainer/control/notify/channels/open_channels.ts';
import { createRegistry } from '../../trainer/control/registry/registry.ts';
import type { Retrainer } from '../../trainer/control/schedule/retrainer.ts';
import { storeQueue } from '../../trainer/control/schedule/run_queue.ts';
import { openStore, type Store } from '../../trainer/store/store.ts';
import { activate, activateDirection } from '../activate.ts';
import { fillStore } from './home/store_life.ts';
import type { Place } from './home/place.ts';
import { oldHome, rolloutHome } from './home_parts.ts';
import type { GoldenPart } from './part.ts';
import { asValue, type Value } from './values.ts';
import type { Workshop } from './workshop.ts';

/** Two days after the life of the homes. */
const NOW_MS = Date.parse('2024-01-10T00:00:00Z') as EpochMs;
const CLOCK = { nowMs: () => NOW_MS, monotonicUs: () => 0 };

const PERIOD = 'from=2024-01-01T00:00:00Z&to=2024-01-03T00:00:00Z';
/** Of the home that 0.1.0 has left, with a store of today. */
const ROUTES: readonly string[] = [
  '/healthz',
  '/runs',
  '/models',
  '/api/status',
  '/api/ml/status',
  '/api/subjects',
  '/api/spelling?subject=xauusd-xagusd',
  '/api/signals?subject=EURUSD_GBPUSD&limit=20',
  `/api/signals/history?subject=EURUSD_GBPUSD&${PERIOD}&points=50`,
  '/api/explain?subject=EURUSD_GBPUSD&time=2024-01-02T18:58Z',
  '/api/explain?subject=BTCUSDT&time=2024-01-02T18:58Z',
  '/api/ml/models',
  '/api/ml/models/current',
  '/api/ml/models/20240106_1200',
  '/api/ml/direction-models',
  '/api/ml/direction-models/20240107_1200',
  '/api/ml/rollout',
  '/api/ml/config',
  '/api/ml-training/training/status',
  '/api/runs',
  '/api/jobs',
  '/api/policy',
  '/api/audit?limit=50',
  '/api/monitor',
  `/api/performance?${PERIOD}`,
  `/api/reports?${PERIOD}`,
  '/api/stops',
  '/api/data?market=live',
  `/api/candles?symbol=XAUUSD&${PERIOD}&points=30`,
  '/api/imports?market=live',
  '/api/trades?limit=20',
];
/** Of one with rules. */
const ROUTES_OF_RULES: readonly string[] = [
  '/api/subjects',
  '/api/strategies',
  '/api/strategies/status',
  '/api/explain?subject=BTCUSDT&time=2024-01-02T18:15Z',
];

const NOT_LOOKED: Pick<Monitor, 'status'> = {
  status: () => ({
    looked_at: null,
    duration_ms: null,
    next_look_at: null,
    last_trigger: null,
    answered: [],
    report: null,
  }),
};

/** No route of the record asks for them. */
const NO_METRICS: TrainerMetricsSource = {
  runs: () => [],
  monitor: () => NOT_LOOKED.status(),
  skill: () => null,
  queued: () => Promise.resolve(null),
  outbox: () => Promise.resolve(null),
  isWell: () => true,
  dependencies: () => [],
  overrides: () => [],
  fleet: () => null,
};

/** The runs of a store. It begins none, as a trainer would with those that are due. */
async function recordedRuns(store: Store, models: string): Promise<Retrainer> {
  const queue = storeQueue(store, { market: 'simulated', owner: 'golden', clock: CLOCK });
  const registry = createRegistry(store, models, { clock: CLOCK });
  const runs = await queue.list(50);
  const never = (): never => {
    throw new Error('no route of the record begins or ends a run');
  };
  return {
    runs: () => runs,
    waiting: () => queue.waiting(),
    caused: () => queue.caused(),
    models: () => registry.models(),
    startOrWait: never,
    request: never,
    drop: never,
    cancel: never,
    stop: never,
  };
}

/** Answers of the API over a home, without what a trainer does by itself meanwhile. */
async function answersOf({ config, paths }: Place, routes: readonly string[]): Promise<[route: string, Value][]> {
  const settings = loadSettings({ env: { MINUTEHAND_CONFIG: config } });
  const store = await openStore(paths.trainer, CLOCK);
  const expiresMs = NOW_MS + 3_600_000;
  const { token } = await createToken(store.db, { name: 'golden', role: 'approver', nowMs: NOW_MS, expiresMs });
  const server = createHttpServer();
  const parts = {
    settings,
    paths,
    log: pino({ level: 'silent' }),
    command: [process.execPath],
    retrainer: await recordedRuns(store, paths.models),
    monitor: NOT_LOOKED,
    rollout: { state: () => null },
    schedules: () => [],
    audit: () => Promise.resolve(),
  };
  addRoutes(server, {
    ...parts,
    access: { host: '127.0.0.1', allowedHosts: [], token: undefined, loopbackNeedsToken: false },
    faults: () => [],
    overrides: () => standingOverrides(paths.models),
    channels: () => channelStatus(settings.retrain, {}),
    metrics: NO_METRICS,
  });
  const fleet = new FleetLook({ settings, paths, env: {} });
  const plane = await startControlPlane(server, { ...parts, clock: CLOCK, fleet });
  try {
    await server.ready();
    const headers = { authorization: `Bearer ${token}` };
    const answers: [string, Value][] = [];
    for (const url of routes) {
      const { statusCode: status, payload } = await server.inject({ method: 'GET', url, headers });
      answers.push([`GET ${url}`, asValue({ status, body: JSON.parse(payload.replaceAll(paths.home, '<home>')) })]);
    }
    return answers;
  } finally {
    await plane.stop();
    await store.close();
    await server.close();
  }
}

async function measure(workshop: Workshop): Promise<Value> {
  const old = oldHome(workshop, '0.1.0');
  await fillStore(old, loadSettings({ env: { MINUTEHAND_CONFIG: old.config } }));
  activate(old.paths.models, '20240105_1200');
  activateDirection(old.paths.models, '20240107_1200', old.paths.home);
  const { place } = await rolloutHome(workshop);
  const ofRules = await answersOf(place, ROUTES_OF_RULES);
  return Object.fromEntries([
    ...(await answersOf(old, ROUTES)),
    ...ofRules.map(([route, answer]): [string, Value] => [`with rules: ${route}`, answer]),
  ]);
}

export const API_PARTS: readonly GoldenPart[] = [
  {
    name: 'api',
    what: 'answers of the trainer’s routes over the home of version 0.1.0, and over one with rules',
    measure,
  },
];
