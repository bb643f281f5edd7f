import { computed, signal } from '@preact/signals';
import {
  api,
  ApiError,
  setCsrfToken,
  type Alert,
  type CurrentModel,
  type Run,
  type Session,
  type Signal,
  type Status,
  type Subject,
} from './api.ts';

const STATUS_MS = 2000;
/** Signals kept per subject for sparklines. */
const TRAIL = 90;
const MINUTE_MS = 60_000;
const SETTLE_MS = 4000;
const BURST_MS = 400;
const RETRY_MS = 2000;
/** HTTP status of a client that asks too often. */
const TOO_MANY = 429;

/** undefined: not loaded yet; null: logged out. */
export const session = signal<Session | null | undefined>(undefined);
export const isConnected = signal(false);
export const status = signal<Status | null>(null);

/** Whether bars come by a clock of the market itself: simulated, or replayed history. */
export const hasOwnClock = (): boolean => status.value !== null && status.value.market !== 'live';
export const subjects = signal<readonly Subject[]>([]);
export const last = signal<ReadonlyMap<string, Signal>>(new Map());
export const trails = signal<ReadonlyMap<string, readonly Signal[]>>(new Map());
export const currentModel = signal<CurrentModel | null>(null);
export const run = signal<Run | null>(null);
export const alerts = signal<readonly Alert[]>([]);
/** This page's clock, updated once per second. */
export const nowMs = signal(Date.now());
/** Signals per minute of wall-clock time; null in the first seconds. */
export const signalsPerMinute = signal<number | null>(null);

/** Parts that have been answered: before that, an empty one says nothing. */
export const answered = signal<ReadonlySet<'subjects' | 'alerts' | 'trails'>>(new Set());

export const openAlerts = computed(() => alerts.value.filter(({ state }) => state === 'open'));

let stream: EventSource | null = null;
let waiting: Signal[] = [];
const received: number[] = [];
let rateSinceMs = Infinity;

/** Loads the session, until the server answers, then the data of the first page, and subscribes to events. */
export async function start(): Promise<void> {
  try {
    const found = await api.get('/api/session');
    setCsrfToken(found.csrf_token);
    session.value = found;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const isRefused = error.status >= 400 && error.status < 500 && error.status !== TOO_MANY;
    if (isRefused) session.value = null;
    else setTimeout(() => void start(), RETRY_MS);
    return;
  }
  follow();
  await readAll();
  // A part that failed while the trainer restarted is asked for again, also where no event would.
  setInterval(() => void (isBehind && isConnected.value ? readAll() : readStatus()), STATUS_MS);
  setInterval(tick, 1000);
}

/** Whether a part was not answered, or events were missed, since all were read. */
let isBehind = false;

async function readAll(): Promise<void> {
  isBehind = false;
  await Promise.all([readSubjects(), readStatus(), readModels(), readAlerts(), readTrails()]);
}

function follow(): void {
  stream = new EventSource('/api/events');
  stream.onopen = () => {
    isConnected.value = true;
    if (isBehind) void readAll();
    rateSinceMs = Date.now() + BURST_MS;
    received.length = 0;
  };
  stream.onerror = () => {
    isConnected.value = false;
    isBehind = true;
    // The browser reconnects after a broken connection, not after an HTTP error.
    if (stream!.readyState === EventSource.CLOSED) setTimeout(() => session.value && follow(), RETRY_MS);
  };
  const on = <T>(event: string, take: (data: T) => void): void =>
    stream!.addEventListener(event, (message) => take(JSON.parse((message as MessageEvent<string>).data) as T));
  on<Signal>('signal', take);
  on<Run>('run', (data) => (run.value = data));
  on('models', () => void readModels().then(readSubjects));
  on('alert', () => void readAlerts());
  on('daemon', () => void readStatus());
}

function tick(): void {
  const now = Date.now();
  nowMs.value = now;
  while (received.length > 0 && received[0]! < now - MINUTE_MS) received.shift();
  const spanMs = Math.min(MINUTE_MS, now - rateSinceMs);
  signalsPerMinute.value = !(spanMs >= SETTLE_MS) ? null : (received.length * MINUTE_MS) / spanMs;
}

/** Renders once for all signals of a frame. */
function take(one: Signal): void {
  if (waiting.length === 0) requestAnimationFrame(show);
  waiting.push(one);
  // A stream starts with the last signals, which do not count toward the rate.
  if (Date.now() > rateSinceMs) received.push(Date.now());
}

function show(): void {
  const newest = new Map(last.value);
  const longer = new Map(trails.value);
  for (const one of waiting) {
    newest.set(one.pair_id, one);
    const trail = longer.get(one.pair_id) ?? [];
    if (trail.at(-1)?.timestamp === one.timestamp) longer.set(one.pair_id, [...trail.slice(0, -1), one]);
    else longer.set(one.pair_id, [...trail, one].slice(-TRAIL));
  }
  waiting = [];
  if (last.value.size === 0) markFirst();
  last.value = newest;
  trails.value = longer;
}

/** For measurements: the time at which the first signals are shown. */
function markFirst(): void {
  requestAnimationFrame(() => performance.mark('first figures'));
}

/** A failed request keeps the previous state; the connection indicator shows the failure. */
async function quietly(read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      stream?.close();
      session.value = null;
    } else if (!(error instanceof ApiError)) throw error;
    else if (error.status === 0 || error.status >= 500) isBehind = true;
  }
}

const readSubjects = (): Promise<void> =>
  quietly(async () => {
    subjects.value = (await api.get('/api/subjects')).subjects;
    answered.value = new Set(answered.value).add('subjects');
  });
export const readModels = (): Promise<void> =>
  quietly(async () => void (currentModel.value = await api.get('/api/ml/models/current')));
export const readAlerts = (): Promise<void> =>
  quietly(async () => {
    alerts.value = (await api.get('/api/alerts', { query: { limit: 200 } })).alerts;
    answered.value = new Set(answered.value).add('alerts');
  });

export const readStatus = (): Promise<void> =>
  quietly(async () => {
    status.value = await api.get('/api/status');
  });

/** Loads the trails from before the page was opened. */
const readTrails = (): Promise<void> =>
  quietly(async () => {
    const from = new Date(Date.now() - 90 * MINUTE_MS).toISOString();
    const { history } = await api.get('/api/signals', { query: { from, limit: TRAIL * 12 } });
    const known = new Map<string, Signal[]>();
    for (const one of history) known.set(one.pair_id, [...(known.get(one.pair_id) ?? []), one]);
    for (const [id, later] of trails.value) {
      const earlier = known.get(id) ?? [];
      known.set(id, [...earlier.filter(({ timestamp }) => timestamp < later[0]!.timestamp), ...later]);
    }
    trails.value = new Map([...known].map(([id, trail]) => [id, trail.slice(-TRAIL)]));
    answered.value = new Set(answered.value).add('trails');
  });
