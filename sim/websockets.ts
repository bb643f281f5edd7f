import { createAudience, type Audience, type Client, type Wire } from '../daemon/serve/audience.ts';
import type { WebSocketRoute } from '../daemon/serve/websocket_route.ts';
import type { Rng } from '../shared/ports.ts';
import type { SimulatedProcess } from './process.ts';
import type { Timeline } from './timeline.ts';

/** The far end of a WebSocket. */
export interface SocketEnd {
  onMessage(text: string): void;
  /** Told once, when the connection is gone for this end. 1006: without a close frame. */
  onClose(code: number): void;
}

export interface ClientSocket {
  send(text: string): void;
  close(): void;
  /** A reader that stands still: what is sent to it waits, first in its kernel, then at the server. */
  isPaused: boolean;
}

/** The WebSocket side of a daemon's server: the real audience over simulated wires. */
export interface SimulatedSockets {
  readonly audience: Audience;
  connect(path: string, query: string, end: SocketEnd): ClientSocket;
  /** The most that waited for one client at the server, in bytes. */
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
  /** What the kernels of both sides hold before the server's memory has to. */
  readonly kernelBytes: number;
  onText(text: string): void;
  onDefect(error: unknown): void;
}

export function openSockets(options: SocketOptions): SimulatedSockets {
  const { process, timeline, rng } = options;
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

  function connect(path: string, query: string, end: SocketEnd): ClientSocket {
    let isPaused = false;
    let isOpen = true;
    let closingCode: number | null = null;
    let isClosing = false;
    let inKernel: string[] = [];
    let kernelBytes = 0;
    let atServer: string[] = [];
    let serverBytes = 0;
    let lastArrivalMs = 0;
    let lastSentMs = 0;
    let client: Client | null = null;

    const arrival = (): number =>
      (lastArrivalMs = Math.max(lastArrivalMs, timeline.nowMs + options.latencyMs + rng.uniform() * options.spreadMs));

    /** Moves what fits from the server into the kernels, and from there to the reader. */
    function flow(): void {
      if (process.alive)
        while (atServer.length > 0 && kernelBytes + atServer[0]!.length <= options.kernelBytes) {
          const text = atServer.shift()!;
          serverBytes -= text.length;
          kernelBytes += text.length;
          inKernel.push(text);
        }
      if (isPaused) return;
      const texts = inKernel;
      if (texts.length === 0) {
        if (closingCode !== null && !isClosing) {
          isClosing = true;
          tellClosed(closingCode);
        }
        return;
      }
      inKernel = [];
      kernelBytes = 0;
      for (const text of texts) timeline.at(arrival(), () => isOpen && end.onMessage(text), true);
      flow();
    }

    /** The connection ends for the reader after what the kernels hold. */
    function hangUp(code: number): void {
      closingCode ??= code;
      atServer = [];
      serverBytes = 0;
      flow();
    }

    function tellClosed(code: number): void {
      timeline.at(
        arrival(),
        () => {
          if (!isOpen) return;
          isOpen = false;
          end.onClose(code);
        },
        true,
      );
    }

    const wire: Wire = {
      write(texts) {
        process.call(() => {
          for (const bytes of texts) {
            const text = bytes.toString();
            if (path === '/signals') options.onText(text);
            atServer.push(text);
            serverBytes += text.length;
          }
          flow();
          mostBuffered = Math.max(mostBuffered, serverBytes);
        });
      },
      bufferedBytes: () => serverBytes,
      finish: (code) => hangUp(code),
    };

    process.onDeath(() => hangUp(1006));
    const route = options.routes.find((candidate) => candidate.path === path)!;
    process.at(timeline.nowMs + options.latencyMs, () => {
      client = audience.admit(route, new URLSearchParams(query), '127.0.0.1', wire);
    });
    return {
      get isPaused() {
        return isPaused;
      },
      set isPaused(paused) {
        isPaused = paused;
        if (!paused) flow();
      },
      send(text) {
        lastSentMs = Math.max(lastSentMs, timeline.nowMs + options.latencyMs + rng.uniform() * options.spreadMs);
        process.at(lastSentMs, () => client?.receive(text), true);
      },
      close() {
        isOpen = false;
        process.at(timeline.nowMs + options.latencyMs, () => client?.retire());
      },
    };
  }

  return {
    audience,
    connect,
    get mostBuffered() {
      return mostBuffered;
    },
  };
}
