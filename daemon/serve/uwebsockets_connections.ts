import { connectionLimits, tooManyConnections } from '../../shared/http/connection_limits.ts';
import type { Router } from './router.ts';
import type { App, NativeResponse } from './uwebsockets_native.ts';
import { writeResponse } from './uwebsockets_requests.ts';

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
      if (change > 0 && this.#open > burst * total)
        writeResponse(response, 'GET', router.refuse(tooManyConnections()), true);
    });
  }

  /** One becomes a WebSocket, whose end the engine does not count. */
  release(): void {
    this.#open--;
  }
}
