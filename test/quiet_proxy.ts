import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A proxy that cuts a connection which has been silent for a time, as reverse proxies do after 60 s. */
export interface QuietProxy {
  readonly port: number;
  /** Connections that it has served, and those of them that it has cut. */
  readonly served: number;
  readonly cut: number;
  /** Lets time pass on its clock. */
  pass(ms: number): void;
}

/** @param toClose receives the end of the proxy */
export async function quietProxyTo(
  port: number,
  cutAfterMs: number,
  toClose: (() => Promise<unknown> | void)[],
): Promise<QuietProxy> {
  const silentMs = new Map<readonly [Socket, Socket], number>();
  let served = 0;
  let cut = 0;
  const proxy = createServer((client) => {
    const pair = [client, connect(port, '127.0.0.1')] as const;
    served++;
    silentMs.set(pair, 0);
    for (const [one, other] of [pair, pair.toReversed()] as [Socket, Socket][]) {
      one.on('data', () => silentMs.set(pair, 0));
      one.on('error', () => undefined);
      one.on('close', () => {
        other.destroy();
        silentMs.delete(pair);
      });
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
  toClose.push(() => {
    for (const sockets of silentMs.keys()) for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return {
    port: (proxy.address() as AddressInfo).port,
    get served() {
      return served;
    },
    get cut() {
      return cut;
    },
    pass(ms) {
      for (const [pair, silent] of silentMs) {
        silentMs.set(pair, silent + ms);
        if (silent + ms < cutAfterMs) continue;
        cut++;
        for (const socket of pair) socket.destroy();
      }
    },
  };
}
