import { isStillValid } from '../access/sessions.ts';
import type { Api, ApiContext } from '../context.ts';
import { eventRoutes } from '../../schema/events.ts';

/** `GET /api/events`. */
export function addEventRoutes(api: Api, { hub, signals, retrainer, store, clock }: ApiContext): void {
  api.route({
    ...eventRoutes['GET /api/events'],
    exposeHeadRoute: false,
    async handler({ identity }, reply) {
      const [run] = retrainer.runs();
      const first = [
        ...[...signals.last.values()].map((signal) => ['signal', JSON.stringify(signal)] as const),
        ...(run === undefined ? [] : [['run', JSON.stringify(run)] as const]),
      ];
      // Headers set by hooks so far.
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) reply.raw.setHeader(name, value);
      const own = identity!;
      hub.open(reply.raw, own.id, first, async () => isStillValid((await store()).db, own, clock.nowMs()));
      reply.hijack();
      return reply;
    },
  });
}
