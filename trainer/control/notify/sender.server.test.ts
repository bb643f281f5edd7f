import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { SMTPServer } from 'smtp-server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../shared/bar.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import type { Clock } from '../../../shared/ports.ts';
import { homePaths } from '../../../shared/home.ts';
import { buildProgram, type Program } from '../../../test/program.ts';
import { tinySettings, type SettingsOverrides } from '../../../test/tiny_settings.ts';
import { POSTGRES_NOTE, startPostgres, type PostgresServer } from '../../store/postgres_server.fixture.ts';
import { openStore, type Store } from '../../store/store.ts';
import { openChannels } from './channels/open_channels.ts';
import { Deliveries } from './deliveries.ts';
import { startNotifications } from './notifications.ts';
import { acknowledge, notify, resolve, type Notice } from './outbox.ts';
import { Sender } from './sender.ts';
import type { AlertMessage } from './message.ts';
import type { Channel } from './channels/channel.ts';
import { isPlainMail } from '../../../shared/notification_channels.ts';
import { email } from './channels/email.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';

type Answer = number | 'hang' | 'close';

interface Taken {
  readonly answer: Answer;
  readonly atMs: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly body: Record<string, unknown> & { messages?: { key: string; action: string; message_id: number }[] };
}

let folder: string;
let server: Server;
let address: string;
let taken: Taken[];
/** What the server answers next; 200 when it is empty. */
let answers: Answer[];
let postgres: PostgresServer | null = null;
let program: Program;
beforeAll(async () => {
  postgres = await startPostgres();
  program = await buildProgram('sender_program');
});
afterAll(async () => {
  await postgres?.stop();
  await program.remove();
});
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-sender-'));
  taken = [];
  answers = [];
  server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const sent = await text(request);
  const answer = answers.shift() ?? 200;
  const body = sent === '' ? {} : (JSON.parse(sent) as Taken['body']);
  taken.push({ answer, atMs: performance.now(), headers: request.headers, text: sent, body });
  if (answer === 'close') request.socket.destroy();
  else if (answer !== 'hang') response.writeHead(answer, answer === 429 ? { 'retry-after': '1' } : {}).end('ok');
}

const accepted = (): Taken[] => taken.filter(({ answer }) => answer === 200);
const halt = (pair: string): Notice => ({
  key: `kpi_halt:${pair}`,
  event: 'kpi_halt',
  subject: pair,
  text: `${pair} lost.`,
});

interface Bench {
  readonly store: Store;
  readonly deliveries: Deliveries;
  readonly sender: Sender;
  readonly events: string[];
}

interface BenchOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly retrain?: SettingsOverrides['retrain'];
  readonly clock?: Clock;
}

async function benchOn(url: string, { env, retrain, clock = MACHINE_CLOCK }: BenchOptions = {}): Promise<Bench> {
  const settings = tinySettings(retrain === undefined ? {} : { retrain });
  const store = await openStore(url, clock);
  const deliveries = new Deliveries(store, 'live');
  const events: string[] = [];
  const sender = new Sender({
    deliveries,
    policy: settings.retrain,
    clock,
    log: pino({ level: 'silent' }),
    channels: openChannels(settings.retrain, env ?? { MINUTEHAND_WEBHOOK_URL: address }).channels,
    pace: { sendMs: 300, leaseMs: 500, firstPauseMs: 20 },
    onChannel: ({ name }, failure) =>
      Promise.resolve(void events.push(failure === null ? `${name} ok` : `${name} fails`)),
  });
  return { store, deliveries, sender, events };
}

async function pass({ sender }: Bench): Promise<void> {
  await sender.pass();
  await sender.settled();
}

const scope = (nowMs = Date.now()) => ({ market: 'live' as const, nowMs });

const KINDS = [
  { kind: 'sqlite' as const, note: '', newUrl: () => Promise.resolve(join(folder, 'trainer.db')) },
  { kind: 'postgres' as const, note: POSTGRES_NOTE, newUrl: () => postgres!.createDatabase() },
];

