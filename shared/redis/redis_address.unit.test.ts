import { describe, expect, it } from 'vitest';
import { loadSettings } from '../policy/policy.ts';
import { DELIVERED_REDIS_URL, redisAddress } from './redis_address.ts';

describe('the address of a Redis server', () => {
  it.each([
    ['redis://127.0.0.1:6379', { host: '127.0.0.1', port: 6379, db: 0 }],
    ['redis://host/3', { host: 'host', port: 6379, db: 3 }],
    ['redis://:p%40ss@host:1', { host: 'host', port: 1, db: 0, password: 'p@ss' }],
    ['redis://ann:secret@[::1]:7000/1', { host: '::1', port: 7000, db: 1, username: 'ann', password: 'secret' }],
    ['rediss://host', { host: 'host', port: 6379, db: 0, tls: {} }],
    ['unix:///run/redis.sock', { path: '/run/redis.sock', db: 0 }],
    ['unix://ann:secret@/run/redis.sock?db=2', { path: '/run/redis.sock', db: 2, username: 'ann', password: 'secret' }],
  ])('%s is accepted', (url, address) => {
    const { Connector: _watch, ...found } = redisAddress(url, null);
    expect(found).toEqual(address);
  });

  it.each(['http://host', 'redis://', 'redis://host/x', 'host:6379'])('%s is refused without being repeated', (url) => {
    expect(() => redisAddress(url, null)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error);
  });

  it('names a file of certificates that cannot be read', () => {
    expect(() => redisAddress('rediss://host', '/no/such/file')).toThrow(/ca_file/);
  });
});

it('the delivered address is that of the delivered configuration', () => {
  expect(loadSettings({ env: {} }).minutehand.transports.redis.url).toBe(DELIVERED_REDIS_URL);
});
