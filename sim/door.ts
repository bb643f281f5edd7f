import type { FeedReply, Door, FeedWeather } from './feed.ts';
import type { ClientSocket, SocketEnd } from './websockets.ts';

export interface DoorOptions {
  readonly rule: FeedWeather['rule'];
  readonly kind: FeedWeather['door'];
  /** Number of the daemon's current process; a connection leads to one process only. */
  life(): number;
  request(
    method: 'GET' | 'POST',
    path: string,
    query: string,
    body: string,
    onAnswer: (answer: FeedReply) => void,
  ): void;
  /** null: no server is listening. */
  openSocket(path: string, query: string, end: SocketEnd): ClientSocket | null;
  /** Power cuts of the daemon's machine so far. */
  powerCuts(): number;
  /**
   * Converts a WebSocket reply to the reply of an HTTP request, from a daemon whose machine has had `powerCuts` power
   * cuts.
   */
  asAnswer(body: string, powerCuts: number): FeedReply;
  /** Reports, after a delay, that there is no reply. */
  lose(onAnswer: (answer: FeedReply) => void): void;
}

interface BarSocket {
  readonly socket: ClientSocket;
  /** Callers that wait for a reply, in the order of their messages. */
  readonly waiting: ((answer: FeedReply) => void)[];
}

/**
 * The feeder's connection to the daemon: HTTP with keep-alive, or two WebSockets (live and backfill). A connection
 * belongs to one process of the daemon; messages sent on it after that process ends are lost, as are messages on any
 * connection but the newest. A feeder that queries its position opens a new connection with the query; one that resends
 * unanswered messages opens it at the first failure.
 */
export function createDoor(options: DoorOptions): Door {
  const { rule, kind } = options;
  let line = 0;
  let lineLife = 0;
  const sockets = new Map<boolean, BarSocket>();

  function openLine(): void {
    line++;
    lineLife = options.life();
    for (const { socket, waiting } of [...sockets.values()]) {
      socket.close();
      for (const onAnswer of waiting.splice(0)) options.lose(onAnswer);
    }
    sockets.clear();
  }

  function openSocket(backfill: boolean): BarSocket | null {
    const waiting: BarSocket['waiting'] = [];
    // A power cut ends the connection, but a reply already on its way still arrives.
    const powerCuts = options.powerCuts();
    const socket = options.openSocket('/bars', backfill ? 'backfill=1' : '', {
      onMessage: (body) => waiting.shift()?.(options.asAnswer(body, powerCuts)),
      onClose() {
        if (sockets.get(backfill)?.waiting === waiting) sockets.delete(backfill);
        for (const onAnswer of waiting.splice(0)) onAnswer(null);
      },
    });
    if (socket === null) return null;
    const opened = { socket, waiting };
    sockets.set(backfill, opened);
    return opened;
  }

  return {
    line: () => line,
    post(byLine, text, backfill, onAnswer) {
      const isCut = byLine !== line || lineLife !== options.life();
      if (isCut && byLine === line && rule === 'resend') openLine();
      if (isCut) return options.lose(onAnswer);
      if (kind === 'http') return options.request('POST', '/bars', backfill ? 'backfill=1' : '', text, onAnswer);
      const open = sockets.get(backfill) ?? openSocket(backfill);
      if (open === null) return options.lose(onAnswer);
      open.waiting.push(onAnswer);
      open.socket.send(text);
    },
    getHealth(onAnswer) {
      openLine();
      options.request('GET', '/healthz', '', '', onAnswer);
    },
  };
}
