import type { FastifyError, FastifyInstance } from 'fastify';
import type { DependencyFault } from '../../../shared/dependencies/watch.ts';
import { describeError, knownError, MinutehandError } from '../../../shared/errors.ts';
import { createAccess, type AccessOptions } from '../../../shared/http/access.ts';
import { accessRequestOf, hostMissing, missesHost } from '../../../shared/http/node_server.ts';
import { SqliteError } from '../../../shared/store/sqlite.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { packageManifest } from '../../../shared/root.ts';
import { checkQuery } from '../../../shared/http/known_query.ts';
import { activeModels, shownStanding, type StandingOverride } from '../admission/standing.ts';
import { TrainerExposition } from '../metrics/exposition.ts';
import type { TrainerMetricsSource } from '../metrics/metrics.ts';
import type { Monitor } from '../monitor/monitor.ts';
import type { ChannelStatus } from '../notify/channels/open_channels.ts';
import type { RolloutWatch } from '../rollout/watch.ts';
import type { AuditEntry } from './audit.ts';
import { ALL_TRAININGS, trainingOfRun } from '../../jobs/strategies/registry.ts';
import { pageWithoutApp } from './page_redirect.ts';
import { endRun } from './routes/runs.ts';
import type { Retrainer } from '../schedule/retrainer.ts';
import { requestTrigger, type RunKind } from '../schedule/run.ts';

const PATHS = ['/healthz', '/metrics', '/runs', '/models', '/monitor', '/retrain', '/retrain/cancel'];
const KINDS: readonly unknown[] = ALL_TRAININGS.flatMap(({ runs }) => runs);

/** State and actions of the endpoints. */
export interface ApiParts {
  readonly retrainer: Retrainer;
  readonly monitor: Pick<Monitor, 'status'>;
  readonly paths: HomePaths;
  readonly settings: Settings;
  /** Records a request that changes something. */
  audit(entry: AuditEntry): Promise<void>;
  readonly access: Omit<AccessOptions, 'needsAuthorization'>;
  readonly metrics: TrainerMetricsSource;
  readonly rollout: Pick<RolloutWatch, 'state'>;
  /** Models in use although gates failed. */
  overrides(): readonly StandingOverride[];
  /** Dependencies that fail. */
  faults(): readonly DependencyFault[];
  /** Names of the channels that it sends notifications by, and why others that are configured are not used. */
  channels(): ChannelStatus;
  /** Schedules, with the next time of each. */
  schedules(): readonly { readonly name: string; readonly cron: string; next(): Date | null }[];
}

/** A body that says nothing, as some clients send it with every request. */
const NOTHING = /^(?:\{\s*\})?$/;
const NO_BODY_BYTES = 4096;

/** Below it, each request has a token or a session of its own, which takes the place of the trainer's token. */
const API_PATH = '/api/';
const PAGES_PATH = '/app';

/** What is said of trainings and models without a login: to this machine, or with the token. */
const OWN_PAGES: readonly string[] = ['/runs', '/models', '/monitor'];

/**
 * `GET /healthz`, `GET /metrics`, `GET /runs`, `GET /models`, `GET /monitor`,
 * `POST /retrain?kind=full|incremental|thresholds`, `POST /retrain/cancel`.
 */
