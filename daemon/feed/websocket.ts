import type { WebSocketRoute } from '../serve/websocket_route.ts';
import type { Intake } from './intake.ts';

/** Each may hold an unfinished message of the greatest size. */
const FEEDERS_MAX = 32;

/**
 * WebSocket `/bars[?backfill=1]`: each message is one bar or an array; the answer is the report, with `stored` as POST
 * /bars has it.
 */
export function barsWebSocket(
  intake: Intake,
  settled: () => Promise<boolean>,
  onDefect: (error: unknown) => void,
): WebSocketRoute {
  return {
    path: '/bars',
    maxConnections: FEEDERS_MAX,
    onOpen: () => undefined,
    onMessage(connection, text) {
      const report = intake(text, connection.query.get('backfill') === '1');
      settled().then((stored) => connection.send(JSON.stringify({ ...report, stored })), onDefect);
    },
    onClose: () => undefined,
  };
}
