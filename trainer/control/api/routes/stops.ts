import { addStops, ALL_PAIRS, liftStops, readHalts, type Stop } from '../../../../shared/bundle/halts.ts';
import { knownSubject } from '../../../../shared/policy/known_subject.ts';
import { symbolNames } from '../../../../shared/policy/symbol_names.ts';
import { REFUSALS } from '../../schema/refusal.ts';
import { resumeRequest, stopRequest, stopsSchema } from '../../schema/stops.ts';
import type { Api, ApiContext } from '../context.ts';

/** `GET /api/stops`, `POST /api/stops`, `POST /api/stops/resume`. */
export function addStopRoutes(api: Api, { settings, paths, clock }: ApiContext): void {
  const { pairs, instruments } = settings.minutehand;
  const tags = ['signals'];
  const response = { 200: stopsSchema, ...REFUSALS };
  const stops = (): Stop[] => [...(readHalts(paths.models).stops ?? [])];
  const names = symbolNames(settings);
  const known = (subjects: readonly string[] = [ALL_PAIRS]): readonly string[] =>
    subjects.map((id) => (id === ALL_PAIRS ? id : knownSubject(id, [...pairs, ...instruments], names)));

  api.route({
    method: 'GET',
    url: '/api/stops',
    config: { role: 'viewer' },
    schema: { tags, summary: 'What a person has stopped', response },
    handler: () => Promise.resolve({ stops: stops() }),
  });

  api.route({
    method: 'POST',
    url: '/api/stops',
    config: { role: 'operator' },
    schema: {
      tags,
      summary: 'Stop entries, or close positions too, from the next bar on',
      body: stopRequest,
      response,
    },
    handler(request) {
      const { kind, reason } = request.body;
      const subjects = known(request.body.subjects);
      const before = stops();
      request.written = { target: subjects.join(','), before };
      addStops(paths.models, subjects, { kind, reason, by: request.identity!.name }, new Date(clock.nowMs()));
      const after = stops();
      request.written = { target: subjects.join(','), before, after };
      return Promise.resolve({ stops: after });
    },
  });

  api.route({
    method: 'POST',
    url: '/api/stops/resume',
    config: { role: 'operator' },
    schema: { tags, summary: 'Lift stops of a person', body: resumeRequest, response },
    handler(request) {
      const subjects = known(request.body?.subjects);
      const before = stops();
      request.written = { target: subjects.join(','), before };
      liftStops(paths.models, subjects, new Date(clock.nowMs()));
      const after = stops();
      request.written = { target: subjects.join(','), before, after };
      return Promise.resolve({ stops: after });
    },
  });
}
