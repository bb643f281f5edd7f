import { addStops, ALL_PAIRS, liftStops, readHalts, type Stop } from '../../../../shared/bundle/halts.ts';
import { knownSubject } from '../../../../shared/policy/known_subject.ts';
import { symbolNames } from '../../../../shared/policy/symbol_names.ts';
import type { Api, ApiContext } from '../context.ts';
import { stopRoutes } from '../../schema/stops.ts';
import { whenUnlocked } from '../../../../shared/process/home_lock.ts';

/** `GET /api/stops`, `POST /api/stops`, `POST /api/stops/resume`. */
export function addStopRoutes(api: Api, { settings, paths, clock }: ApiContext): void {
  const { pairs, instruments } = settings.minutehand;
  const stops = (): Stop[] => [...(readHalts(paths.models).stops ?? [])];
  const names = symbolNames(settings);
  const known = (subjects: readonly string[] = [ALL_PAIRS]): readonly string[] =>
    subjects.map((id) => (id === ALL_PAIRS ? id : knownSubject(id, [...pairs, ...instruments], names)));

  api.route({
    ...stopRoutes['GET /api/stops'],
    handler: () => Promise.resolve({ stops: stops() }),
  });

  api.route({
    ...stopRoutes['POST /api/stops'],
    async handler(request) {
      const { kind, reason } = request.body;
      const subjects = known(request.body.subjects);
      const before = stops();
      request.written = { target: subjects.join(','), before };
      const order = { kind, reason, by: request.identity!.name };
      await whenUnlocked(() => addStops(paths.models, subjects, order, new Date(clock.nowMs())));
      const after = stops();
      request.written = { target: subjects.join(','), before, after };
      return { stops: after };
    },
  });

  api.route({
    ...stopRoutes['POST /api/stops/resume'],
    async handler(request) {
      const subjects = known(request.body?.subjects);
      const before = stops();
      request.written = { target: subjects.join(','), before };
      await whenUnlocked(() => liftStops(paths.models, subjects, new Date(clock.nowMs())));
      const after = stops();
      request.written = { target: subjects.join(','), before, after };
      return { stops: after };
    },
  });
}
