import { createAudience, type Audience, type Client, type Wire } from '../daemon/serve/audience.ts';
import type { WebSocketRoute } from '../daemon/serve/websocket_route.ts';
import type { Rng } from '../shared/ports.ts';
import type { SimulatedProcess } from './process.ts';
import type { Timeline } from './timeline.ts';

/** The client's end of a WebSocket. */
export interface SocketEnd {
  onMessage(text: string): void;
  /** Called once when the connection has ended for the client. 1006: without a close frame. */
  onClose(code: number): void;
}

export interface ClientSocket {
  send(text: string): void;
  close(): void;
  /** A stalled reader: its data waits in the kernel first, then at the server. */
  isPaused: boolean;
}

/** The WebSocket side of the daemon's server: the real audience over simulated connections. */
export interface SimulatedSockets {
  readonly audience: Audience;
  connect(path: string, query: string, end: SocketEnd): ClientSocket;
  /** Maximum bytes that waited at the server for one client when more was sent to it. */
  readonly mostBuffered: number;
}

export interface SocketOptions {
  readonly process: SimulatedProcess;
  readonly timeline: Timeline;
  readonly rng: Rng;
  readonly routes: readonly WebSocketRoute[];
  readonly latencyMs: number;
  readonly spreadMs: number;
  readonly maxBufferedBytes: number;
  /** Size of the kernel buffers of both sides, filled before the server's memory is used. */
  readonly kernelBytes: number;
  onText(text: string): void;
  onDefect(error: unknown): void;
}

export function openSockets(options: SocketOptions): SimulatedSockets {
  let mostBuffered = 0;
  const audience = createAudience({
    host: 'simulated',
    port: 0,
    engine: 'ws',
    routes: [],
    webSockets: options.routes,
    maxBodyBytes: 4_194_304,
    maxBufferedBytes: options.maxBufferedBytes,
    onError: options.onDefect,
  });
  return {
    audience,
    connect: (path, query, end) =>
      connect(options, audience, path, query, end, (bytes) => (mostBuffered = Math.max(mostBuffered, bytes))),
    get mostBuffered() {
      return mostBuffered;
    },
  };
}

function connect(
  options: SocketOptions,
  audience: Audience,
  path: string,
  query: string,
  end: SocketEnd,
  onBuffered: (bytes: number) => void,
): ClientSocket {
  const { process, timeline, rng, latencyMs, spreadMs } = options;
  const outbound = new Outbound(options, end);
  let lastSentMs = 0;
  let client: Client | null = null;
  const wire: Wire = {
    write(texts) {
      process.call(() => {
        onBuffered(outbound.serverBytes);
        for (const bytes of texts) {
          const text = bytes.toString();
          if (path === '/signals') options.onText(text);
          outbound.add(text);
        }
        outbound.flow();
      });
    },
    bufferedBytes: () => outbound.serverBytes,
    finish: (code) => outbound.hangUp(code),
  };
  process.onDeath(() => outbound.hangUp(1006));
  const route = options.routes.find((candidate) => candidate.path === path)!;
  process.at(timeline.nowMs + latencyMs, () => {
    client = audience.admit(route, new URLSearchParams(query), '127.0.0.1', wire);
  });
  return {
    get isPaused() {
      return outbound.isPaused;
    },
    set isPaused(paused) {
      outbound.isPaused = paused;
      if (!paused) outbound.flow();
    },
    send(text) {
      lastSentMs = Math.max(lastSentMs, timeline.nowMs + latencyMs + rng.uniform() * spreadMs);
      process.at(lastSentMs, () => client?.receive(text), true);
    },
    close() {
      outbound.abandon();
      process.at(timeline.nowMs + latencyMs, () => client?.retire());
    },
  };
}

/**
 * Messages to one reader: each waits at the server until the kernel buffers have room, and there until the reader
 * reads.
 */
class Outbound {
  readonly #options: SocketOptions;
  readonly #end: SocketEnd;
  isPaused = false;
  serverBytes = 0;
  #atServer: string[] = [];
  #inKernel: string[] = [];
  #kernelBytes = 0;
  #lastArrivalMs = 0;
  #isOpen = true;
  #closingCode: number | null = null;
  #isClosing = false;

  constructor(options: SocketOptions, end: SocketEnd) {
    this.#options = options;
    this.#end = end;
  }

  add(text: string): void {
    this.#atServer.push(text);
    this.serverBytes += text.length;
  }

  /** Moves data from the server into the kernel buffers, and from there to the reader. */
  flow(): void {
    if (this.#options.process.alive) this.#fillKernel();
    if (this.isPaused) return;
    const texts = this.#inKernel;
    if (texts.length === 0) return this.#closeWhenDue();
    this.#inKernel = [];
    this.#kernelBytes = 0;
    for (const text of texts) this.#arrive(() => this.#isOpen && this.#end.onMessage(text));
    this.flow();
  }

  #fillKernel(): void {
    const atServer = this.#atServer;
    while (atServer.length > 0 && this.#kernelBytes + atServer[0]!.length <= this.#options.kernelBytes) {
      const text = atServer.shift()!;
      this.serverBytes -= text.length;
      this.#kernelBytes += text.length;
      this.#inKernel.push(text);
    }
  }

  /** Ends the connection once the reader has received what the kernel buffers hold. */
  hangUp(code: number): void {
    this.#closingCode ??= code;
    this.#atServer = [];
    this.serverBytes = 0;
    this.flow();
  }

  #closeWhenDue(): void {
    if (this.#closingCode === null || this.#isClosing) return;
    const code = this.#closingCode;
    this.#isClosing = true;
    this.#arrive(() => {
      if (!this.#isOpen) return;
      this.#isOpen = false;
      this.#end.onClose(code);
    });
  }

  /** The reader has closed: nothing is delivered any more. */
  abandon(): void {
    this.#isOpen = false;
  }

  #arrive(work: () => void): void {
    const { timeline, rng, latencyMs, spreadMs } = this.#options;
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, timeline.nowMs + latencyMs + rng.uniform() * spreadMs);
    timeline.at(this.#lastArrivalMs, work, true);
  }
}
