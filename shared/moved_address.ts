import dns from 'node:dns';
import { isIP, type Socket } from 'node:net';

/** Interval of the look-ups. */
const LOOK_MS = 15_000;
/** A name with many addresses may be answered with some of them in turns: one look-up proves nothing. */
const LOOKS = 2;

export interface WatchedConnection {
  /** Name or address that was asked for; undefined for a Unix socket. */
  readonly host: string | undefined;
  /** The open connection, if there is one. */
  socket(): Pick<Socket, 'remoteAddress'> | null | undefined;
  /** Ends it: the next one goes to where the name leads by then. */
  leave(): void;
}

export interface AddressWatchTiming {
  readonly lookMs?: number;
}

/**
 * A connection outlives the address of its server's name: after a move by DNS it still reaches the former server,
 * which may answer as if nothing had happened. Leaves a connection when two look-ups in a row, 15 s apart, do not list
 * its address. A name that cannot be looked up changes nothing. Numeric addresses and Unix sockets are not watched.
 * @returns ends the watch
 */
export function watchAddress(connection: WatchedConnection, { lookMs = LOOK_MS }: AddressWatchTiming = {}): () => void {
  const { host } = connection;
  if (host === undefined || isIP(host) !== 0) return () => undefined;
  let looked: ReturnType<WatchedConnection['socket']>;
  let misses = 0;
  let isLooking = false;
  const look = (): void => {
    const socket = connection.socket();
    const address = withoutZone(socket?.remoteAddress);
    if (isLooking || address === undefined) return;
    if (socket !== looked) misses = 0;
    looked = socket;
    isLooking = true;
    dns.lookup(host, { all: true }, (error, found) => {
      isLooking = false;
      if (error !== null || found.length === 0 || connection.socket() !== socket) return;
      misses = found.some((one) => withoutZone(one.address) === address) ? 0 : misses + 1;
      if (misses < LOOKS) return;
      misses = 0;
      connection.leave();
    });
  };
  const timer = setInterval(look, lookMs).unref();
  return () => clearInterval(timer);
}

/** Sockets state the interface of a link-local address, and IPv4 as IPv6 where they serve both. */
function withoutZone(address: string | undefined): string | undefined {
  return address?.split('%', 1)[0]!.replace(/^::ffff:(?=\d+\.)/, '');
}
