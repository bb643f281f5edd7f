import type { RetrainPolicy } from '../../../../shared/policy/policy.ts';
import type { Channel, ChannelName } from './channel.ts';
import { discordChannel } from './discord.ts';
import { emailChannel } from './email.ts';
import { pagerdutyChannel } from './pagerduty.ts';
import { slackChannel } from './slack.ts';
import { telegramChannel } from './telegram.ts';
import { TELEGRAM_URL, type TelegramBot } from './telegram_api.ts';
import { webhookChannel } from './webhook.ts';

const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';

export type ChannelPolicy = Pick<
  RetrainPolicy,
  | 'retrain_notification_channel'
  | 'notification_link'
  | 'notification_email_from'
  | 'notification_email_to'
  | 'notification_telegram_chats'
>;

/** What is wrong with the address of a channel, which is therefore not used. */
export interface ChannelProblem {
  readonly channel: ChannelName;
  readonly variable: string;
  readonly text: string;
}

export interface OpenChannels {
  readonly channels: readonly Channel[];
  readonly problems: readonly ChannelProblem[];
}

/** Every channel whose address the environment names. */
export function openChannels(policy: ChannelPolicy, env: NodeJS.ProcessEnv): OpenChannels {
  const channels: Channel[] = [];
  const problems: ChannelProblem[] = [];
  const { notification_link: link, retrain_notification_channel: slackName } = policy;

  function byHttp(channel: ChannelName, variables: readonly string[], open: (url: URL) => Channel): void {
    const variable = variables.find((name) => isSet(env[name]));
    if (variable === undefined) return;
    const url = httpUrl(env[variable]!);
    if (url === null) problems.push({ channel, variable, text: 'is not an http:// or https:// URL' });
    else channels.push(open(url));
  }

  byHttp('slack', ['MINUTEHAND_SLACK_URL', 'MINUTEHAND_ALERT_URL'], (url) => slackChannel(url, slackName, link));
  byHttp('discord', ['MINUTEHAND_DISCORD_URL'], (url) => discordChannel(url, link));
  const { notification_telegram_chats: chats } = policy;
  const bot = telegramBot(env);
  if (bot !== null && 'problem' in bot) problems.push(bot.problem);
  else if (bot !== null && chats.length === 0) {
    const text = 'needs notification_telegram_chats in retrain_policy.yaml';
    problems.push({ channel: 'telegram', variable: 'MINUTEHAND_TELEGRAM_TOKEN', text });
  } else if (bot !== null) channels.push(telegramChannel(bot, chats, link));
  if (isSet(env['MINUTEHAND_PAGERDUTY_KEY'])) {
    const url = httpUrl(env['MINUTEHAND_PAGERDUTY_URL'] || PAGERDUTY_URL);
    const text = 'is not an http:// or https:// URL';
    if (url === null) problems.push({ channel: 'pagerduty', variable: 'MINUTEHAND_PAGERDUTY_URL', text });
    else channels.push(pagerdutyChannel(url, env['MINUTEHAND_PAGERDUTY_KEY']!, link));
  }
  const secret = env['MINUTEHAND_WEBHOOK_SECRET'];
  byHttp('webhook', ['MINUTEHAND_WEBHOOK_URL'], (url) => webhookChannel(url, isSet(secret) ? secret! : null));
  const smtp = env['MINUTEHAND_SMTP_URL'];
  if (isSet(smtp)) {
    const { notification_email_from: from, notification_email_to: to } = policy;
    const text = !/^smtps?:\/\//.test(smtp!)
      ? 'is no smtp:// or smtps:// address'
      : to.length === 0
        ? 'needs notification_email_to in retrain_policy.yaml'
        : null;
    if (text !== null) problems.push({ channel: 'email', variable: 'MINUTEHAND_SMTP_URL', text });
    else channels.push(emailChannel(smtp!, { from, to }, link));
  }
  return { channels, problems };
}

/** The bot that the environment names; null without a token. */
export function telegramBot(env: NodeJS.ProcessEnv): TelegramBot | { readonly problem: ChannelProblem } | null {
  const token = env['MINUTEHAND_TELEGRAM_TOKEN'];
  if (!isSet(token)) return null;
  const url = httpUrl(env['MINUTEHAND_TELEGRAM_URL'] || TELEGRAM_URL);
  const text = 'is not an http:// or https:// URL';
  return url === null
    ? { problem: { channel: 'telegram', variable: 'MINUTEHAND_TELEGRAM_URL', text } }
    : { url, token: token! };
}

const isSet = (value: string | undefined): boolean => value !== undefined && value !== '';

export function httpUrl(address: string): URL | null {
  try {
    const url = new URL(address);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
  } catch {
    return null;
  }
}
