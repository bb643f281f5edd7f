import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { addStops, readHalts } from '../../../shared/bundle/halts.ts';
import { MACHINE_CLOCK } from '../../../shared/clock.ts';
import { homePaths, type HomePaths } from '../../../shared/home.ts';
import { tinySettings } from '../../../test/tiny_settings.ts';
import type { AuditEntry } from '../api/audit.ts';
import { startBotApi, type BotApi } from '../notify/channels/bot_api.fixture.ts';
import { startChat } from './chat.ts';

const OWNER = -42;
const PAIR = 'XAUUSD_XAGUSD';
let folder: string;
let paths: HomePaths;
let api: BotApi;
let audited: AuditEntry[];
let logged: string;
let stop: () => Promise<void>;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-telegram-'));
  paths = homePaths({ MINUTEHAND_HOME: folder });
  mkdirSync(paths.models, { recursive: true });
  api = await startBotApi();
  audited = [];
  logged = '';
  stop = start();
});
afterEach(async () => {
  await stop();
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(chats: readonly number[] = [OWNER], token = api.token): () => Promise<void> {
  return startChat({
    settings: tinySettings({ retrain: { telegram_command_chats: chats } }),
    paths,
    log: pino({ level: 'debug' }, { write: (line) => (logged += line) }),
    command: [],
    print: (line) => (logged += line),
    env: { MINUTEHAND_TELEGRAM_TOKEN: token, MINUTEHAND_TELEGRAM_URL: api.url },
    clock: MACHINE_CLOCK,
    notifier: { openKeys: () => Promise.resolve(['kpi_halt:A_B']) },
    audit: (entry) => Promise.resolve(void audited.push(entry)),
    trainer: () => 'no run yet, none is scheduled',
  });
}

/** The answer to a message of the owner. */
async function ask(text: string): Promise<string> {
  const before = api.sent.length;
  api.write(OWNER, text);
  await vi.waitFor(() => expect(api.sent.length).toBeGreaterThan(before), { timeout: 60_000 });
  const { chat, text: answer } = api.sent.at(-1)!;
  expect(chat).toBe(OWNER);
  return answer;
}
const stops = () => readHalts(paths.models).stops ?? [];

describe('commands by Telegram', () => {
  it('stop and resume as the command line does, and are audited', async () => {
    expect(await ask(`/halt ${PAIR},eurusd_gbpusd spreads are wide`)).toMatch(
      /^Stopped: XAUUSD_XAGUSD: entries stopped/,
    );
    expect(stops()).toMatchObject([
      { pair_id: PAIR, kind: 'entries', reason: 'spreads are wide', by: 'telegram @ann' },
      { pair_id: 'EURUSD_GBPUSD', kind: 'entries', reason: 'spreads are wide', by: 'telegram @ann' },
    ]);
    expect(await ask(`/resume@minutehand_bot ${PAIR}`)).toContain('enters again from its next bar on');
    expect(stops().map(({ pair_id }) => pair_id)).toEqual(['EURUSD_GBPUSD']);
    expect(await ask('/halt ALL news')).toContain('all subjects: entries stopped');
    expect(await ask('/halt all again')).toContain('the first reason stays');
    // As everywhere: a stop of all is not lifted for one.
    expect(await ask(`/resume ${PAIR}`)).toMatch(/^STOP_OF_ALL/);
    expect(await ask('/resume all')).toContain('enters again');
    expect(stops()).toEqual([]);
    expect(audited.map(({ via, action, target, outcome }) => `${via} ${action} ${target} ${outcome}`)).toEqual([
      'telegram /halt XAUUSD_XAGUSD,EURUSD_GBPUSD done',
      'telegram /resume XAUUSD_XAGUSD done',
      'telegram /halt * done',
      'telegram /halt * done',
      'telegram /resume XAUUSD_XAGUSD refused STOP_OF_ALL',
      'telegram /resume * done',
    ]);
    expect(audited[0]).toMatchObject({ actor: `telegram @ann (chat ${OWNER})`, role: 'operator', before: [] });
  });

  it('without a subject, without a reason or with an unknown subject change nothing', async () => {
    expect(await ask('/halt')).toMatch(/^USAGE.*\/halt all REASON/s);
    expect(await ask('/halt all')).toMatch(/^USAGE.*without a reason/s);
    expect(await ask('/halt EURSUD_GBPUSD news')).toMatch(/^PAIR_UNKNOWN.*EURUSD_GBPUSD/s);
    addStops(paths.models, ['*'], { kind: 'close', reason: 'x', by: 'y' }, new Date());
    expect(await ask('/resume')).toMatch(/^USAGE/);
    expect(stops()).toHaveLength(1);
    expect(await ask('/sell all')).toContain('/sell is no command');
    expect(audited).toEqual([]);
  });

  it('show the state and the positions', async () => {
    addStops(paths.models, [PAIR], { kind: 'entries', reason: 'news', by: 'ann' }, new Date());
    const status = await ask('/status');
    expect(status).toMatch(/^Market simulated, /);
    expect(status).toContain('Daemon main: ');
    expect(status).toContain('Active models: none');
    expect(status).toContain('Trainer: no run yet, none is scheduled');
    expect(status).toContain(`Stopped: ${PAIR}: entries stopped by ann`);
    expect(status).toContain('Open alerts: kpi_halt:A_B');
    expect(await ask('/positions')).toBe('No fills: no account has reported any.');
    expect(await ask('/start')).toContain('/halt all REASON');
  });

  it('of a chat that is not listed get no answer; its number is logged once', async () => {
    api.write(99, '/halt all attack');
    api.write(99, '/halt all attack');
    api.write(OWNER, 'good morning');
    expect(await ask('/help')).toContain('/resume');
    expect(stops()).toEqual([]);
    expect(api.sent).toHaveLength(1);
    expect(logged.match(/"chat":99/g)).toHaveLength(1);
  });

  it('that are old are not carried out', async () => {
    api.write(OWNER, '/resume all', 3600);
    await vi.waitFor(() => expect(api.sent).toHaveLength(1), { timeout: 60_000 });
    expect(api.sent[0]!.text).toMatch(/^Not carried out: sent 1 h 0 min ago/);
    expect(audited).toEqual([]);
  });

  it('lift no stop that was made after they were sent, as when a killed trainer reads one again', async () => {
    addStops(paths.models, [PAIR], { kind: 'entries', reason: 'payrolls', by: 'ann' }, new Date());
    for (const of of ['all', PAIR]) {
      const before = api.sent.length;
      api.write(OWNER, `/resume ${of}`, 30);
      await vi.waitFor(() => expect(api.sent.length).toBeGreaterThan(before), { timeout: 60_000 });
      expect(api.sent.at(-1)!.text).toMatch(/^COMMAND_LATE: .*stopped by ann.*Send it again/s);
    }
    expect(stops()).toHaveLength(1);
    expect(audited.map(({ outcome }) => outcome)).toEqual(['refused COMMAND_LATE', 'refused COMMAND_LATE']);
    expect(await ask('/resume all')).toContain('enters again');
    expect(stops()).toEqual([]);
  });

  it('are confirmed: the next trainer does not get them again', async () => {
    await ask(`/halt ${PAIR} once`);
    await stop();
    expect(api.offsets.at(-1)).toBe(1001);
    stop = start();
    await ask('/help');
    expect(audited).toHaveLength(1);
  });

  it('come back after a conflict with another program, which is logged once, and no log shows the token', async () => {
    api.conflicts = 1;
    await stop();
    stop = start();
    expect(await ask('/help')).toContain('/status');
    expect(logged.match(/answered 409: Conflict/g)).toHaveLength(1);
    expect(logged).toContain('read again');
    expect(logged).not.toContain('planted');
  });

  it('are read by nothing without listed chats, and say so without a bot', async () => {
    await stop();
    const polls = api.offsets.length;
    stop = start([]);
    await stop();
    stop = start([OWNER], '');
    expect(logged).toContain('MINUTEHAND_TELEGRAM_TOKEN names no bot');
    expect(api.offsets).toHaveLength(polls);
  });
});
