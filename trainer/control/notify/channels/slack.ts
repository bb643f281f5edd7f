import { digestOf, textOf, type AlertMessage } from '../message.ts';
import type { Channel } from './channel.ts';
import { openAtAddress, type ChannelKind } from './channel_kind.ts';
import { postJson } from './http_post.ts';

export const slack: ChannelKind = {
  open(settings) {
    const { retrain_notification_channel: channel, notification_link: link } = settings.policy;
    return openAtAddress(settings, 'MINUTEHAND_SLACK_URL', (url) => slackChannel(url, channel, link));
  },
};

/** Source: https://api.slack.com/reference/surfaces/formatting#escaping */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** An incoming webhook of Slack: `{channel, text}`, with `kind` and `details` of a single message for programs. */
function slackChannel(url: URL, channel: string, link: string | null): Channel {
  const bodyOf = (messages: readonly AlertMessage[]): object => {
    const [first] = messages;
    if (messages.length > 1) return { channel, text: escaped(digestOf(messages, link)) };
    return { channel, text: escaped(textOf(first!, link)), kind: first!.event, details: first!.details };
  };
  return {
    name: 'slack',
    actions: ['trigger', 'resolve'],
    groups: true,
    send: (messages, signal) => postJson(url, JSON.stringify(bodyOf(messages)), signal),
  };
}
