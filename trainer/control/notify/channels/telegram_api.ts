import * as z from 'zod';
import { ask, jsonOf, MAX_REST_MS } from '../../../../shared/outgoing.ts';
import type { SendFailure } from './channel.ts';
import { httpUrl, NO_HTTP_URL, settingOf, type SettingProblem } from './channel_kind.ts';
import { isLasting, reasonOf } from './http_post.ts';

/** Source: https://core.telegram.org/bots/api#making-requests */
export const TELEGRAM_URL = 'https://api.telegram.org';

/** Source: https://core.telegram.org/bots/api#sendmessage, characters after parsing. */
export const MAX_TELEGRAM_TEXT = 4096;

/** The signal of a caller ends it earlier. */
const WITHIN_MS = 300_000;
/** Of a hundred updates. */
const MAX_ANSWER_BYTES = 16 << 20;
const answerSchema = z.object({
  ok: z.boolean(),
  result: z.unknown().optional(),
  error_code: z.number().optional(),
  description: z.string().optional(),
  parameters: z.object({ retry_after: z.number().optional(), migrate_to_chat_id: z.number().optional() }).optional(),
});

export type TelegramAnswer =
  | { readonly result: unknown }
  | { readonly failure: SendFailure; readonly status: number | null };

/** A bot: the server of the API, and the token, which is part of every address and therefore in no message. */
export interface TelegramBot {
  readonly url: URL;
  readonly token: string;
}

/** The bot that the environment names; null without a token. */
export function telegramBot(env: NodeJS.ProcessEnv): TelegramBot | SettingProblem | null {
  const token = settingOf(env, 'MINUTEHAND_TELEGRAM_TOKEN');
  if (token === null) return null;
  const url = httpUrl(settingOf(env, 'MINUTEHAND_TELEGRAM_URL') ?? TELEGRAM_URL);
  return url === null ? { variable: 'MINUTEHAND_TELEGRAM_URL', text: NO_HTTP_URL } : { url, token };
}

/** Calls a method of the Bot API. Never rejects. */
export async function callTelegram(
  { url, token }: TelegramBot,
  method: string,
  parameters: object,
  signal: AbortSignal,
): Promise<TelegramAnswer> {
  try {
    const base = url.href.endsWith('/') ? url.href : `${url.href}/`;
    // A token has a colon, after which a relative address would be one of a scheme "bot…:".
    const place = `./bot${encodeURIComponent(token).replaceAll('%3A', ':')}/${method}`;
    const response = await ask(new URL(place, base), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(parameters),
      redirect: 'manual',
      withinMs: WITHIN_MS,
      maxBytes: MAX_ANSWER_BYTES,
      // Its waits are of a chat or of a method, and their callers keep them.
      place: null,
      signal,
    });
    const { status } = response;
    const answer = answerSchema.safeParse(jsonOf(response)).data;
    if (response.ok && answer?.ok === true) return { result: answer.result };
    const { description, parameters: hints } = answer ?? {};
    const moved = hints?.migrate_to_chat_id === undefined ? '' : `; the chat is now ${hints.migrate_to_chat_id}`;
    const wait = hints?.retry_after;
    return {
      status,
      failure: {
        reason: `${url.host} answered ${status}${description === undefined ? '' : `: ${description.slice(0, 200)}`}${moved}`,
        retryAfterMs: wait === undefined ? response.retryAfterMs : Math.min(Math.max(0, 1000 * wait), MAX_REST_MS),
        isRefused: isLasting(status),
      },
    };
  } catch (error) {
    const failure = { reason: `${url.host}: ${reasonOf(error)}`, retryAfterMs: null, isRefused: false };
    return { failure, status: null };
  }
}

/** Sends plain text, cut where Telegram takes no more. Never rejects. @returns null if it was taken */
export async function sendTelegram(
  bot: TelegramBot,
  chat: number,
  text: string,
  signal: AbortSignal,
): Promise<SendFailure | null> {
  const shown = text.length > MAX_TELEGRAM_TEXT ? `${text.slice(0, MAX_TELEGRAM_TEXT - 1)}…` : text;
  const parameters = { chat_id: chat, text: shown, link_preview_options: { is_disabled: true } };
  const answer = await callTelegram(bot, 'sendMessage', parameters, signal);
  return 'failure' in answer ? answer.failure : null;
}
