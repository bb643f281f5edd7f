import { spawn } from 'node:child_process';
import { skipNote } from './skip_note.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { followRedis } from '../cli/ea/signal_redis.ts';
import { followWebSocket } from '../cli/ea/signal_websocket.ts';
import { ENGINES } from '../daemon/serve/engines.fixture.ts';
import { openServer } from '../daemon/serve/serve.ts';
import type { Server } from '../daemon/serve/server.ts';
import type { WebSocketRoute } from '../daemon/serve/websocket_route.ts';
import { homePaths } from '../shared/home.ts';
import { announce } from '../shared/address.ts';
import { shardsOf } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import { followDaemons } from '../trainer/control/api/events/daemon_signals.ts';
import { EventHub } from '../trainer/control/api/events/hub.ts';
import { quietProxyTo, type QuietProxy } from './quiet_proxy.ts';
import { requireRedis } from './redis_server.ts';
import { tinySettings } from './tiny_settings.ts';

const NO_UWEBSOCKETS = !ENGINES.includes('uwebsockets');

/** After so much silence reverse proxies cut a connection. */
const CUT_MS = 60_000;
const STEP_MS = 5000;

const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** As that of `/signals` and `/bars` while nothing is sent. */
const silent = (path: string): WebSocketRoute => ({
  path,
  query: { pairs: null },
  onOpen() {},
  onMessage() {},
  onClose() {},
});

async function daemonOn(engine: 'ws' | 'uwebsockets'): Promise<Server> {
  const server = await openServer({
    host: '127.0.0.1',
    port: 0,
    engine,
    routes: [],
    webSockets: ['/signals', '/bars', '/series'].map(silent),
    maxBodyBytes: 1000,
    maxBufferedBytes: 1000,
    onError: (error) => {
      throw error;
    },
  });
  cleanups.push(() => server.close());
  return server;
}

const proxyTo = (port: number): Promise<QuietProxy> => quietProxyTo(port, CUT_MS, cleanups);

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !holds(); i++) await delay(20);
  expect(holds()).toBe(true);
}

/** Five minutes of silence on the clocks of this process and of the proxies. */
async function fiveQuietMinutes(proxies: readonly QuietProxy[], isFake: boolean): Promise<void> {
  for (let passed = 0; passed < 300_000; passed += STEP_MS) {
    if (isFake) vi.advanceTimersByTime(STEP_MS);
    await delay(50);
    for (const proxy of proxies) proxy.pass(STEP_MS);
  }
}

const INTERVALS = ['setInterval', 'clearInterval'] as const;
const TIMEOUTS = ['setTimeout', 'clearTimeout'] as const;

it('cuts a connection without pings, which the next one shows', async () => {
  const server = createServer((_, response) => void response.writeHead(200).write('first'));
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  cleanups.push(() => void server.close());
  const proxy = await proxyTo((server.address() as AddressInfo).port);
  get(`http://127.0.0.1:${proxy.port}/`).on('error', () => undefined);
  await until(() => proxy.served === 1);
  await fiveQuietMinutes([proxy], false);
  expect(proxy.cut).toBe(1);
});

it('keeps every long-lived connection of daemon and trainer through quiet minutes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quiet-proxy-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  vi.stubEnv('MINUTEHAND_HOME', folder);
  vi.useFakeTimers({ toFake: [...INTERVALS, ...TIMEOUTS] });
  const daemon = await daemonOn('ws');
  const hub = new EventHub();
  cleanups.push(() => hub.close());
  const trainer = createServer((_, response) => hub.open(response, 'a', [], () => Promise.resolve(true)));
  await new Promise<void>((done) => void trainer.listen(0, '127.0.0.1', done));
  cleanups.push(() => void trainer.close());

  const open = async (port: number, connectTo: (port: number) => void): Promise<QuietProxy> => {
    const proxy = await proxyTo(port);
    connectTo(proxy.port);
    await until(() => proxy.served > 0);
    return proxy;
  };
  const url = (port: number, path: string): string => `ws://127.0.0.1:${port}${path}`;
  const client = (path: string) => (port: number) => {
    const socket = new WebSocket(url(port, path)).on('error', () => undefined);
    cleanups.push(() => socket.terminate());
  };
  const settings = tinySettings();
  const proxies = {
    signals: await open(daemon.port, client('/signals')),
    bars: await open(daemon.port, client('/bars')),
    series: await open(daemon.port, client('/series')),
    follower: await open(daemon.port, (port) => {
      const source = followWebSocket(url(port, '/signals'), () => undefined);
      cleanups.push(() => source.stop());
    }),
    trainer: await open(daemon.port, (port) => {
      const paths = homePaths();
      for (const { name } of shardsOf(settings.minutehand))
        announce(paths.address(`daemon_${name}`), { host: '127.0.0.1', port });
      const source = followDaemons(settings, paths, { onSignal: () => undefined, onConnection: () => undefined });
      cleanups.push(() => source.stop());
    }),
    example: await open(daemon.port, (port) => {
      const args = ['--url', url(port, '/signals'), '--state', join(folder, 'state.json')];
      const program = spawn(process.execPath, [join(packageRoot(), 'examples/follow.mjs'), ...args], {
        stdio: 'ignore',
      });
      cleanups.push(() => void program.kill());
    }),
    events: await open((trainer.address() as AddressInfo).port, (port) => {
      const request = get(`http://127.0.0.1:${port}/api/events`, (response) => response.resume());
      request.on('error', () => undefined);
      cleanups.push(() => void request.destroy());
    }),
  };
  const served = shardsOf(settings.minutehand).length;
  await until(() => proxies.trainer.served === served && daemon.connections === 5 + served);
  await fiveQuietMinutes(Object.values(proxies), true);
  const cut = Object.entries(proxies).map(([name, proxy]) => [name, proxy.cut, proxy.served]);
  const all = Object.keys(proxies).map((name) => [name, 0, name === 'trainer' ? served : 1]);
  expect(cut).toEqual(all);
}, 60_000);

it('keeps the connections of a follower by Redis', async ({ skip }) => {
  const redis = await requireRedis({ skip });
  cleanups.push(() => redis.stop());
  // Its time-outs are for answers that take real time.
  vi.useFakeTimers({ toFake: [...INTERVALS] });
  const proxy = await proxyTo(redis.port);
  const { redis: configured } = tinySettings().minutehand.transports;
  const transport = { ...configured, url: `redis://127.0.0.1:${proxy.port}` };
  const source = followRedis(transport, ['XAUUSD_XAGUSD'], () => undefined);
  cleanups.push(() => source.stop());
  await until(() => proxy.served === 2);
  await fiveQuietMinutes([proxy], true);
  expect([proxy.cut, proxy.served]).toEqual([0, 2]);
}, 60_000);

// Its clock cannot be turned: the time of a proxy is waited for.
it.skipIf(NO_UWEBSOCKETS)(
  `keeps connections of uWebSockets.js${skipNote(NO_UWEBSOCKETS, 'uWebSockets.js does not load here')}`,
  async () => {
    const daemon = await daemonOn('uwebsockets');
    const proxy = await proxyTo(daemon.port);
    const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/signals`).on('error', () => undefined);
    cleanups.push(() => socket.terminate());
    for (let second = 0; second < 65; second++) {
      await delay(1000);
      proxy.pass(1000);
    }
    expect([proxy.cut, proxy.served]).toEqual([0, 1]);
  },
  90_000,
);
