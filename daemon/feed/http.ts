import { ERRORS } from '../../shared/errors.ts';
import type { Route } from '../serve/serve.ts';
import type { Intake } from './intake.ts';

/**
 * `POST /bars[?backfill=1]`: one bar or an array. 200 when all were taken, 207 when some were, else the status of the
 * first refusal. The answer comes after the journal has what was taken; while the disk refuses it, the bars count all
 * the same, and `/healthz` says so.
 */
export function barsRoute(intake: Intake, settled: () => Promise<void>): Route {
  return {
    method: 'POST',
    path: '/bars',
    async handle(request) {
      const report = intake(request.body.toString('utf8'), request.query.get('backfill') === '1');
      await settled();
      const first = report.rejected[0];
      const taken = report.accepted + report.duplicates + report.late;
      const status = first === undefined ? 200 : taken > 0 ? 207 : ERRORS[first.code].status;
      const error =
        first === undefined ? {} : { error: { code: first.code, message: first.message, next: first.next } };
      return { status, contentType: 'application/json', body: JSON.stringify({ ...report, ...error }) };
    },
  };
}
