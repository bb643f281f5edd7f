import { CLOSE_GRACE_MS, type Wire } from './audience.ts';
import type { NativeWebSocket, Session } from './uwebsockets_native.ts';

/**
 * Messages are sent in pieces of this size. The 2023 build writes a wrong rest when the operating system takes only a
 * part of a message over 16 kB: the reader then receives garbage (measured: every size from 16.5 kB on; never in
 * pieces).
 */
const FRAGMENT_BYTES = 8192;

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
          for (const text of texts) if (!session.gone) sendInPieces(socket, text);
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

function sendInPieces(socket: NativeWebSocket, text: Buffer): void {
  if (text.length <= FRAGMENT_BYTES) {
    socket.send(text, false);
    return;
  }
  socket.sendFirstFragment(text.subarray(0, FRAGMENT_BYTES), false);
  let start = FRAGMENT_BYTES;
  for (; start + FRAGMENT_BYTES < text.length; start += FRAGMENT_BYTES) {
    socket.sendFragment(text.subarray(start, start + FRAGMENT_BYTES));
  }
  socket.sendLastFragment(text.subarray(start));
}