export function addRoutes(
  server: FastifyInstance,
  {
    retrainer,
    monitor,
    paths,
    settings,
    access,
    metrics,
    rollout,
    schedules,
    channels,
    audit,
    faults,
    overrides,
  }: ApiParts,
): void {
  const refuse = createAccess({
    ...access,
    needsAuthorization: ({ method, path }) =>
      !path.startsWith(API_PATH) && (method !== 'GET' || OWN_PAGES.includes(path)),
  });
  server.addHook('onRequest', async (request, reply) => {
    if (missesHost(request.raw)) throw hostMissing();
    const page = pageWithoutApp(request.raw);
    // The page has no data; what it asks for is guarded.
    const asked = page === null ? accessRequestOf(request.raw) : { ...accessRequestOf(request.raw), path: PAGES_PATH };
    // Of the route: a path has many spellings.
    const error = refuse(page === null ? { ...asked, path: request.routeOptions.url ?? asked.path } : asked);
    if (error !== null) throw error;
    if (page !== null) return reply.redirect(page);
  });
  // No endpoint takes a body: what a client says in one would be ignored.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser<string>('*', { parseAs: 'string', bodyLimit: NO_BODY_BYTES }, (_request, body, done) => {
    if (NOTHING.test(body.trim())) return done(null, undefined);
    const expected = 'no body: the parameters stand in the address, such as /retrain?kind=thresholds';
    done(new MinutehandError('REQUEST_INVALID', { seen: `a body of ${body.length} characters`, expected }));
  });
  server.setErrorHandler((error: FastifyError, _request, reply) => {
    const known = codedError(error);
    const status = known instanceof MinutehandError ? known.status : 500;
    return reply.status(status).send({ error: describeError(known) });
  });
  server.setNotFoundHandler((request) => {
    const isThere = PATHS.includes(request.url.split('?')[0]!);
    const seen = `${request.method} ${request.url.slice(0, 80)}`;
    throw new MinutehandError(isThere ? 'METHOD_NOT_ALLOWED' : 'NOT_FOUND', { seen });
  });
  auditWrites(server, audit);
  const { version: program_version } = packageManifest();
  server.get('/healthz', async () => {
    const [last] = retrainer.runs();
    const planned = schedules().map(({ name, cron, next }) => ({ name, cron, next: next()?.toISOString() ?? null }));
    return {
      status: faults().length === 0 ? 'ok' : 'degraded',
      program_version,
      dependencies: faults(),
      ...activeModels(settings, paths),
      despite_gates: overrides().map(shownStanding),
      last_run: last ?? null,
      rollout: rollout.state(),
      schedules: planned,
      channels: channels(),
    };
  });
  const exposition = new TrainerExposition(metrics);
  server.get('/metrics', async (_request, reply) => reply.type(exposition.contentType).send(await exposition.text()));
  server.get('/runs', async () => ({ runs: retrainer.runs(), waiting: await retrainer.waiting() }));
  server.get('/models', async () => ({ models: await retrainer.models() }));
  server.get('/monitor', async () => monitor.status());
  server.post('/retrain', async (request, reply) => {
    checkQuery(Object.entries(request.query as Record<string, string>), { kind: null, timeframe: null });
    const kind = kindOf(request.query);
    const { timeframe } = request.query as { timeframe?: unknown };
    if (timeframe !== undefined && typeof timeframe !== 'string')
      throw new MinutehandError('RETRAIN_KIND', { seen: `kind=${kind} with two timeframes`, expected: 'one of them' });
    const wanted = trainingOfRun(kind)!.requested(kind, timeframe, settings);
    const run = await retrainer.request({ trigger: requestTrigger('retrain'), ...wanted });
    if (run === null) throw new MinutehandError('RETRAIN_RUNNING');
    return reply.status(202).send(run);
  });
  server.post('/retrain/cancel', async (request, reply) => {
    const query = request.query as Record<string, string>;
    checkQuery(Object.entries(query), { run: null });
    const by = request.identity?.name ?? 'this machine';
    const runId = query['run'] === undefined ? null : Number(query['run']);
    return reply.status(202).send(await endRun(retrainer, runId, by));
  });
}

const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Records every request to a writing route that needs no role, done or refused: clients on this machine send no
 * credentials. Routes with a role are recorded by their guard. Requests that access refuses reach no route.
 */
function auditWrites(server: FastifyInstance, audit: ApiParts['audit']): void {
  server.addHook('onSend', async (request, reply, payload) => {
    const { url: route, config } = request.routeOptions;
    if (SAFE_METHODS.includes(request.method) || route === undefined || config.role !== undefined) return payload;
    if (reply.statusCode === 401 || reply.statusCode === 403) return payload;
    const asked = accessRequestOf(request.raw);
    const via = asked.header('authorization') === '' ? 'loopback' : 'token';
    const change = reply.statusCode < 400 ? (JSON.parse(String(payload)) as unknown) : null;
    await audit({
      actor: asked.remoteAddress,
      role: '',
      via,
      action: `${request.method} ${route}`,
      target: request.url.split('?')[1] ?? '',
      before: null,
      after: change,
      outcome: reply.statusCode < 400 ? 'done' : `refused ${reply.statusCode}`,
    });
    return payload;
  });
}

/** Maps fastify's errors to error codes. */
function codedError(error: FastifyError): Error {
  const { statusCode, message } = error;
  if (statusCode === 413) return new MinutehandError('BODY_TOO_LARGE', { cause: error });
  const isRefused =
    error.validation !== undefined || (statusCode !== undefined && statusCode >= 400 && statusCode < 500);
  if (isRefused) return new MinutehandError('REQUEST_INVALID', { seen: message.slice(0, 300), cause: error });
  const known = knownError(error);
  if (known !== null) return known;
  // Locked for too long, read-only, gone.
  return error instanceof SqliteError ? new MinutehandError('STORE_UNUSABLE', { seen: message, cause: error }) : error;
}

/** @throws MinutehandError RETRAIN_KIND */
function kindOf(query: unknown): RunKind {
  const { kind = 'full' } = query as { kind?: unknown };
  if (KINDS.includes(kind)) return kind as RunKind;
  throw new MinutehandError('RETRAIN_KIND', { seen: `kind=${String(kind).slice(0, 40)}` });
}
