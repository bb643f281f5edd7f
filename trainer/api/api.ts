import type { FastifyInstance } from 'fastify';
import { readActive } from '../../shared/bundle/bundle.ts';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import type { HomePaths } from '../../shared/policy/home.ts';
import type { Retrainer } from '../schedule/retrainer.ts';

const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/** `GET /healthz`, `GET /runs`, `POST /retrain`. */
export function addRoutes(server: FastifyInstance, retrainer: Retrainer, paths: HomePaths): void {
  server.addHook('onRequest', async (request) => {
    const { origin } = request.headers;
    if (request.method !== 'GET' && origin !== undefined && !LOOPBACK_ORIGIN.test(origin))
      throw new MinutehandError('ORIGIN_REFUSED', { seen: origin.slice(0, 80) });
  });
  server.setErrorHandler((error, _request, reply) => {
    const status = error instanceof MinutehandError ? error.status : 500;
    return reply.status(status).send({ error: describeError(error) });
  });
  server.setNotFoundHandler((request) => {
    throw new MinutehandError('NOT_FOUND', { seen: `${request.method} ${request.url.slice(0, 80)}` });
  });
  server.get('/healthz', async () => {
    const [last] = retrainer.runs();
    return { status: 'ok', active_version: readActive(paths.models)?.version ?? null, last_run: last ?? null };
  });
  server.get('/runs', async () => ({ runs: retrainer.runs() }));
  server.post('/retrain', async (_request, reply) => {
    const run = retrainer.start('request');
    if (run === null) throw new MinutehandError('RETRAIN_RUNNING');
    return reply.status(202).send(run);
  });
}