describe.each(KINDS)('the sender with a store on $kind $note', ({ note, newUrl }) => {
  let url: string;
  beforeEach(async ({ skip }) => {
    if (note !== '') return skip(note);
    url = await newUrl();
  });

  it('delivers in order and once each through a server that answers 500, closes, hangs and sends Retry-After', async () => {
    const bench = await benchOn(url);
    answers = [500, 'close', 'hang', 429];
    await notify(bench.store.db, scope(), halt('A_B'));
    await resolve(bench.store.db, scope(), 'kpi_halt:A_B');
    await expect.poll(() => pass(bench).then(() => accepted().length), { timeout: 60_000, interval: 10 }).toBe(2);
    expect(taken.map(({ answer }) => answer)).toEqual([500, 'close', 'hang', 429, 200, 200]);
    const [, , , patience, next] = taken;
    expect(next!.atMs - patience!.atMs).toBeGreaterThanOrEqual(995);
    expect(accepted().map(({ body }) => body.messages![0]!.action)).toEqual(['trigger', 'resolve']);
    await pass(bench);
    expect(accepted()).toHaveLength(2);
    expect(bench.events).toEqual(['webhook fails', 'webhook ok', 'webhook ok']);
    await bench.store.close();
  });

  it.each(['before route', 'after route', 'before claim', 'after claim', 'before sent', 'after sent'])(
    'delivers each alert at least once when it is killed %s, and again only what was not marked as sent',
    async (step) => {
      const { store } = await benchOn(url);
      const keys = ['A_B', 'C_D', 'E_F'];
      for (const pair of keys) await notify(store.db, scope(), halt(pair));
      const killed = program.start([url, address, step], {});
      expect(await killed.ended).toBe('SIGKILL');
      const next = program.start([url, address], {});
      expect(await next.line()).toBe('idle');
      await next.kill('SIGKILL');
      const arrived = accepted().flatMap(({ body }) => body.messages!.map(({ key }) => key));
      expect([...new Set(arrived)].sort()).toEqual(keys.map((pair) => `kpi_halt:${pair}`));
      // One message was in flight at the kill; it is resent with the same number.
      expect(arrived.length).toBe(step === 'before sent' ? 4 : 3);
      const ids = accepted().flatMap(({ body }) => body.messages!.map(({ message_id }) => message_id));
      expect(new Set(ids).size).toBe(3);
      await store.close();
    },
  );
});

/** RFC 2104, step by step, for keys of at most 64 bytes; in hex. */
function hmacSha256(key: string, text: string): string {
  const padded = Buffer.alloc(64);
  padded.write(key);
  const pad = (byte: number): Buffer => padded.map((own) => own ^ byte) as Buffer;
  const inner = createHash('sha256').update(pad(0x36)).update(text).digest();
  return createHash('sha256').update(pad(0x5c)).update(inner).digest('hex');
}

