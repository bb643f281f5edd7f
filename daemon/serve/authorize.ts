import { timingSafeEqual } from 'node:crypto';
import { MinutehandError } from '../../shared/errors.ts';
import { isForeignOrigin, isLoopbackAddress } from '../../shared/loopback.ts';
import type { RequestHead } from './serve.ts';

/**
 * Who may send bars: programs of this machine, and whoever has the token. Reading is open to all that can connect.
 * Pages of other sites are refused by their Origin.
 */
export function authorizeBars(token: string | undefined): (request: RequestHead) => MinutehandError | null {
  return (request) => {
    if (request.path !== '/bars') return null;
    const origin = request.header('origin');
    if (isForeignOrigin(origin)) return new MinutehandError('ORIGIN_REFUSED', { seen: origin.slice(0, 80) });
    if (isLoopbackAddress(request.remoteAddress)) return null;
    const given = Buffer.from(request.header('authorization'));
    const wanted = Buffer.from(`Bearer ${token ?? ''}`);
    const isRight =
      token !== undefined && token !== '' && given.length === wanted.length && timingSafeEqual(given, wanted);
    return isRight ? null : new MinutehandError('UNAUTHORIZED', { seen: `a request from ${request.remoteAddress}` });
  };
}
