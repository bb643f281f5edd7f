import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ENGINES } from '../daemon/serve/engines.fixture.ts';
import { loadUwebsockets } from '../daemon/serve/uwebsockets.ts';
import type { HealthReport } from '../daemon/health/health.ts';
import { readAddress } from '../shared/address.ts';
import { addStops, liftStops } from '../shared/bundle/halts.ts';
import { homePaths } from '../shared/home.ts';
import { connectionLimits } from '../shared/http/connection_limits.ts';
import { webSocketLimits } from '../daemon/serve/limits.ts';
import { packageRoot } from '../shared/root.ts';
import { createWorkplace, eventually, startProgram, type Running, type Workplace } from './cli_process.ts';

const PATIENCE_MS = 120_000;
const DESCRIPTORS = 512;
/** Of another machine, as far as limits by address go. */
const NEIGHBOR = '127.0.0.2';

let place: Workplace;
let daemon: Running | null = null;
const sockets: Socket[] = [];
const clients: WebSocket[] = [];
const agents: Agent[] = [];
afterEach(async () => {
  for (const one of clients.splice(0)) one.terminate();
  for (const one of sockets.splice(0)) one.destroy();
  for (const one of agents.splice(0)) one.destroy();
  daemon?.kill('SIGKILL');
  await daemon?.ended;
  daemon = null;
  await place.remove();
});

/** Starts a daemon that may have so many descriptors. @returns its port */
async function start(engine: 'uwebsockets' | 'ws'): Promise<number> {
  place = createWorkplace({
    minutehand: { market: 'live', log: { level: 'info' }, transports: { daemon: { engine } } },
  });
  mkdirSync(place.models, { recursive: true });
  const program = [process.execPath, join(packageRoot(), 'bin', 'minutehand.mjs'), 'daemon'];
  const own = (daemon = startProgram(
    '/bin/sh',
    ['-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh', ...program],
    place.folder,
    {
      ...process.env,
      NODE_OPTIONS: '',
      MINUTEHAND_HOME: place.home,
      MINUTEHAND_CONFIG: place.config,
      MINUTEHAND_DAEMON_PORT: '0',
    },
  ));
  const { port } = await eventually(
    () => `the daemon: ${own.stdout()}${own.stderr()}`,
    () => readAddress(homePaths({ MINUTEHAND_HOME: place.home }).address('daemon_main')),
  );
  return port;
}

const descriptors = (): number => readdirSync(`/proc/${daemon!.pid}/fd`).length;

/** Asks by a connection of its own, or by one that is kept. */
function ask(port: number, path: string, agent: Agent | false = false, localAddress = NEIGHBOR): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ port, host: '127.0.0.1', path, agent, localAddress }, (response) => {
      text(response).then(resolve, reject);
    });
    asked
      .on('error', reject)
      .setTimeout(5000, () => asked.destroy(new Error('no answer')))
      .end();
  });
}

/** @returns the status of the refusal with its body; null when it is open */
function listen(port: number, path: string, localAddress = '127.0.0.1'): Promise<string | null> {
  return new Promise((resolve) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { localAddress });
    clients.push(client);
    client.on('open', () => resolve(null));
    client.on('error', (error) => resolve(error.message));
    client.on('unexpected-response', (_request, response) => {
      text(response).then(
        (body) => resolve(`${response.statusCode} ${body}`),
        () => resolve('cut'),
      );
    });
  });
}

const stop = (): void => {
  addStops(place.models, ['*'], { kind: 'entries', reason: 'flood', by: 'ann' }, new Date());
};

/** The build of 2023 does not tell of its connections. */
const countsConnections = (engine: 'uwebsockets' | 'ws'): boolean =>
  engine === 'ws' || loadUwebsockets().App().filter !== undefined;

const IS_LINUX = process.platform === 'linux';
describe.skipIf(!IS_LINUX).each(ENGINES)('a daemon on %s with few descriptors', (engine) => {
  it(
    'refuses connections of every kind in time: it reads a stop, answers and takes bars',
    async () => {
      const port = await start(engine);
      const limits = webSocketLimits(DESCRIPTORS);
      expect(limits.total).toBe(80);
      for (const [path, most] of [
        ['/signals', limits.perAddress],
        ['/bars', 24],
        ['/series', 24],
      ] as const) {
        const answers: (string | null)[] = [];
        // In groups, as a burst of plain connections has a limit of its own.
        for (let i = 0; i < 2 * most; i += 8)
          answers.push(...(await Promise.all(Array.from({ length: 8 }, () => listen(port, path)))));
        expect([path, answers.filter((answer) => answer === null).length]).toEqual([path, most]);
        for (const answer of answers) if (answer !== null) expect(answer).toMatch(/^503 .*CONNECTIONS_TOO_MANY/);
        expect(await listen(port, path, NEIGHBOR), path).toBeNull();
      }
      for (let i = 0; countsConnections(engine) && i < 600; i++) {
        const socket = connect({ port, host: '127.0.0.1' });
        sockets.push(socket.on('error', () => undefined));
        if (i % 2 === 0) socket.write('GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ');
        if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const { total, burst } = connectionLimits(DESCRIPTORS);
      if (engine === 'ws') await expect.poll(descriptors).toBeLessThan(DESCRIPTORS - burst * total);
      expect(descriptors()).toBeLessThan(0.8 * DESCRIPTORS);
      stop();
      // The fast engine closes what is idle after ten seconds.
      const health = async (): Promise<Partial<HealthReport>> =>
        JSON.parse(await ask(port, '/healthz').catch(() => '{}')) as HealthReport;
      await expect.poll(async () => (await health()).stops, { timeout: 60_000 }).toHaveLength(1);
      expect((await health()).degradations).not.toContain('stops');
    },
    PATIENCE_MS,
  );

  it(
    'enters nothing while none is left to read the stops with, says so, and goes on when there are some again',
    async () => {
      const port = await start(engine);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      agents.push(agent);
      const health = async (): Promise<HealthReport> => JSON.parse(await ask(port, '/healthz', agent)) as HealthReport;
      expect((await health()).degradations).toEqual([]);
      const limit = (most: number): void => {
        const { status, stderr } = spawnSync('prlimit', ['--pid', `${daemon!.pid}`, `--nofile=${most}:`]);
        expect([status, stderr.toString()]).toEqual([0, '']);
      };
      // Below the numbers of those that are open: not one more can be.
      limit(3);
      stop();
      await expect.poll(async () => (await health()).degradations).toContain('stops');
      expect(await health()).toMatchObject({ status: 'waiting', stops: [], halts_refused: { code: 'HALTS_FORMAT' } });
      expect(await ask(port, '/metrics', agent)).toMatch(/^minutehand_degradations [1-9]/m);
      expect(daemon!.stdout()).toMatch(/STOPS_UNREAD: .*EMFILE/);
      limit(DESCRIPTORS);
      await expect.poll(async () => (await health()).degradations).toEqual([]);
      expect(await health()).toMatchObject({ stops: [{ by: 'ann' }], halts_refused: null });
      const log = (): string => readFileSync(join(place.home, 'log', 'daemon_main.log'), 'utf8');
      await expect.poll(log).toContain('halts can be read again');
      expect(log()).toContain('STOPS_UNREAD');
      liftStops(place.models, ['*'], new Date());
      await expect.poll(async () => (await health()).stops).toEqual([]);
    },
    PATIENCE_MS,
  );
});
