import { gateReason } from '../../../shared/bundle/gates/gate_text.ts';
import { FAILED_GATE, verdict } from '../../../test/passed_gates.ts';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Redis } from 'ioredis';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { activate, adopt } from '../../../test/activate.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { writeRandomBundle } from '../../../shared/bundle/random_bundle.fixture.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { buildProgram } from '../../../test/program.ts';
import { requireRedis } from '../../../test/redis_server.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import { createRegistry, type Registry } from '../registry/registry.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../store/store.ts';
import { startEventSender } from './event_sender.ts';
import { MODELS_STREAM } from './receivers.ts';

const { passed: _passed, ...FAILED } = verdict({ code: 'champion_auc', passed: false });

const settings = tinySettings();
const SECRET = 'a secret';

let root: string;
let server: PostgresServer | null = null;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-model-events-'));
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

function bundleOf(models: string, day: number): string {
  const schema = featureSchema(settings.minutehand.windows);
  const created = new Date(Date.UTC(2024, 0, day, 12));
  return basename(writeRandomBundle(models, { schema, trees: 2, leaves: 3, seed: `bundle ${day}`, created }));
}

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A real HTTP server on this machine. `answer` returns the status of a response, or null for none at all. */
async function listen(answer: (received: Received) => number | null) {
  const received: Received[] = [];
  const http = createServer((request, response) => {
    void text(request).then((body) => {
      received.push({ headers: request.headers, body });
      const status = answer(received.at(-1)!);
      if (status === null) request.socket.destroy();
      else response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/models`, received, close: () => http.close() };
}

const idOf = ({ body }: Received): number => (JSON.parse(body) as { event_id: number }).event_id;

describe.each([
  { kind: 'sqlite', note: '', newUrl: (paths: HomePaths) => Promise.resolve(paths.trainer) },
  { kind: 'postgres', note: POSTGRES_NOTE, newUrl: () => server!.createDatabase() },
])('events of models on $kind $note', ({ note, newUrl }) => {
  let paths: HomePaths;
  let store: Store;
  let registry: Registry;
  let url: string;
  let versions: string[];
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    paths = homePaths({ MINUTEHAND_HOME: mkdtempSync(join(root, 'home-')) });
    url = await newUrl(paths);
    store = await openStore(url);
    registry = createRegistry(store, paths.models);
    versions = [1, 2, 3].map((day) => bundleOf(paths.models, day));
  });
  afterEach(() => store.close());

  const sender = (env: NodeJS.ProcessEnv, redis?: string) =>
    startEventSender({
      settings: tinySettings({
        minutehand: {
          transports: { redis: redis === undefined ? { enabled: 'off' } : { enabled: 'auto', url: redis } },
        },
      }),
      paths,
      log: pino({ level: 'silent' }),
      print: () => undefined,
      env: { MINUTEHAND_DATABASE_URL: url, ...env },
    });

  /** Adopts, rejects, promotes and rolls back. */
  async function fourChanges(): Promise<void> {
    const [a, b, c] = versions as [string, string, string];
    await adopt(registry, paths.models, a);
    await registry.reject(b, [FAILED_GATE, FAILED]);
    activate(paths.models, c);
    await registry.mend('promoted');
    activate(paths.models, a);
    await registry.mend();
  }

  it('are written once for each change of a status, however often it is reported', async () => {
    await fourChanges();
    await Promise.all([registry.mend(), createRegistry(store, paths.models).mend(), registry.reject(versions[1]!, [])]);
    const rows = await store.db.selectFrom('core.model_events').selectAll().orderBy('event_id').execute();
    const [a, b, c] = versions;
    expect(rows.map(({ kind, version, previous_version }) => [kind, version, previous_version])).toEqual([
      ['adopted', a, null],
      ['rejected', b, null],
      ['promoted', c, a],
      ['rolled_back', a, c],
    ]);
    expect(JSON.parse(rows[1]!.body)).toMatchObject({
      schema: 'minutehand.model_event/1',
      kind: 'rejected',
      version: b,
      reasons: [gateReason(FAILED_GATE), gateReason(FAILED)],
      failed_gates: [FAILED_GATE, FAILED],
      theta1: 0.7,
      theta2: 0.3,
      parameters: { engine: { name: 'random', parameters: { trees: 2, leaves: 3 } } },
      metrics: { ai1: { auc: null }, backtest: null },
    });
  });

  it('arrive in Redis and, signed, at the webhook, each once and in order', async (context) => {
    const redis = await requireRedis(context);
    const webhook = await listen(() => 200);
    const reader = new Redis(redis.url, { protocol: 2 });
    const own = sender({ MINUTEHAND_MODELS_WEBHOOK_URL: webhook.url, MINUTEHAND_WEBHOOK_SECRET: SECRET }, redis.url);
    try {
      await fourChanges();
      await own.pass();
      await own.pass();
      const entries = await reader.xrange(MODELS_STREAM, '-', '+');
      expect(entries.map(([, fields]) => fields[3])).toEqual(['adopted', 'rejected', 'promoted', 'rolled_back']);
      expect(webhook.received.map(({ body }) => body)).toEqual(entries.map(([, fields]) => fields[7]));
      for (const { headers, body } of webhook.received) {
        const timestamp = headers['x-minutehand-timestamp'] as string;
        const expected = createHmac('sha256', SECRET).update(`${timestamp}.${body}`).digest('hex');
        expect(headers['x-minutehand-signature']).toBe(`sha256=${expected}`);
      }
    } finally {
      await own.stop();
      reader.disconnect();
      webhook.close();
      await redis.stop();
    }
  });

  it('wait for a receiver that is absent or refuses, without holding up another', async (context) => {
    const redis = await requireRedis(context);
    await redis.stop();
    let status = 500;
    const webhook = await listen(() => status);
    await adopt(registry, paths.models, versions[0]!);
    const env = { MINUTEHAND_MODELS_WEBHOOK_URL: webhook.url };
    const first = sender(env, redis.url);
    await first.pass();
    expect(webhook.received.length).toBeGreaterThan(0);
    status = 200;
    await first.stop();
    const second = sender(env, redis.url);
    await second.pass();
    await second.stop();
    const rows = await store.db.selectFrom('core.model_event_deliveries').select('receiver').execute();
    expect(rows.map(({ receiver }) => receiver.split(' ')[0])).toEqual(['webhook']);
    webhook.close();
  });
});

describe('a sender that is killed with -9', () => {
  it('before its webhook has answered is followed by one that sends the same event again, and none is lost', async () => {
    const home = mkdtempSync(join(root, 'killed-'));
    const paths = homePaths({ MINUTEHAND_HOME: home });
    const store = await openStore(paths.trainer);
    const registry = createRegistry(store, paths.models);
    for (const day of [1, 2, 3]) await adopt(registry, paths.models, bundleOf(paths.models, day));
    const program = await buildProgram('event_sender_program');
    let kills = 0;
    let running = program.start([home]);
    const webhook = await listen(() => {
      if (kills === 3) return 200;
      kills += 1;
      running.process.kill('SIGKILL');
      return null;
    });
    try {
      const env = { ...process.env, MINUTEHAND_MODELS_WEBHOOK_URL: webhook.url };
      await running.kill('SIGKILL');
      for (let start = 0; start < 4; start += 1) {
        running = program.start([home], env);
        if (start < 3) expect(await running.ended).toBe('SIGKILL');
      }
      await expect.poll(() => webhook.received.map(idOf)).toEqual([1, 1, 1, 1, 2, 3]);
    } finally {
      await running.kill('SIGKILL');
      await program.remove();
      webhook.close();
      await store.close();
    }
  });
});
