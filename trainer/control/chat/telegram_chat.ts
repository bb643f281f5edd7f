import type { Logger } from 'pino';
import * as z from 'zod';
import type { Clock } from '../../../shared/ports.ts';
import { callTelegram, sendTelegram, type TelegramBot } from '../notify/channels/telegram_api.ts';
import { durationText } from '../notify/message.ts';
import { answerCommand, type CommandContext } from './commands.ts';

/** Telegram answers as soon as there is a message, and after this time without one. */
const POLL_S = 25;
/** Longer than a poll. */
const POLL_LIMIT_MS = 40_000;
const SEND_MS = 10_000;
/** An older command was given while nothing answered: what it was meant for may be over. */
const STALE_S = 60;
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;

const messageSchema = z.object({
  date: z.number(),
  chat: z.object({ id: z.number() }),
  from: z.object({ id: z.number(), username: z.string().optional() }).optional(),
  text: z.string().optional(),
});
/** Source: https://core.telegram.org/bots/api#update */
const updatesSchema = z.array(z.object({ update_id: z.number(), message: z.unknown().optional() }));

export interface TelegramChatOptions extends CommandContext {
  readonly bot: TelegramBot;
  /** Chats whose commands are carried out. */
  readonly chats: readonly number[];
  readonly clock: Clock;
  readonly log: Logger;
  /** Seconds that an empty poll waits, and the first pause after a failure; default: as above. */
  readonly pollS?: number;
  readonly firstPauseMs?: number;
}

/**
 * Reads the messages of a bot by long polling and carries out commands of the listed chats, one after the other. A
 * command is confirmed to Telegram by the poll after it: one that a killed process carried out comes again: a stop
 * stays as it is, and none that was made since is lifted.
 * @returns a function that stops it
 */
export function startTelegramChat(options: TelegramChatOptions): () => Promise<void> {
  const { bot, log, pollS = POLL_S, firstPauseMs = FIRST_PAUSE_MS } = options;
  const ending = new AbortController();
  const strangers = new Set<number>();
  let pauseMs = firstPauseMs;
  let failing = '';

  async function poll(offset: number): Promise<number> {
    const parameters = { offset, timeout: pollS, allowed_updates: ['message'] };
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(POLL_LIMIT_MS)]);
    const answer = await callTelegram(bot, 'getUpdates', parameters, signal);
    if (ending.signal.aborted) return offset;
    const updates = 'failure' in answer ? null : updatesSchema.safeParse(answer.result).data;
    if (updates === null || updates === undefined) {
      const { reason, retryAfterMs } =
        'failure' in answer ? answer.failure : { reason: 'no list of updates', retryAfterMs: null };
      // Once until the reason changes. 409: another program reads the messages of this bot.
      if (reason !== failing) log.warn({ reason }, 'commands of Telegram cannot be read');
      failing = reason;
      await pause(retryAfterMs ?? pauseMs, ending.signal);
      pauseMs = Math.min(MAX_PAUSE_MS, 2 * pauseMs);
      return offset;
    }
    if (failing !== '') log.info({}, 'commands of Telegram are read again');
    failing = '';
    pauseMs = firstPauseMs;
    let next = offset;
    for (const { update_id, message } of updates) {
      await take(message);
      next = Math.max(next, update_id + 1);
    }
    return next;
  }

  async function take(raw: unknown): Promise<void> {
    const message = messageSchema.safeParse(raw).data;
    if (message?.text === undefined) return;
    const { chat, from, date, text } = message;
    if (!options.chats.includes(chat.id)) {
      // Its number is what an owner puts into the policy. A stranger gets no answer, and one line.
      if (!strangers.has(chat.id) && strangers.size < 100)
        log.warn({ chat: chat.id }, 'a message of a Telegram chat that telegram_command_chats does not list');
      strangers.add(chat.id);
      return;
    }
    const name =
      from === undefined ? `chat ${chat.id}` : from.username === undefined ? `${from.id}` : `@${from.username}`;
    const ageS = options.clock.nowMs() / 1000 - date;
    const answer = !text.startsWith('/')
      ? null
      : ageS > STALE_S
        ? `Not carried out: sent ${durationText(1000 * ageS)} ago. Send it again.`
        : await answerCommand(options, { chat: chat.id, name: `telegram ${name}`, sentS: date }, text);
    if (answer === null) return;
    log.info({ chat: chat.id, by: name, command: text.split(/\s/)[0]!.slice(0, 64) }, 'a command of Telegram');
    const failure = await sendTelegram(
      bot,
      chat.id,
      answer,
      AbortSignal.any([ending.signal, AbortSignal.timeout(SEND_MS)]),
    );
    if (failure !== null) log.warn({ chat: chat.id, reason: failure.reason }, 'an answer to Telegram was not taken');
  }

  async function run(): Promise<void> {
    let offset = 0;
    while (!ending.signal.aborted) offset = await poll(offset);
    // What was carried out is confirmed: another trainer does not get it again.
    if (offset > 0) await callTelegram(bot, 'getUpdates', { offset, timeout: 0 }, AbortSignal.timeout(1000));
  }

  const running = run().catch((error: unknown) => log.error({ err: error }, 'commands of Telegram are no longer read'));
  return async () => {
    ending.abort();
    await running;
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    timer.unref();
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
  });
}
