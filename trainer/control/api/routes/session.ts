import type { FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';
import { MinutehandError } from '../../../../shared/errors.ts';
import { addressOf, identifyToken, refuseHasty, refuseOtherPages, type Credentials } from '../access/guard.ts';
import { isHttps } from '../access/https.ts';
import type { Identity, Role } from '../access/role.ts';
import { askedLoginPage, refusedLoginPage } from '../access/login_pages.ts';
import {
  csrfTokenOf,
  endSession,
  listSessions,
  openSession,
  redeemLogin,
  revokeSession,
  sessionCookie,
  SESSION_MS,
  sessionIdOf,
} from '../access/sessions.ts';
import type { Api, ApiContext } from '../context.ts';
import { sessionRoutes, sessionSchema } from '../../schema/access.ts';

/** A link that a page of another site follows, or embeds; one that is typed, or opened by a terminal, has no site. */
function isOfAnotherSite({ headers }: FastifyRequest): boolean {
  return ['cross-site', 'same-site'].includes(String(headers['sec-fetch-site'] ?? ''));
}

const COOKIE = { path: '/', httpOnly: true, sameSite: 'strict' } as const;

/** `GET /login`, `POST|GET|DELETE /api/session`. */
export function addSessionRoutes(api: Api, context: ApiContext, credentials: Credentials): void {
  const { store, clock } = context;

  async function redeem(
    request: FastifyRequest,
    reply: FastifyReply,
    code: string,
  ): Promise<{ name: string; role: Role }> {
    const address = addressOf(request);
    const key = `${address} link`;
    refuseHasty(reply, credentials.attempts.waitMs(key, clock.nowMs()));
    const found = await redeemLogin((await store()).db, code, clock.nowMs());
    if (found !== null) return found;
    credentials.attempts.fail(key, clock.nowMs());
    request.refusedLogin = `link from ${address}`;
    throw new MinutehandError('LOGIN_REFUSED');
  }

  /** The previous session ends, so its id is never reused. */
  async function logIn(
    request: FastifyRequest,
    reply: FastifyReply,
    { name, role }: { readonly name: string; readonly role: Role },
    tokenId: string | null,
  ): Promise<z.infer<typeof sessionSchema>> {
    const { db } = await store();
    const nowMs = clock.nowMs();
    const earlier = request.cookies[sessionCookie(request)];
    if (earlier !== undefined) await endSession(db, earlier, nowMs);
    const secret = await openSession(db, { name, role, tokenId, nowMs });
    void reply.setCookie(sessionCookie(request), secret, {
      ...COOKIE,
      secure: isHttps(request.headers),
      maxAge: SESSION_MS / 1000,
    });
    request.identity = { name, role, via: 'session', id: '' } satisfies Identity;
    request.written = { target: name };
    return { name, role, via: 'session', csrf_token: csrfTokenOf(secret) };
  }

  api.route({
    method: 'GET',
    url: '/login',
    // A HEAD request must not use up the code.
    exposeHeadRoute: false,
    config: { role: 'public' },
    schema: { hide: true, querystring: z.object({ code: z.string().max(200) }) },
    async handler(request, reply) {
      // A browser's prefetch must not use up the code.
      if (request.headers['sec-purpose'] !== undefined)
        throw new MinutehandError('LOGIN_REFUSED', { seen: 'a prefetch' });
      // The answer is the same for any code, so that a page of another site learns nothing about it.
      if (isOfAnotherSite(request))
        return reply
          .type('text/html; charset=utf-8')
          .send(askedLoginPage(request.query.code, request.headers['accept-language']));
      try {
        await logIn(request, reply, await redeem(request, reply, request.query.code), null);
      } catch (error) {
        const isPage = request.headers.accept?.includes('text/html') === true;
        if (!isPage || !(error instanceof MinutehandError)) throw error;
        return reply
          .status(error.status)
          .type('text/html; charset=utf-8')
          .send(refusedLoginPage(error, request.headers['accept-language']));
      }
      return reply.redirect('/', 303);
    },
  });

  api.route({
    ...sessionRoutes['POST /api/session'],
    async handler(request, reply) {
      refuseOtherPages(request);
      const { code, token } = request.body;
      if (code !== undefined) return logIn(request, reply, await redeem(request, reply, code), null);
      const at = { db: (await store()).db, nowMs: clock.nowMs() };
      const identity = await identifyToken(request, reply, token!, at, credentials);
      return logIn(request, reply, identity, identity.id);
    },
  });

  addOwnSessionRoutes(api, context);
  addSessionListRoutes(api, context);
}

/** `GET /api/sessions`, `DELETE /api/sessions/{session_id}`: one's own; an approver's, everybody's. */
function addSessionListRoutes(api: Api, { store, clock, hub }: ApiContext): void {
  const ownerOf = ({ name, role }: Identity): string | null => (role === 'approver' ? null : name);

  api.route({
    ...sessionRoutes['GET /api/sessions'],
    async handler({ identity }) {
      const sessions = await listSessions((await store()).db, ownerOf(identity!), clock.nowMs());
      const current = identity!.via === 'session' ? sessionIdOf(identity!.id) : null;
      return { sessions: sessions.map((session) => ({ ...session, current: session.session_id === current })) };
    },
  });

  api.route({
    ...sessionRoutes['DELETE /api/sessions/{session_id}'],
    async handler(request, reply) {
      const { session_id: id } = request.params;
      const hash = await revokeSession((await store()).db, id, ownerOf(request.identity!), clock.nowMs());
      if (hash === null) throw new MinutehandError('SESSION_UNKNOWN', { seen: id });
      hub.drop(hash);
      request.written = { target: id };
      return reply.status(204).send(null);
    },
  });
}

function addOwnSessionRoutes(api: Api, { store, clock, hub }: ApiContext): void {
  api.route({
    ...sessionRoutes['GET /api/session'],
    async handler(request) {
      const { name, role, via } = request.identity!;
      const secret = request.cookies[sessionCookie(request)];
      return { name, role, via, csrf_token: via === 'session' && secret !== undefined ? csrfTokenOf(secret) : null };
    },
  });

  api.route({
    ...sessionRoutes['DELETE /api/session'],
    async handler(request, reply) {
      const secret = request.cookies[sessionCookie(request)];
      if (secret !== undefined) await endSession((await store()).db, secret, clock.nowMs());
      hub.drop(request.identity!.id);
      void reply.clearCookie(sessionCookie(request), COOKIE);
      return reply.status(204).send(null);
    },
  });
}
