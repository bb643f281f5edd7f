import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  /** Connections at once. */
  readonly total: number;
  /** Of one address. */
  readonly perAddress: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = { total: 1000, perAddress: 250 };

/**
 * Keeps room for new connections to a node:http server: beyond a limit, the oldest connection that has no request in
 * progress is closed, first of the same address. Whoever opens connections and says nothing, or sends a head byte by
 * byte, loses his own; a client that asks at once is answered. With nothing to close, the new one is closed.
 */
export function limitConnections(server: Server, { total, perAddress }: ConnectionLimits = CONNECTION_LIMITS): void {
  /** In the order in which they were opened. */
  const open = new Map<Socket, string>();
  const counts = new Map<string, number>();
  const requests = new Map<Socket, number>();

  function forget(socket: Socket): void {
    const address = open.get(socket);
    if (address === undefined) return;
    open.delete(socket);
    requests.delete(socket);
    const left = (counts.get(address) ?? 1) - 1;
    if (left === 0) counts.delete(address);
    else counts.set(address, left);
  }

  /** @param address null = any @returns whether one was closed */
  function closeOldest(address: string | null): boolean {
    for (const [socket, own] of open) {
      if ((address !== null && own !== address) || (requests.get(socket) ?? 0) > 0) continue;
      forget(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const hasRoom =
      ((counts.get(address) ?? 0) < perAddress || closeOldest(address)) && (open.size < total || closeOldest(null));
    if (!hasRoom) return void socket.destroy();
    open.set(socket, address);
    counts.set(address, (counts.get(address) ?? 0) + 1);
    socket.once('close', () => forget(socket));
  });
  const begin = ({ socket }: IncomingMessage): void => void requests.set(socket, (requests.get(socket) ?? 0) + 1);
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    begin(request);
    response.once('close', () => {
      if (!open.has(socket)) return;
      requests.set(socket, (requests.get(socket) ?? 1) - 1);
      // Used last: it stands behind the ones that said nothing.
      const address = open.get(socket)!;
      open.delete(socket);
      open.set(socket, address);
    });
  });
  // A WebSocket has no end of its request: it counts as in use until it is closed.
  server.on('upgrade', begin);
}
