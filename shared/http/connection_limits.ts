import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { MinutehandError } from '../errors.ts';
import { descriptorLimit, socketShare } from '../process/descriptors.ts';
import { refusalText } from './node_server.ts';

export interface ConnectionLimits {
  /** Connections without a request in progress, kept for longer than `graceMs`. */
  readonly total: number;
  /** Those of one address. */
  readonly perAddress: number;
  /** Of all connections, new and busy ones too, this many times as many are open at once. */
  readonly burst: number;
  /**
   * A connection that is younger, or was used later, is closed only beyond the burst: its request may be on its way.
   */
  readonly graceMs: number;
}

const BURST = 4;
const TOTAL_MAX = 1000;

/** 1000 connections, 250 of one address; fewer where all of a burst would take more than its share of descriptors. */
export function connectionLimits(descriptors = descriptorLimit()): ConnectionLimits {
  const total = Math.floor(socketShare(BURST * TOTAL_MAX, descriptors) / BURST);
  return { total, perAddress: Math.min(250, Math.ceil(total / 2)), burst: BURST, graceMs: 2000 };
}

/** The answer to a connection for which there is no room, before its request is read. */
export function tooManyConnections(): MinutehandError {
  return new MinutehandError('CONNECTIONS_TOO_MANY', { seen: 'all connections that this server takes are in use' });
}

export interface ConnectionLimiter {
  /** A connection that is no longer HTTP, such as a WebSocket: other limits apply, so that it counts no more. */
  release(socket: Socket): void;
}

interface Known {
  readonly address: string;
  /** Since when nothing was asked; performance.now(). */
  idleSinceMs: number;
  requests: number;
}

/**
 * Keeps room for new connections to a node:http server: beyond a limit, the connection that has asked nothing for the
 * longest time is closed, first of the same address. A client that opens connections and says nothing, or sends a head
 * byte by byte, loses its own; a client that asks at once is answered. With nothing to close, the new one is refused
 * with 503 CONNECTIONS_TOO_MANY and closed.
 */
export function limitConnections(server: Server, limits = connectionLimits()): ConnectionLimiter {
  const limited = new LimitedConnections(limits);
  server.on('connection', (socket: Socket) => limited.take(socket));
  server.on('request', ({ socket }, response: ServerResponse) => {
    limited.begin(socket);
    response.once('close', () => limited.end(socket));
  });
  server.on('close', () => limited.stop());
  return { release: (socket) => limited.forget(socket) };
}

class LimitedConnections {
  readonly #limits: ConnectionLimits;
  /** Longest idle first. */
  readonly #open = new Map<Socket, Known>();
  readonly #counts = new Map<string, number>();
  #sweeping: NodeJS.Timeout | null = null;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  take(socket: Socket): void {
    // A request whose upgrade is ignored is read again, on the same connection.
    if (this.#open.has(socket)) return;
    const address = socket.remoteAddress ?? '';
    const { total, perAddress, burst, graceMs } = this.#limits;
    const nowMs = performance.now();
    const isFull = (limit: number, of: string | null): boolean => {
      const count = of === null ? this.#open.size : (this.#counts.get(of) ?? 0);
      if (count < limit || this.#closeOldest(of, nowMs - graceMs)) return false;
      return count >= burst * limit && !this.#closeOldest(of, nowMs);
    };
    if (isFull(perAddress, address) || isFull(total, null)) return refuse(socket);
    this.#open.set(socket, { address, idleSinceMs: nowMs, requests: 0 });
    const count = (this.#counts.get(address) ?? 0) + 1;
    this.#counts.set(address, count);
    socket.once('close', () => this.forget(socket));
    if (count > perAddress || this.#open.size > total) this.#sweepLater();
  }

  forget(socket: Socket): void {
    const known = this.#open.get(socket);
    if (known === undefined) return;
    this.#open.delete(socket);
    const left = this.#counts.get(known.address)! - 1;
    if (left === 0) this.#counts.delete(known.address);
    else this.#counts.set(known.address, left);
  }

  begin(socket: Socket): void {
    const known = this.#open.get(socket);
    if (known !== undefined) known.requests += 1;
  }

  end(socket: Socket): void {
    const known = this.#open.get(socket);
    if (known === undefined) return;
    known.requests -= 1;
    known.idleSinceMs = performance.now();
    // Used last: it stands behind the ones that said nothing.
    this.#open.delete(socket);
    this.#open.set(socket, known);
  }

  stop(): void {
    if (this.#sweeping !== null) clearTimeout(this.#sweeping);
  }

  /** @param address null = any @param untilMs idle since then at least @returns whether one was closed */
  #closeOldest(address: string | null, untilMs: number): boolean {
    for (const [socket, known] of this.#open) {
      if (known.idleSinceMs > untilMs) return false;
      if ((address !== null && known.address !== address) || known.requests > 0) continue;
      this.forget(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  #sweepLater(): void {
    this.#sweeping ??= setTimeout(() => this.#sweep(), this.#limits.graceMs).unref();
  }

  #sweep(): void {
    this.#sweeping = null;
    const { total, perAddress, graceMs } = this.#limits;
    const untilMs = performance.now() - graceMs;
    let isOver = false;
    for (const address of [...this.#counts.keys()]) {
      while ((this.#counts.get(address) ?? 0) > perAddress && this.#closeOldest(address, untilMs));
      isOver ||= (this.#counts.get(address) ?? 0) > perAddress;
    }
    while (this.#open.size > total && this.#closeOldest(null, untilMs));
    if (isOver || this.#open.size > total) this.#sweepLater();
  }
}

/** Nothing of its request has been read, and nothing is: what it asks for is not done. */
function refuse(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.write(refusalText(tooManyConnections()), () => socket.destroy());
}