describe('the sender', () => {
  let now: number;
  const clock: Clock = { nowMs: () => now as ReturnType<Clock['nowMs']>, monotonicUs: () => 0 };
  const open = (options: BenchOptions = {}): Promise<Bench> =>
    benchOn(join(folder, 'trainer.db'), { clock, ...options });
  beforeEach(() => {
    now = Date.UTC(2026, 10, 17, 12);
  });

  it('sends a storm as one message, the worst first', async () => {
    const bench = await open({ env: { MINUTEHAND_SLACK_URL: address } });
    for (let i = 0; i < 40; i++) await notify(bench.store.db, scope(now), { ...halt(`P${i}_Q`), severity: 'warning' });
    await notify(bench.store.db, scope(now), halt('WORST_X'));
    await pass(bench);
    expect(taken).toHaveLength(1);
    const lines = (taken[0]!.body['text'] as string).split('\n');
    expect(lines.slice(0, 2)).toEqual(['41 notifications:', '[CRITICAL] Live KPI halt: WORST_X. WORST_X lost.']);
    expect(lines.at(-2)).toBe('… and 31 more.');
    await bench.store.close();
  });

  it('sends no more messages a minute than the policy allows, and then what has waited as one', async () => {
    const retrain = { notification_rate_per_minute: 2 };
    const bench = await open({ env: { MINUTEHAND_DISCORD_URL: address }, retrain });
    for (let i = 0; i < 8; i++) {
      await notify(bench.store.db, scope(now), halt(`P${i}_Q`));
      await pass(bench);
      now += 1000;
    }
    expect(taken).toHaveLength(2);
    now += 60_000;
    await pass(bench);
    expect(taken).toHaveLength(3);
    expect(taken[2]!.body['content']).toMatch(/^6 notifications:/);
    expect(taken[2]!.body['allowed_mentions']).toEqual({ parse: [] });
    await bench.store.close();
  });

  it('triggers, acknowledges and resolves on PagerDuty by the same key, one event each', async () => {
    const env = { MINUTEHAND_PAGERDUTY_KEY: 'integration', MINUTEHAND_PAGERDUTY_URL: address };
    const bench = await open({ env, retrain: { notification_rate_per_minute: 600 } });
    const { db } = bench.store;
    for (const pair of ['A_B', 'C_D', 'E_F', 'G_H', 'I_J']) await notify(db, scope(now), halt(pair));
    await acknowledge(db, scope(now), 'kpi_halt:A_B', 'ana');
    await resolve(db, scope(now), 'kpi_halt:A_B');
    await notify(db, scope(now), {
      key: 'adopted:1',
      event: 'retrain_adopted',
      subject: 'run 1',
      text: 'x',
      isOnce: true,
    });
    await pass(bench);
    expect(taken.map(({ body }) => `${String(body['event_action'])} ${String(body['dedup_key'])}`)).toEqual([
      ...['A_B', 'C_D', 'E_F', 'G_H', 'I_J'].map((pair) => `trigger minutehand live kpi_halt:${pair}`),
      'acknowledge minutehand live kpi_halt:A_B',
      'resolve minutehand live kpi_halt:A_B',
    ]);
    expect(taken[0]!.body).toMatchObject({
      routing_key: 'integration',
      payload: { severity: 'critical', source: 'A_B', class: 'kpi_halt', timestamp: new Date(now).toISOString() },
    });
    await bench.store.close();
  });

  it('signs what it posts to a webhook', async () => {
    const bench = await open({ env: { MINUTEHAND_WEBHOOK_URL: address, MINUTEHAND_WEBHOOK_SECRET: 'key' } });
    await notify(bench.store.db, scope(now), halt('A_B'));
    await pass(bench);
    const [{ headers, text: sent, body }] = taken as [Taken];
    const timestamp = String(headers['x-minutehand-timestamp']);
    expect(headers['x-minutehand-signature']).toBe(`sha256=${hmacSha256('key', `${timestamp}.${sent}`)}`);
    expect(hmacSha256('key', `${timestamp}.${sent} `)).not.toBe(hmacSha256('key', `${timestamp}.${sent}`));
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(600);
    expect(body.messages).toMatchObject([
      { key: 'kpi_halt:A_B', action: 'trigger', severity: 'critical', market: 'live' },
    ]);
    await bench.store.close();
  });

  it('sends e-mail again that the mail server deferred, as the same mail', async () => {
    const mails: string[] = [];
    const codes = [451];
    const smtp = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData(stream, _session, callback) {
        void text(stream).then((mail) => {
          const responseCode = codes.shift();
          mails.push(mail);
          callback(responseCode === undefined ? null : Object.assign(new Error('later'), { responseCode }));
        });
      },
    });
    await new Promise<void>((done) => smtp.listen(0, '127.0.0.1', () => done()));
    const { port } = smtp.server.address() as AddressInfo;
    const env = { MINUTEHAND_SMTP_URL: `smtp://127.0.0.1:${port}` };
    const bench = await benchOn(join(folder, 'trainer.db'), {
      env,
      retrain: { notification_email_to: ['ops@example.org'] },
    });
    await notify(bench.store.db, scope(), halt('A_B'));
    await expect.poll(() => pass(bench).then(() => mails.length), { timeout: 60_000 }).toBe(2);
    const idOf = (mail: string) => /^Message-ID: (.*)$/im.exec(mail)![1];
    expect(idOf(mails[0]!)).toBe(idOf(mails[1]!));
    expect(mails[1]).toMatch(/^Subject: \[CRITICAL\] Live KPI halt: A_B$/m);
    await bench.store.close();
    await new Promise<void>((done) => smtp.close(() => done()));
  });

  it('sends e-mail to another machine over TLS alone, unless its address allows plain text', async () => {
    const mails: string[] = [];
    const smtp = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData(stream, _session, callback) {
        void text(stream).then((mail) => {
          mails.push(mail);
          callback(null);
        });
      },
    });
    await new Promise<void>((done) => smtp.listen(0, '127.0.0.1', () => done()));
    const { port } = smtp.server.address() as AddressInfo;
    const message = {
      key: 'disk:x',
      event: 'disk',
      action: 'trigger',
      severity: 'critical',
      market: 'live',
      text: 'x',
    };
    const send = async (url: string): Promise<string | null> => {
      const policy = {
        ...loadSettings({ env: {} }).retrain,
        notification_email_to: ['ops@example.org'],
      };
      const channel = email.open({ env: { MINUTEHAND_SMTP_URL: url }, policy }) as Channel;
      const whole = {
        ...message,
        subject: 'x',
        command: '',
        version: null,
        opened_ms: 0,
        created_ms: 0,
        is_once: false,
      };
      return (await channel.send([whole as unknown as AlertMessage], AbortSignal.timeout(10_000)))?.reason ?? null;
    };
    // An address of this machine that does not say so.
    const other = `smtp://0.0.0.0:${port}`;
    expect(await send(other)).toMatch(/STARTTLS.*requireTLS=false/);
    expect(mails).toEqual([]);
    expect(await send(`${other}?requireTLS=false`)).toBeNull();
    expect(await send(`smtp://127.0.0.1:${port}`)).toBeNull();
    expect(mails.length).toBe(2);
    expect([other, `${other}?requireTLS=false`, 'smtps://mail', `smtp://127.0.0.1:${port}`].map(isPlainMail)).toEqual([
      false,
      true,
      false,
      false,
    ]);
    await new Promise<void>((done) => smtp.close(() => done()));
  });

  it('delivers an alert again, as critical, when it turns critical', async () => {
    const bench = await open();
    const { db } = bench.store;
    await notify(db, scope(now), { ...halt('A_B'), severity: 'warning' });
    await pass(bench);
    await notify(db, scope(now), { ...halt('A_B'), severity: 'critical' });
    await pass(bench);
    await notify(db, scope(now), { ...halt('A_B'), severity: 'critical' });
    await pass(bench);
    expect(taken.flatMap(({ body }) => body.messages!)).toMatchObject([
      { key: 'kpi_halt:A_B', action: 'trigger', severity: 'warning' },
      { key: 'kpi_halt:A_B', action: 'trigger', severity: 'critical' },
    ]);
    await bench.store.close();
  });

  it('lists silenced alerts without sending them, and repeats unacknowledged critical ones', async () => {
    const bench = await open({ retrain: { notification_repeat_hours: 1 } });
    const { db } = bench.store;
    const silence = { market: 'live' as const, pattern: 'kpi_*:A_*', created_ms: now, created_by: 'ana' };
    await db
      .insertInto('core.alert_silences')
      .values({ ...silence, until_ms: now + 1000 })
      .execute();
    for (const pair of ['A_B', 'C_D', 'E_F']) await notify(db, scope(now), halt(pair));
    await pass(bench);
    expect(taken.flatMap(({ body }) => body.messages!.map(({ key }) => key))).toEqual(['kpi_halt:C_D', 'kpi_halt:E_F']);
    await acknowledge(db, scope(now), 'kpi_halt:E_F', 'ana');
    await pass(bench);
    taken = [];
    now += 3_600_000;
    await pass(bench);
    expect(taken.flatMap(({ body }) => body.messages!.map(({ key }) => key))).toEqual(['kpi_halt:A_B', 'kpi_halt:C_D']);
    // The next repetition counts from the last one.
    now += 600_000;
    await pass(bench);
    expect(taken).toHaveLength(2);
    // Who was told of an alert is told of its end, also when it was silenced meanwhile.
    const later = { market: 'live' as const, pattern: 'kpi_*', created_ms: now, created_by: 'ana' };
    await db
      .insertInto('core.alert_silences')
      .values({ ...later, until_ms: now + 3_600_000 })
      .execute();
    await resolve(db, scope(now), 'kpi_halt:C_D');
    await pass(bench);
    expect(taken.at(-1)!.body.messages).toMatchObject([{ key: 'kpi_halt:C_D', action: 'resolve' }]);
    await bench.store.close();
  });

  it('sends after the clock was set back, and nothing of another market', async () => {
    const bench = await open({ retrain: { notification_rate_per_minute: 1 } });
    const { db } = bench.store;
    await notify(db, { ...scope(now), market: 'simulated' }, halt('E_F'));
    await notify(db, scope(now), halt('A_B'));
    await pass(bench);
    now -= 3_600_000;
    await notify(db, scope(now), halt('C_D'));
    await pass(bench);
    expect(taken.flatMap(({ body }) => body.messages!.map(({ key }) => key))).toEqual(['kpi_halt:A_B', 'kpi_halt:C_D']);
    await bench.store.close();
  });

  it('drops a refused message after three attempts and an undeliverable one after the hours of the policy', async () => {
    const bench = await open();
    answers = [400, 400, 400];
    await notify(bench.store.db, scope(now), halt('A_B'));
    await notify(bench.store.db, scope(now), halt('C_D'));
    for (let i = 0; i < 3; i++, now += 60_000) await pass(bench);
    expect(accepted().flatMap(({ body }) => body.messages!.map(({ key }) => key))).toEqual(['kpi_halt:C_D']);
    answers = [500, 500];
    await notify(bench.store.db, scope(now), halt('E_F'));
    await pass(bench);
    now += 25 * 3_600_000;
    await pass(bench);
    const rows = await bench.store.db
      .selectFrom('core.alert_deliveries')
      .select('status')
      .orderBy('delivery_id')
      .execute();
    expect(rows.map(({ status }) => status).slice(0, 3)).toEqual(['failed', 'sent', 'failed']);
    await bench.store.close();
  });
});

