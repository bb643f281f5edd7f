import { readFileSync } from 'node:fs';
import type { RedisOptions } from 'ioredis';
import { MinutehandError } from '../errors.ts';
import { maskSecrets } from '../secrets.ts';
import { watchingConnector } from './watched_redis.ts';

export type RedisAddress = Pick<
  RedisOptions,
  'host' | 'port' | 'path' | 'db' | 'username' | 'password' | 'tls' | 'Connector'
>;

const DEFAULT_PORT = 6379;

/** `transports.redis.url` as delivered: most who leave it so have no Redis. */
export const DELIVERED_REDIS_URL = 'redis://127.0.0.1:6379';

/**
 * The address as options of ioredis, which has no Unix socket by URL, and whose own parser takes any query for options.
 * @param url `redis://[user:password@]host[:port][/db]`, `rediss://…`, or
 * `unix://[user:password@]/path/of/the.sock[?db=n]`
 * @param caFile PEM file with the certificates that `rediss://` trusts instead of those Node comes with; null = those
 * @throws MinutehandError CONFIG_INVALID when the address is not valid or `caFile` cannot be read
 */
export function redisAddress(url: string, caFile: string | null): RedisAddress {
  const socket = /^unix:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?(\/[^?]+)(?:\?db=(\d+))?$/.exec(url);
  if (socket !== null) {
    const [, username = '', password = '', path, db = '0'] = socket;
    return { path: decodeURIComponent(path!), db: Number(db), ...credentials(username, password) };
  }
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url)) throw invalidAddress();
  const { protocol, hostname, port, pathname, username, password } = new URL(url);
  const db = /^\/?(\d*)$/.exec(pathname)?.[1];
  if (hostname === '' || db === undefined) throw invalidAddress();
  const host = hostname.replace(/^\[|\]$/g, '');
  return {
    host,
    port: port === '' ? DEFAULT_PORT : Number(port),
    db: Number(db),
    ...credentials(username, password),
    Connector: watchingConnector(host),
    ...(protocol === 'rediss:' ? { tls: caFile === null ? {} : { ca: readAuthority(caFile) } } : {}),
  };
}

function credentials(username: string, password: string): Pick<RedisAddress, 'username' | 'password'> {
  return {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
  };
}

/** Without the address itself: it may hold a password. */
function invalidAddress(): MinutehandError {
  return new MinutehandError('CONFIG_INVALID', {
    seen: 'another form of transports.redis.url',
    expected:
      'redis://host:port/db, rediss://host:port/db or unix:///path?db=0, with user:password@ where one is needed',
  });
}

function readAuthority(caFile: string): Buffer {
  try {
    return readFileSync(caFile);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new MinutehandError('CONFIG_INVALID', { seen: `transports.redis.ca_file: ${words}`, cause });
  }
}

/** Reason for a failed connection, as text. */
export function connectionProblem(error: Error): string {
  // Trying IPv4 and IPv6 in turn gives an AggregateError whose own message is empty.
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : undefined;
  return maskSecrets(error.message || (inner instanceof Error ? inner.message : error.name));
}
