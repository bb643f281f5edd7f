import { ERRORS, MinutehandError } from '../../shared/errors.ts';
import type { Route } from '../serve/serve.ts';
import type { Intake } from './intake.ts';

/**
 * `POST /bars[?backfill=1][&boot_id=…]`: one bar or an array. 200 when all were taken, 207 when some were, else the status of the
 * first refusal. The answer comes after the journal has what was taken; while the disk refuses it, the bars count all
 * the same, and `/healthz` says so. A feeder that names the boot it knows is refused by another one before anything is taken.
 */
export function barsRoute(intake: Intake, settled: () => Promise<void>, bootId: string): Route {
  return {
    method: 'POST',
    path: '/bars',
    async handle(request) {
      const known = request.query.get('boot_id');
      if (known !== null && known !== bootId)
        throw new MinutehandError('BOOT_CHANGED', { seen: known.slice(0, 40), expected: bootId });
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
