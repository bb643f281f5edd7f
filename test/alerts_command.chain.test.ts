import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { homePaths } from '../shared/home.ts';
import { notify, type Notice } from '../trainer/control/notify/outbox.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';

let workplace: Workplace;
let server: Server;
let url: string;
const taken: string[] = [];
/** HTTP status codes of the next responses; 200 when empty. */
const answers: number[] = [];
beforeAll(async () => {
  workplace = createWorkplace({ minutehand: { market: 'live' } });
  server = createServer((request, response) => {
    void text(request).then((body) => {
      const status = answers.shift() ?? 200;
      if (status === 200) taken.push(body);
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(async () => {
  server.close();
  await workplace.remove();
});

const HALT: Notice = { key: 'kpi_halt:A_B', event: 'kpi_halt', subject: 'A_B', text: 'It lost.' };

describe('minutehand alerts', { timeout: 600_000 }, () => {
  it('lists, acknowledges and silences, and refuses what is not open', async () => {
    const store = await openStore(homePaths({ MINUTEHAND_HOME: workplace.home }).trainer);
    await notify(store.db, { market: 'live', nowMs: Date.now() }, HALT);
    await store.close();
    const [open, ack, again, silence, wrong, list] = await workplace.runEach([
      ['alerts', 'list'],
      ['alerts', 'ack', HALT.key],
      ['alerts', 'ack', HALT.key],
      ['alerts', 'silence', 'daemon_*', '--for', '2h'],
      ['alerts', 'silence', 'daemon_*', '--for', 'ever'],
      ['alerts', 'list', '--json'],
    ]);
    expect(open!.stdout).toMatch(/critical {2}open {2}Live KPI halt: A_B\n {4}It lost\. {2}\[kpi_halt:A_B\]/);
    expect(ack!.stdout).toBe('Acknowledged: kpi_halt:A_B.\n');
    expect([again!.code, again!.stderr]).toEqual([1, expect.stringContaining('ALERT_UNKNOWN') as string]);
    expect(silence!.stdout).toMatch(/^daemon_\* is silenced until /);
    expect(wrong!.code).toBe(2);
    expect(JSON.parse(list!.stdout)).toMatchObject({
      alerts: [{ alert_key: HALT.key, acked_by: expect.any(String) as string }],
      silences: [{ pattern: 'daemon_*' }],
    });
  });

  it('sends a test and the failure of a unit without a trainer, and fails without a channel', async () => {
    const env = { MINUTEHAND_SLACK_URL: url };
    const notifications = async (): Promise<unknown> => {
      const { checks } = JSON.parse((await workplace.run(['golive', '--json'], { env })).stdout) as {
        checks: { id: string; verdict: string }[];
      };
      return checks.find(({ id }) => id === 'notifications')!.verdict;
    };
    expect(await notifications()).toBe('todo');
    const tested = await workplace.run(['alerts', 'test'], { env });
    expect(await notifications()).toBe('ok');
    expect([tested.code, tested.stdout]).toEqual([0, 'slack: taken\n']);
    const half = { ...env, MINUTEHAND_WEBHOOK_URL: 'http://127.0.0.1:9/' };
    const part = await workplace.run(['alerts', 'test'], { env: half });
    expect([part.code, part.stderr]).toEqual([3, expect.stringContaining('webhook: not taken') as string]);
    const none = await workplace.run(['alerts', 'test', '--channel', 'webhook'], { env: half });
    expect(none.code).toBe(1);
    const wrong = { ...env, MINUTEHAND_DISCORD_URL: 'discord.com/hook', MINUTEHAND_SMTP_URL: 'smtp://mail:25' };
    const listed = await workplace.run(['alerts', 'channels'], { env: wrong });
    expect(listed.code).toBe(3);
    expect(listed.stdout.split('\n')).toEqual([
      'slack: open, receives critical, warning, info',
      'discord: unusable: MINUTEHAND_DISCORD_URL is not an http:// or https:// URL',
      'telegram: not set: MINUTEHAND_TELEGRAM_TOKEN',
      'pagerduty: not set: MINUTEHAND_PAGERDUTY_KEY',
      'webhook: not set: MINUTEHAND_WEBHOOK_URL',
      'email: unusable: MINUTEHAND_SMTP_URL needs notification_email_to in retrain_policy.yaml',
      '',
    ]);
    const closed = await workplace.run(['alerts', 'channels'], { env: {} });
    expect([closed.code, closed.stderr]).toEqual([1, expect.stringContaining('No notification channel') as string]);
    const unit = await workplace.run(['alerts', 'unit', 'minutehand-daemon@main.service'], { env });
    expect(unit.code).toBe(0);
    expect(taken.map((body) => (JSON.parse(body) as { kind: string }).kind)).toEqual([
      'self_test',
      'self_test',
      'unit_failed',
    ]);
    const missing = await workplace.run(['alerts', 'test', '--channel', 'email'], { env });
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('CHANNELS_MISSING') as string]);
  });

  it('of a failed unit are sent by the trainer if delivery failed, and resolved when the unit runs again', async () => {
    const env = { MINUTEHAND_WEBHOOK_URL: url };
    const keyOf = (unit: string): string => `unit_failed:${unit}@${hostname()}`;
    const [trainer, standby] = ['minutehand-trainer.service', 'minutehand-standby@main.service'].map(keyOf);
    taken.length = 0;
    const arrived = (): string[] =>
      taken.flatMap((body) =>
        (JSON.parse(body) as { messages: { action: string; key: string }[] }).messages.map(
          ({ action, key }) => `${action} ${key}`,
        ),
      );
    expect((await workplace.run(['alerts', 'unit', 'minutehand-trainer.service'], { env })).code).toBe(0);
    answers.push(500, 500, 500);
    const refused = await workplace.run(['alerts', 'unit', 'minutehand-standby@main.service'], { env });
    expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining('not taken') as string]);
    expect(arrived()).toEqual([`trigger ${trainer}`]);
    workplace.start(['trainer'], env);
    await expect.poll(arrived, { timeout: 180_000 }).toContain(`resolve ${trainer}`);
    await expect.poll(arrived, { timeout: 180_000 }).toContain(`trigger ${standby}`);
    expect(arrived()).not.toContain(`resolve ${standby}`);
    workplace.start(['daemon'], env);
    await expect.poll(arrived, { timeout: 180_000 }).toContain(`resolve ${standby}`);
    for (const one of [`trigger ${trainer}`, `trigger ${standby}`, `resolve ${trainer}`, `resolve ${standby}`])
      expect(arrived().filter((what) => what === one)).toHaveLength(1);
  });

  it('sends by the proxy of the environment, and to addresses of this machine directly', async () => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      request.resume().on('end', () => response.end());
    }).on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url}`);
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const before = taken.length;
    const env = {
      HTTP_PROXY: address,
      https_proxy: address,
      MINUTEHAND_WEBHOOK_URL: 'http://hooks.example.invalid/in',
      MINUTEHAND_SLACK_URL: 'https://chat.example.invalid/x',
      MINUTEHAND_DISCORD_URL: url,
    };
    await workplace.run(['alerts', 'test'], { env });
    proxy.close();
    expect(asked).toContain('CONNECT hooks.example.invalid:80');
    expect(asked).toContain('CONNECT chat.example.invalid:443');
    expect(taken.length).toBe(before + 1);
    const broken = await workplace.run(['alerts', 'test'], { env: { ...env, HTTP_PROXY: 'nowhere:x' } });
    expect(broken.code).toBe(1);
    expect(broken.stderr).toMatch(/^CONFIG_INVALID: .*HTTP_PROXY.*\n.*http:\/\/host:port/);
  });
});
