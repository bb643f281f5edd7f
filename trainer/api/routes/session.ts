import type { FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';
import { MinutehandError } from '../../../shared/errors.ts';
import { addressOf, identifyToken, refuseHasty, refuseOtherPages, type Credentials } from '../access/guard.ts';
import type { Identity, Role } from '../access/role.ts';
import { csrfTokenOf, endSession, openSession, redeemLogin, SESSION_COOKIE, SESSION_MS } from '../access/sessions.ts';
import type { Api, ApiContext } from '../context.ts';
import { loginRequest, sessionSchema } from '../schema/access.ts';
import { REFUSALS } from '../schema/refusal.ts';

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
    const earlier = request.cookies[SESSION_COOKIE];
    if (earlier !== undefined) await endSession(db, earlier, nowMs);
    const secret = await openSession(db, { name, role, tokenId, nowMs });
    void reply.setCookie(SESSION_COOKIE, secret, { ...COOKIE, maxAge: SESSION_MS / 1000 });
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
      await logIn(request, reply, await redeem(request, reply, request.query.code), null);
      return reply.redirect('/', 303);
    },
  });

  api.route({
    method: 'POST',
    url: '/api/session',
    config: { role: 'public' },
    schema: {
      tags: ['access'],
      summary: 'Log in by a login link’s code or a token',
      body: loginRequest,
      response: { 200: sessionSchema, ...REFUSALS },
    },
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
}

function addOwnSessionRoutes(api: Api, { store, clock, hub }: ApiContext): void {
  api.route({
    method: 'GET',
    url: '/api/session',
    config: { role: 'viewer' },
    schema: { tags: ['access'], summary: 'The current session', response: { 200: sessionSchema, ...REFUSALS } },
    async handler({ identity, cookies }) {
      const { name, role, via } = identity!;
      const secret = cookies[SESSION_COOKIE];
      return { name, role, via, csrf_token: via === 'session' && secret !== undefined ? csrfTokenOf(secret) : null };
    },
  });

  api.route({
    method: 'DELETE',
    url: '/api/session',
    config: { role: 'viewer' },
    schema: { tags: ['access'], summary: 'Log out', response: { 204: z.null().describe('Logged out'), ...REFUSALS } },
    async handler(request, reply) {
      const secret = request.cookies[SESSION_COOKIE];
      if (secret !== undefined) await endSession((await store()).db, secret, clock.nowMs());
      hub.drop(request.identity!.id);
      void reply.clearCookie(SESSION_COOKIE, COOKIE);
      return reply.status(204).send(null);
    },
  });
}
