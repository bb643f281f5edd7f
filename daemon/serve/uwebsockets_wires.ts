import { CLOSE_GRACE_MS, type Wire } from './audience.ts';
import type { NativeWebSocket, Session } from './uwebsockets_native.ts';

/** Messages to WebSockets, and their end. */
export class NativeWires {
  #finishing = 0;

  /** Sockets whose last bytes are in transit. */
  get finishing(): number {
    return this.#finishing;
  }

  wireOf(socket: NativeWebSocket, session: Session): Wire {
    return {
      bufferedBytes: () => bufferedBytes(socket, session),
      write(texts) {
        if (session.gone) return;
        socket.cork(() => {
          for (const text of texts) if (!session.gone) socket.send(text, false);
        });
      },
      finish: (code, reason) => this.#finish(socket, session, code, reason),
    };
  }

  #finish(socket: NativeWebSocket, session: Session, code: number, reason: string): void {
    if (session.gone) return;
    if (bufferedBytes(socket, session) === 0) return socket.end(code, reason);
    this.#finishing++;
    const cut = setTimeout(() => {
      if (!session.gone) socket.close();
    }, CLOSE_GRACE_MS);
    session.onDrain = () => {
      if (bufferedBytes(socket, session) > 0) return;
      session.onDrain = null;
      clearTimeout(cut);
      this.#finishing--;
      if (!session.gone) socket.end(code, reason);
    };
  }
}

function bufferedBytes(socket: NativeWebSocket, session: Session): number {
  return session.gone ? 0 : socket.getBufferedAmount();
}
