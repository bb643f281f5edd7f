import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { MinutehandError } from '../../../../shared/errors.ts';
import { accessRequestOf } from '../../../../shared/http/node_server.ts';
import type { ApiContext } from '../context.ts';
import { clientLeft } from '../http_server.ts';
import { allows, type Identity } from './role.ts';
import { findSession, isCsrfTokenOf, sessionCookie } from './sessions.ts';
import type { Throttle } from './throttle.ts';
import { TOKEN_ID_LENGTH, type TokenVerifier } from './tokens.ts';

const BEARER = /^bearer +/i;
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];
const OWN_PAGE: readonly string[] = ['', 'same-origin', 'none'];

export interface Credentials {
  /** Delays responses to wrong credentials, by address. */
  readonly throttle: Throttle;
  /**
   * Delays verification attempts, by address and token id, or for login links. Short, because it also delays valid
   * credentials.
   */
  readonly attempts: Throttle;
  readonly verifier: TokenVerifier;
}

/** Maximum delay of a valid token or link that was not verified before, in ms. */
export const MAX_ATTEMPT_WAIT_MS = 4000;

/**
 * Every route requires a role; every request is authenticated by bearer token or session before its body is read.
 * Writes, log-ins and refused log-ins are audited.
 */
export function addGuard(api: FastifyInstance, context: ApiContext, credentials: Credentials): void {
  api.decorateRequest('identity', null);
  api.decorateRequest('written', null);
  api.decorateRequest('refusedLogin', null);
  api.addHook('onRoute', ({ url, config }) => {
    if (config?.role === undefined) throw new Error(`the route ${url} has no role`);
  });
  api.addHook('onRequest', async (request, reply) => {
    const { role } = request.routeOptions.config;
    if (role === 'public') return;
    request.identity = await identify(request, reply, context, credentials);
    if (role === undefined || allows(request.identity.role, role)) return;
    const { name, role: own } = request.identity;
    throw new MinutehandError('ROLE_REFUSED', { seen: `${name} has the role ${own}`, expected: role });
  });
  api.addHook('onSend', async (request, reply, payload) => {
    const { method, written, refusedLogin } = request;
    if (SAFE_METHODS.includes(method) && written === null && refusedLogin === null) return payload;
    await audit(request, reply, context);
    return payload;
  });
}

async function identify(
  request: FastifyRequest,
  reply: FastifyReply,
  { store, clock }: ApiContext,
  credentials: Credentials,
): Promise<Identity> {
  const bearer = bearerOf(request);
  const { db } = await store();
  if (bearer !== null) return identifyToken(request, reply, bearer, { db, nowMs: clock.nowMs() }, credentials);
  const secret = request.cookies[sessionCookie(request)];
  const session = secret === undefined ? null : await findSession(db, secret, clock.nowMs());
  if (secret === undefined || session === null) throw new MinutehandError('LOGIN_REQUIRED');
  refuseOtherPages(request);
  if (!SAFE_METHODS.includes(request.method)) {
    const given = request.headers['x-csrf-token'];
    if (typeof given !== 'string' || !isCsrfTokenOf(secret, given))
      throw new MinutehandError('CSRF_REFUSED', {
        seen: given === undefined ? 'no x-csrf-token' : 'a wrong x-csrf-token',
      });
  }
  return session;
}

/** @throws MinutehandError ATTEMPTS_TOO_MANY, LOGIN_REFUSED, REQUESTS_TOO_MANY */
export async function identifyToken(
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  { db, nowMs }: { readonly db: Parameters<TokenVerifier['verify']>[0]; readonly nowMs: number },
  { throttle, attempts, verifier }: Credentials,
): Promise<Identity> {
  const address = addressOf(request);
  const key = `${address} ${token.slice(0, TOKEN_ID_LENGTH)}`;
  const waitMs = attempts.waitMs(key, nowMs);
  const identity = await verifier.verify(db, token, nowMs, waitMs === 0, clientLeft(reply.raw));
  if (identity !== null) return identity;
  refuseHasty(reply, Math.max(waitMs, throttle.waitMs(address, nowMs)));
  attempts.fail(key, nowMs);
  throttle.fail(address, nowMs);
  request.refusedLogin = `token from ${address}`;
  throw new MinutehandError('LOGIN_REFUSED');
}

/** @throws MinutehandError ATTEMPTS_TOO_MANY while an address is throttled */
export function refuseHasty(reply: FastifyReply, waitMs: number): void {
  if (waitMs === 0) return;
  const seconds = Math.ceil(waitMs / 1000);
  void reply.header('retry-after', String(seconds));
  throw new MinutehandError('ATTEMPTS_TOO_MANY', { next: `Wait ${seconds} s, and check the token.` });
}

export function addressOf(request: FastifyRequest): string {
  return accessRequestOf(request.raw).remoteAddress;
}

/**
 * A cookie is sent to every port of a host, and SameSite does not distinguish ports, so requests from other origins are
 * refused by the headers that browsers add.
 * @throws MinutehandError CSRF_REFUSED
 */
export function refuseOtherPages({ headers }: FastifyRequest): void {
  const { host = '', origin } = headers;
  const site = String(headers['sec-fetch-site'] ?? '');
  const isOwn = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
  if (isOwn && OWN_PAGE.includes(site)) return;
  throw new MinutehandError('CSRF_REFUSED', {
    seen: isOwn ? `sec-fetch-site: ${site}` : `origin: ${origin.slice(0, 80)}`,
  });
}

function bearerOf({ headers: { authorization = '' } }: FastifyRequest): string | null {
  const scheme = BEARER.exec(authorization);
  return scheme === null ? null : authorization.slice(scheme[0].length);
}

async function audit(request: FastifyRequest, reply: FastifyReply, context: ApiContext): Promise<void> {
  const { identity, written, refusedLogin } = request;
  if (identity === null && refusedLogin === null) return;
  const { name: actor, role, via } = identity ?? { name: 'unknown', role: '', via: 'session' as const };
  await context.audit({
    actor,
    role,
    via,
    action: `${request.method} ${request.routeOptions.url ?? 'unknown'}`,
    target: written?.target ?? refusedLogin ?? '',
    before: written?.before ?? null,
    after: written?.after ?? null,
    outcome: reply.statusCode < 400 ? 'done' : `refused ${reply.statusCode}`,
  });
}
