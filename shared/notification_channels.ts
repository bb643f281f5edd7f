/** An environment variable that a notification channel reads. */
export interface ChannelVariable {
  readonly variable: string;
  readonly meaning: string;
  /** What nobody may see of its value: all of it, or the password in its address. */
  readonly secret: 'value' | 'password';
  /** Schemes that its address may have; null where it is no address. */
  readonly schemes: readonly string[] | null;
}

const HTTP = ['https:', 'http:'];

/**
 * The notification channels and their variables; the first one opens the channel. Names are values of
 * `notification_routes`; how a channel is opened and sends is in `trainer/control/notify/channels/`.
 */
export const NOTIFICATION_CHANNELS = {
  slack: [
    {
      variable: 'MINUTEHAND_SLACK_URL',
      meaning: 'Slack webhook for notifications.',
      secret: 'value',
      schemes: HTTP,
    },
  ],
  discord: [{ variable: 'MINUTEHAND_DISCORD_URL', meaning: 'Discord webhook.', secret: 'value', schemes: HTTP }],
  telegram: [
    {
      variable: 'MINUTEHAND_TELEGRAM_TOKEN',
      meaning: 'Token of a Telegram bot, as @BotFather gives it.',
      secret: 'value',
      schemes: null,
    },
    {
      variable: 'MINUTEHAND_TELEGRAM_URL',
      meaning: 'Another URL of the Bot API, such as a server of your own.',
      secret: 'value',
      schemes: HTTP,
    },
  ],
  pagerduty: [
    {
      variable: 'MINUTEHAND_PAGERDUTY_KEY',
      meaning: 'PagerDuty integration key (Events API v2).',
      secret: 'value',
      schemes: null,
    },
    {
      variable: 'MINUTEHAND_PAGERDUTY_URL',
      meaning: 'Another URL of that API.',
      secret: 'value',
      schemes: HTTP,
    },
  ],
  webhook: [
    {
      variable: 'MINUTEHAND_WEBHOOK_URL',
      meaning: 'Webhook for notifications as JSON.',
      secret: 'value',
      schemes: HTTP,
    },
    {
      variable: 'MINUTEHAND_WEBHOOK_SECRET',
      meaning: 'Key of webhook signatures (HMAC-SHA256).',
      secret: 'value',
      schemes: null,
    },
  ],
  email: [
    {
      variable: 'MINUTEHAND_SMTP_URL',
      meaning:
        'Mail server, `smtp://user:password@host:587`, which must offer STARTTLS unless `?requireTLS=false`; or `smtps://`.',
      secret: 'password',
      schemes: ['smtp:', 'smtps:'],
    },
  ],
} satisfies Readonly<Record<string, readonly [ChannelVariable, ...ChannelVariable[]]>>;

export type ChannelName = keyof typeof NOTIFICATION_CHANNELS;

export const CHANNEL_NAMES = Object.keys(NOTIFICATION_CHANNELS) as [ChannelName, ...ChannelName[]];

export const CHANNEL_VARIABLES: readonly ChannelVariable[] = CHANNEL_NAMES.flatMap(
  (name): readonly ChannelVariable[] => NOTIFICATION_CHANNELS[name],
);

/** The variable without which a channel is not open. */
export const addressVariable = (name: ChannelName): string => NOTIFICATION_CHANNELS[name][0].variable;

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;
/** Options of nodemailer that allow plain text, and their values that do. */
const NO: Readonly<Record<string, string>> = { requireTLS: 'false', ignoreTLS: 'true' };

/** TLS comes first, or nothing leaves this machine. */
export function isPlainByDefault({ protocol, hostname }: URL): boolean {
  return protocol === 'smtps:' || LOOPBACK.test(hostname);
}

/** Whether passwords and alerts go to another machine without TLS, as its address asks. */
export function isPlainMail(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  return !isPlainByDefault(url) && ['requireTLS', 'ignoreTLS'].some((name) => url.searchParams.get(name) === NO[name]);
}
