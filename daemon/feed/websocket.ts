import { MinutehandError } from '../../shared/errors.ts';
import { sendError, type WebSocketRoute } from '../serve/websocket_route.ts';
import type { Intake } from './intake.ts';
import type { SeriesIntake } from './series_intake.ts';
import { BACKFILL_QUERY } from './http.ts';

/** Each may hold an unfinished message of the greatest size. */
const FEEDERS_MAX = 32;
/** So that one that opens all it can leaves room for another machine's. */
const FEEDERS_PER_ADDRESS_MAX = 24;

/**
 * WebSocket `/bars[?backfill=1]`: each message is one bar or an array; the answer is the report, with `stored` as POST
 * /bars has it, or an error. Answers have the order of the messages.
 */
export function barsWebSocket(
  intake: Intake,
  settled: () => Promise<boolean>,
  onDefect: (error: unknown) => void,
): WebSocketRoute {
  const route = { path: '/bars', query: BACKFILL_QUERY };
  return intakeWebSocket(route, settled, onDefect, (text, query) => intake(text, query.get('backfill') === '1'));
}

/** WebSocket `/series`: the same for observations. */
export function seriesWebSocket(
  intake: SeriesIntake,
  settled: () => Promise<boolean>,
  onDefect: (error: unknown) => void,
): WebSocketRoute {
  return intakeWebSocket({ path: '/series', query: {} }, settled, onDefect, (text) => intake(text));
}

function intakeWebSocket(
  { path, query }: Required<Pick<WebSocketRoute, 'path' | 'query'>>,
  settled: () => Promise<boolean>,
  onDefect: (error: unknown) => void,
  take: (text: string, query: URLSearchParams) => object,
): WebSocketRoute {
  return {
    path,
    query,
    maxConnections: FEEDERS_MAX,
    maxConnectionsPerAddress: FEEDERS_PER_ADDRESS_MAX,
    onOpen: () => undefined,
    onMessage(connection, text) {
      try {
        const report = take(text, connection.query);
        settled().then((stored) => connection.send(JSON.stringify({ ...report, stored })), onDefect);
      } catch (error) {
        if (!(error instanceof MinutehandError)) onDefect(error);
        // Sent at once, it would overtake the reports of earlier messages.
        settled().then(() => sendError(connection, error), onDefect);
      }
    },
    onClose: () => undefined,
  };
}