describe('notifications', () => {
  it('arrive from memory while the store cannot be written, and the alert of the store is over when it can', async () => {
    const home = join(folder, 'home');
    // A file where the folder of the store should be.
    const place = join(folder, 'place');
    writeFileSync(place, '');
    const env: NodeJS.ProcessEnv = { MINUTEHAND_WEBHOOK_URL: address, MINUTEHAND_DATABASE_URL: join(place, 'x.db') };
    let aheadMs = 0;
    const clock: Clock = { ...MACHINE_CLOCK, nowMs: () => (MACHINE_CLOCK.nowMs() + aheadMs) as EpochMs };
    const notifications = startNotifications({
      settings: tinySettings(),
      paths: homePaths({ MINUTEHAND_HOME: home }),
      log: pino({ level: 'silent' }),
      print: () => undefined,
      env,
      clock,
    });
    const arrived = () => accepted().flatMap(({ body }) => body.messages!.map(({ key, action }) => `${action} ${key}`));
    const inMemory = ['trigger store', 'trigger kpi_halt:A_B'];
    await notifications.raise(halt('A_B'));
    await expect.poll(arrived, { timeout: 60_000 }).toEqual(inMemory);
    expect(await notifications.openKeys()).toEqual(['store', 'kpi_halt:A_B']);
    rmSync(place);
    // The store is not tried again at once.
    aheadMs = 20_000;
    await notifications.clear('kpi_halt:A_B');
    const over = ['resolve store', 'resolve kpi_halt:A_B'];
    await expect.poll(() => arrived().slice(2).sort(), { timeout: 60_000 }).toEqual(over.sort());
    expect(await notifications.openKeys()).toEqual([]);
    await notifications.stop();
  });

  it('send a self-test message once per scheduled time', async () => {
    // Each second here; the delivered one is weekly.
    const settings = tinySettings({ retrain: { notification_self_test_cron: '* * * * * *' } });
    const nowMs = Date.UTC(2026, 10, 16, 8);
    const clock: Clock = { nowMs: () => nowMs as ReturnType<Clock['nowMs']>, monotonicUs: () => 0 };
    const notifications = startNotifications({
      settings,
      paths: homePaths({ MINUTEHAND_HOME: folder }),
      log: pino({ level: 'silent' }),
      clock,
      print: () => undefined,
      env: { MINUTEHAND_WEBHOOK_URL: address },
    });
    const arrived = () => accepted().flatMap(({ body }) => body.messages!.map(({ key, action }) => `${action} ${key}`));
    await expect.poll(arrived, { timeout: 60_000 }).toEqual(['trigger self_test:2026-11-16T08:00']);
    await sleep(1500);
    expect(arrived()).toHaveLength(1);
    await notifications.stop();
  });
});
