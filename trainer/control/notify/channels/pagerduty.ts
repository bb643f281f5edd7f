import { createHash } from 'node:crypto';
import { titleOf, type AlertMessage } from '../message.ts';
import type { Channel } from './channel.ts';
import { httpUrl, NO_HTTP_URL, settingOf, type ChannelKind } from './channel_kind.ts';
import { postJson } from './http_post.ts';

const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';

const MAX_KEY = 255;
const MAX_SUMMARY = 1024;

export const pagerduty: ChannelKind = {
  open({ env, policy }) {
    const routingKey = settingOf(env, 'MINUTEHAND_PAGERDUTY_KEY');
    if (routingKey === null) return null;
    const url = httpUrl(settingOf(env, 'MINUTEHAND_PAGERDUTY_URL') ?? PAGERDUTY_URL);
    if (url === null) return { variable: 'MINUTEHAND_PAGERDUTY_URL', text: NO_HTTP_URL };
    return pagerdutyChannel(url, routingKey, policy.notification_link);
  },
};

/**
 * Events API v2: https://developer.pagerduty.com/docs/send-alert-event. One event at a time, by the alert's own key.
 */
function pagerdutyChannel(url: URL, routingKey: string, link: string | null): Channel {
  return {
    name: 'pagerduty',
    actions: ['trigger', 'acknowledge', 'resolve'],
    groups: false,
    send: ([message], signal) => postJson(url, JSON.stringify(eventOf(message!, routingKey, link)), signal),
  };
}

function eventOf(message: AlertMessage, routingKey: string, link: string | null): object {
  const { action, severity, subject, text, command, version, details, event, opened_ms, market } = message;
  const event_ = { routing_key: routingKey, event_action: action, dedup_key: dedupKey(message) };
  if (action !== 'trigger') return event_;
  return {
    ...event_,
    client: 'minutehand',
    payload: {
      summary: `${titleOf(message)}. ${text}`.slice(0, MAX_SUMMARY),
      source: subject,
      severity,
      timestamp: new Date(opened_ms).toISOString(),
      class: event,
      custom_details: { ...details, command, version, market },
    },
    ...(link === null ? {} : { links: [{ href: link, text: 'minutehand' }] }),
  };
}

function dedupKey({ market, key }: AlertMessage): string {
  const whole = `minutehand ${market} ${key}`;
  return whole.length <= MAX_KEY ? whole : `minutehand ${createHash('sha256').update(whole).digest('hex')}`;
}
