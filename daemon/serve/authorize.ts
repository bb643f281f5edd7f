import { timingSafeEqual } from 'node:crypto';
import { MinutehandError } from '../../shared/errors.ts';
import type { RequestHead } from './serve.ts';

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1)$/;
const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/**
 * Who may send bars: programs of this machine, and whoever has the token. Reading is open to all that can connect.
 * A browser lets any web page open a WebSocket to this machine, so pages of other sites are refused by their Origin.
 */
export function authorizeBars(token: string | undefined): (request: RequestHead) => MinutehandError | null {
  return (request) => {
    if (request.path !== '/bars') return null;
    const origin = request.header('origin');
    if (origin !== '' && !LOOPBACK_ORIGIN.test(origin))
      return new MinutehandError('ORIGIN_REFUSED', { seen: origin.slice(0, 80) });
    if (LOOPBACK.test(request.remoteAddress)) return null;
    const given = Buffer.from(request.header('authorization'));
    const wanted = Buffer.from(`Bearer ${token ?? ''}`);
    const isRight =
      token !== undefined && token !== '' && given.length === wanted.length && timingSafeEqual(given, wanted);
    return isRight ? null : new MinutehandError('UNAUTHORIZED', { seen: `a request from ${request.remoteAddress}` });
  };
}
