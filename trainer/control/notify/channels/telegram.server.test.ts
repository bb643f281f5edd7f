import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { tinySettings } from '../../../../test/tiny_settings.ts';
import type { AlertMessage } from '../message.ts';
import { startBotApi, type BotApi } from './bot_api.fixture.ts';
import { openChannels } from './open_channels.ts';

const MESSAGE: AlertMessage = {
  message_id: 1,
  alert_id: 1,
  action: 'trigger',
  key: 'kpi_halt:A_B',
  market: 'live',
  event: 'kpi_halt',
  severity: 'critical',
  subject: 'A_B',
  text: 'A_B lost.',
  command: 'minutehand models resume A_B',
  version: null,
  details: {},
  is_once: false,
  opened_ms: 0,
  created_ms: 0,
  acked_by: null,
  resolved_ms: null,
};
let api: BotApi;
beforeEach(async () => {
  api = await startBotApi();
});
afterEach(() => api.close());

const open = (chats: readonly number[], env: NodeJS.ProcessEnv = {}) =>
  openChannels(tinySettings({ retrain: { notification_telegram_chats: chats } }).retrain, {
    MINUTEHAND_TELEGRAM_TOKEN: api.token,
    MINUTEHAND_TELEGRAM_URL: api.url,
    ...env,
  });
const send = (chats: readonly number[], messages: readonly AlertMessage[] = [MESSAGE]) =>
  open(chats).channels[0]!.send(messages, AbortSignal.timeout(10_000));

describe('the channel of Telegram', () => {
  it('writes to every chat, one message or a digest', async () => {
    expect(await send([5, -100])).toBeNull();
    expect(api.sent.map(({ chat }) => chat)).toEqual([5, -100]);
    expect(api.sent[0]!.text).toMatch(/^\[CRITICAL\] .*: A_B\nA_B lost\./);
    expect(await send([5], [MESSAGE, { ...MESSAGE, message_id: 2 }])).toBeNull();
    expect(api.sent.at(-1)!.text).toMatch(/^2 notifications:/);
  });

  it('cuts what Telegram would refuse as too long', async () => {
    expect(await send([5], [{ ...MESSAGE, text: 'x'.repeat(10_000) }])).toBeNull();
    expect(api.sent[0]!.text).toHaveLength(4096);
  });

  it('sends again only to the chats that have not taken a message, and waits as long as it is told', async () => {
    api.refusals.set(-100, [{ status: 429, description: 'Too Many Requests', parameters: { retry_after: 3 } }]);
    const [channel] = open([5, -100]).channels;
    const signal = AbortSignal.timeout(10_000);
    expect(await channel!.send([MESSAGE], signal)).toMatchObject({ retryAfterMs: 3000, isRefused: false });
    expect(await channel!.send([MESSAGE], signal)).toBeNull();
    expect(api.sent.map(({ chat }) => chat)).toEqual([5, -100]);
    // The next message goes to both again.
    expect(await channel!.send([{ ...MESSAGE, message_id: 2 }], signal)).toBeNull();
    expect(api.sent.map(({ chat }) => chat)).toEqual([5, -100, 5, -100]);
  });

  it('says which chat refuses and why, without the token', async () => {
    const description = 'Bad Request: group chat was upgraded to a supergroup chat';
    api.refusals.set(-4, [{ status: 400, description, parameters: { migrate_to_chat_id: -1004 } }]);
    const failure = await send([-4]);
    expect(failure).toMatchObject({ isRefused: true });
    expect(failure!.reason).toContain(`chat -4: ${new URL(api.url).host} answered 400: ${description}`);
    expect(failure!.reason).toContain('-1004');
  });

  it('neither a wrong token nor a server that is away is in the reason, and both are tried again', async () => {
    const gone = await startBotApi();
    await gone.close();
    for (const env of [{ MINUTEHAND_TELEGRAM_TOKEN: '99:wrong-token/../x' }, { MINUTEHAND_TELEGRAM_URL: gone.url }]) {
      const [channel] = open([5], env).channels;
      const failure = await channel!.send([MESSAGE], AbortSignal.timeout(10_000));
      expect(failure).toMatchObject({ isRefused: false });
      expect(failure!.reason).not.toMatch(/wrong|planted/);
      expect(failure!.reason).toMatch(/401: Unauthorized|ECONNREFUSED/);
    }
    expect(api.sent).toEqual([]);
  });

  it('names what is missing', () => {
    expect(open([]).problems).toMatchObject([{ channel: 'telegram', variable: 'MINUTEHAND_TELEGRAM_TOKEN' }]);
    expect(open([5], { MINUTEHAND_TELEGRAM_URL: 'ftp://x' }).problems).toMatchObject([
      { channel: 'telegram', variable: 'MINUTEHAND_TELEGRAM_URL' },
    ]);
    expect(open([5], { MINUTEHAND_TELEGRAM_TOKEN: '' })).toEqual({ channels: [], problems: [] });
  });
});
