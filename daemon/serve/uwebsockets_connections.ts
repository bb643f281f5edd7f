import { connectionLimits, tooManyConnections } from '../../shared/http/connection_limits.ts';
import type { Router } from './router.ts';
import type { App, NativeResponse } from './uwebsockets_native.ts';
import { writeResponse } from './uwebsockets_requests.ts';

/** Refused connections at a time that are answered; further ones are closed without a word. */
const ANSWERED = 16;

/**
 * Connections of the fast engine that are no WebSockets. It does not tell whose connection has ended, and closes idle
 * ones itself: their total is limited, and a new one above it is refused with 503 CONNECTIONS_TOO_MANY and closed.
 */
export class NativeConnections {
  #open = 0;

  constructor(app: App, router: Pick<Router, 'refuse'>) {
    const { total, burst } = connectionLimits();
    app.filter?.((response: NativeResponse, change) => {
      this.#open += change;
      if (change < 0 || this.#open <= burst * total) return;
      // One that is answered stays open until its client closes it, or for ten seconds.
      if (this.#open > burst * total + ANSWERED) response.close();
      else writeResponse(response, 'GET', router.refuse(tooManyConnections()), true);
    });
  }

  /** One becomes a WebSocket, whose end the engine does not count. */
  release(): void {
    this.#open--;
  }
}
