import { ERRORS, MinutehandError } from '../../shared/errors.ts';
import type { KnownQuery } from '../../shared/http/known_query.ts';
import type { HttpRequest, Route } from '../serve/http_route.ts';
import type { Intake, RefusedItem } from './intake.ts';
import type { SeriesIntake } from './series_intake.ts';

const ALL_STORED = 200;
const ALL_TAKEN = 202;
const SOME_TAKEN = 207;

/** Whether bars are history: the parameter of HTTP and WebSocket. */
export const BACKFILL_QUERY = { backfill: ['0', '1'] } as const satisfies KnownQuery;
/** The boot that the sender knows. */
const BOOT_QUERY: KnownQuery = { boot_id: null };

/** Resolves when signals are out, to whether the journal has all that was taken. */
type Settled = () => Promise<boolean>;

/**
 * `POST /bars[?backfill=1][&boot_id=…]`: one bar or an array. 200 when all were taken and journaled, 202 when all were
 * taken and the journal could not be written, 207 when some were taken, else the status of the first refusal. Bars that
 * are taken but not stored are answered with signals all the same; the journal gets them when the disk takes them
 * again. A request that names another boot is refused before anything is taken.
 */
export function barsRoute(intake: Intake, settled: Settled, bootId: string): Route {
  return intakeRoute(
    { path: '/bars', query: { ...BACKFILL_QUERY, ...BOOT_QUERY } },
    settled,
    bootId,
    ({ body, query }) => {
      const report = intake(body.toString('utf8'), query.get('backfill') === '1');
      return { report, taken: report.accepted + report.duplicates + report.late };
    },
  );
}

/** `POST /series[?boot_id=…]`: one observation or an array; as `POST /bars`. */
export function seriesRoute(intake: SeriesIntake, settled: Settled, bootId: string): Route {
  return intakeRoute({ path: '/series', query: BOOT_QUERY }, settled, bootId, ({ body }) => {
    const report = intake(body.toString('utf8'));
    return { report, taken: report.accepted + report.duplicates };
  });
}

function intakeRoute(
  { path, query }: Required<Pick<Route, 'path' | 'query'>>,
  settled: Settled,
  bootId: string,
  take: (request: HttpRequest) => { readonly report: { readonly rejected: readonly RefusedItem[] }; taken: number },
): Route {
  return {
    method: 'POST',
    path,
    query,
    async handle(request) {
      const known = request.query.get('boot_id');
      if (known !== null && known !== bootId)
        throw new MinutehandError('BOOT_CHANGED', { seen: known.slice(0, 40), expected: bootId });
      const { report, taken } = take(request);
      const stored = await settled();
      const first = report.rejected[0];
      const whenAll = stored ? ALL_STORED : ALL_TAKEN;
      const status = first === undefined ? whenAll : taken > 0 ? SOME_TAKEN : ERRORS[first.code].status;
      const error =
        first === undefined ? {} : { error: { code: first.code, message: first.message, next: first.next } };
      return { status, contentType: 'application/json', body: JSON.stringify({ ...report, stored, ...error }) };
    },
  };
}
