import { digestOf, textOf } from '../message.ts';
import type { Channel } from './channel.ts';
import { openAtAddress, type ChannelKind } from './channel_kind.ts';
import { postJson } from './http_post.ts';

export const discord: ChannelKind = {
  open: (settings) =>
    openAtAddress(settings, 'MINUTEHAND_DISCORD_URL', (url) => discordChannel(url, settings.policy.notification_link)),
};

/** Source: https://discord.com/developers/docs/resources/webhook#execute-webhook */
const MAX_TEXT = 2000;

/** A webhook of Discord. Mentions in the text are disabled. */
function discordChannel(url: URL, link: string | null): Channel {
  return {
    name: 'discord',
    actions: ['trigger', 'resolve'],
    groups: true,
    send(messages, signal) {
      const text = messages.length > 1 ? digestOf(messages, link) : textOf(messages[0]!, link);
      const content = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text;
      return postJson(url, JSON.stringify({ content, allowed_mentions: { parse: [] } }), signal);
    },
  };
}
