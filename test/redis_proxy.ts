import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A proxy that forgets connections without closing them, as a firewall does with silent ones. */
export interface ForgetfulProxy {
  readonly port: number;
  /** From here on nothing passes the connections that are open now. New ones are served. */
  forget(): void;
}

/** @param toClose receives the end of the proxy */
export async function forgetfulProxyTo(
  port: number,
  toClose: (() => Promise<unknown> | void)[],
): Promise<ForgetfulProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const proxy = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    pairs.add([client, upstream]);
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  toClose.push(() => {
    for (const sockets of pairs) for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return {
    port: (proxy.address() as AddressInfo).port,
    forget() {
      for (const [client, upstream] of pairs) {
        client.unpipe(upstream);
        upstream.unpipe(client);
        // What comes is read, and goes nowhere.
        client.resume();
        upstream.resume();
      }
    },
  };
}

/**
 * A proxy that gives new connections to whichever server is chosen, and keeps the old ones, as most do.
 * @param target its port may change
 * @param toClose receives the end of the proxy
 * @returns its port
 */
export async function proxyTo(target: { port: number }, toClose: (() => Promise<unknown> | void)[]): Promise<number> {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(target.port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.pipe(upstream).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  toClose.push(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return (proxy.address() as AddressInfo).port;
}
