import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, type StandaloneConnectionOptions } from 'ioredis';
import { watchAddress, type AddressWatchTiming } from '../moved_address.ts';

/**
 * Opens the connections of an ioredis client, as its own connector does, and leaves one when the name of its server has
 * moved; ioredis then connects again.
 * @returns undefined for a numeric address: it cannot move
 */
export function watchingConnector(host: string, timing?: AddressWatchTiming) {
  if (isIP(host) !== 0) return undefined;
  return class WatchingConnector extends AbstractConnector {
    readonly #options: StandaloneConnectionOptions;

    constructor(options: unknown) {
      const known = options as StandaloneConnectionOptions;
      super(known.disconnectTimeout ?? 0);
      this.#options = known;
    }

    /** Not before the next turn: ioredis may have been told to disconnect meanwhile. */
    async connect(): Promise<Socket> {
      this.connecting = true;
      await Promise.resolve();
      if (!this.connecting) throw new Error('Connection is closed.');
      const { port, family, tls } = this.#options;
      const target = { host, port: port ?? 0, ...(family === undefined ? {} : { family }) };
      const stream = tls === undefined ? connect(target) : connectTls({ ...target, ...tls });
      stream.once('error', (error) => (this.firstError = error));
      const endWatch = watchAddress({ host, socket: () => stream, leave: () => void stream.destroy() }, timing);
      stream.once('close', endWatch);
      return (this.stream = stream);
    }
  };
}
