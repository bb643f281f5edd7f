import { ERRORS, MinutehandError } from '../../shared/errors.ts';
import type { Route } from '../serve/http_route.ts';
import type { Intake } from './intake.ts';

const [ALL_STORED, ALL_TAKEN, SOME_TAKEN] = [200, 202, 207];

/**
 * `POST /bars[?backfill=1][&boot_id=…]`: one bar or an array. 200 when all were taken and journaled, 202 when all were
 * taken and the journal could not be written, 207 when some were taken, else the status of the first refusal. Bars that
 * are taken but not stored are answered with signals all the same; the journal gets them when the disk takes them
 * again. A request that names another boot is refused before anything is taken.
 * @param settled resolves when signals are out, to whether the journal has all bars that were taken
 */
export function barsRoute(intake: Intake, settled: () => Promise<boolean>, bootId: string): Route {
  return {
    method: 'POST',
    path: '/bars',
    async handle(request) {
      const known = request.query.get('boot_id');
      if (known !== null && known !== bootId)
        throw new MinutehandError('BOOT_CHANGED', { seen: known.slice(0, 40), expected: bootId });
      const report = intake(request.body.toString('utf8'), request.query.get('backfill') === '1');
      const stored = await settled();
      const first = report.rejected[0];
      const taken = report.accepted + report.duplicates + report.late;
      const whenAll = stored ? ALL_STORED : ALL_TAKEN;
      const status = first === undefined ? whenAll : taken > 0 ? SOME_TAKEN : ERRORS[first.code].status;
      const error =
        first === undefined ? {} : { error: { code: first.code, message: first.message, next: first.next } };
      return { status, contentType: 'application/json', body: JSON.stringify({ ...report, stored, ...error }) };
    },
  };
}
