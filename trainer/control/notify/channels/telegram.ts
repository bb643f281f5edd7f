import { digestOf, textOf, type AlertMessage } from '../message.ts';
import type { Channel, SendFailure } from './channel.ts';
import { isProblem, type ChannelKind } from './channel_kind.ts';
import { sendTelegram, telegramBot, type TelegramBot } from './telegram_api.ts';

/** Messages whose chats are remembered: a sender has one at a time, and `alerts test` one. */
const REMEMBERED = 100;

export const telegram: ChannelKind = {
  open({ env, policy }) {
    const bot = telegramBot(env);
    if (bot === null || isProblem(bot)) return bot;
    const { notification_telegram_chats: chats, notification_link: link } = policy;
    if (chats.length === 0) {
      const text = 'needs notification_telegram_chats in retrain_policy.yaml';
      return { variable: 'MINUTEHAND_TELEGRAM_TOKEN', text };
    }
    return telegramChannel(bot, chats, link);
  },
};

/** A bot of Telegram, which writes to each of these chats. A chat that has taken a message is not sent it again. */
function telegramChannel(bot: TelegramBot, chats: readonly number[], link: string | null): Channel {
  const taken = new Map<string, Set<number>>();
  return {
    name: 'telegram',
    actions: ['trigger', 'resolve'],
    groups: true,
    async send(messages, signal) {
      const key = idOf(messages);
      const done = taken.get(key) ?? new Set();
      const text = messages.length > 1 ? digestOf(messages, link) : textOf(messages[0]!, link);
      const failures: SendFailure[] = [];
      for (const chat of chats) {
        if (done.has(chat)) continue;
        const failure = await sendTelegram(bot, chat, text, signal);
        if (failure === null) done.add(chat);
        else failures.push({ ...failure, reason: `chat ${chat}: ${failure.reason}` });
      }
      taken.delete(key);
      if (failures.length === 0) return null;
      taken.set(key, done);
      for (const oldest of [...taken.keys()].slice(0, -REMEMBERED)) taken.delete(oldest);
      return {
        reason: failures.map(({ reason }) => reason).join('; '),
        retryAfterMs: failures.reduce<number | null>(longerWait, null),
        isRefused: failures.every(({ isRefused }) => isRefused),
      };
    },
  };
}

function longerWait(longest: number | null, { retryAfterMs }: SendFailure): number | null {
  return retryAfterMs === null ? longest : Math.max(longest ?? 0, retryAfterMs);
}

function idOf(messages: readonly AlertMessage[]): string {
  return messages.map(({ market, message_id, created_ms }) => `${market} ${message_id} ${created_ms}`).join();
}
