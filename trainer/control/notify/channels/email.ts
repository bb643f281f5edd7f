import { createHash } from 'node:crypto';
import { isPlainByDefault } from '../../../../shared/notification_channels.ts';
import { digestOf, textOf, titleOf, type AlertMessage } from '../message.ts';
import type { Channel, SendFailure } from './channel.ts';
import { settingOf, type ChannelKind } from './channel_kind.ts';
import { reasonOf } from './http_post.ts';

const TIMEOUT_MS = 10_000;
/** A permanent refusal is 5xx; 530 to 538 concern the login, which a person can correct. */
const isRefusal = (code: number | undefined): boolean => code !== undefined && code >= 550;

export const email: ChannelKind = {
  open({ env, policy }) {
    const variable = 'MINUTEHAND_SMTP_URL';
    const url = settingOf(env, variable);
    if (url === null) return null;
    if (!/^smtps?:\/\//.test(url)) return { variable, text: 'is no smtp:// or smtps:// address' };
    const { notification_email_from: from, notification_email_to: to, notification_link: link } = policy;
    if (to.length === 0) return { variable, text: 'needs notification_email_to in retrain_policy.yaml' };
    return emailChannel(url, { from, to }, link);
  },
};

interface EmailAddresses {
  readonly from: string;
  readonly to: readonly string[];
}

/**
 * A mail server: `smtps://` has TLS from the start; `smtp://user:password@host:587` must offer STARTTLS, or password
 * and alerts would be readable on the way. Plain text is for `smtp://…?requireTLS=false` alone, and for this machine.
 */
function emailChannel(url: string, { from, to }: EmailAddresses, link: string | null): Channel {
  const options = {
    url: withTls(url),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
  };
  return {
    name: 'email',
    actions: ['trigger', 'resolve'],
    groups: true,
    async send(messages, signal) {
      // Closing does not end a command that is in progress; the result no longer matters then.
      const cut = new Promise<SendFailure>((resolve) => {
        const late = { reason: 'the mail server did not answer in time', retryAfterMs: null, isRefused: false };
        signal.addEventListener('abort', () => resolve(late), { once: true });
      });
      const { createTransport } = await import('nodemailer');
      const transport = createTransport(options);
      const sending = transport
        .sendMail({ from, to: [...to], ...contentOf(messages, link), disableFileAccess: true, disableUrlAccess: true })
        .then(() => null, failureOf);
      try {
        return await Promise.race([sending, cut]);
      } finally {
        transport.close();
      }
    },
  };
}

/** nodemailer reads its options from the query of the address. */
function withTls(address: string): string {
  const url = new URL(address);
  if (!isPlainByDefault(url) && !url.searchParams.has('requireTLS')) url.searchParams.set('requireTLS', 'true');
  return url.href;
}

function contentOf(messages: readonly AlertMessage[], link: string | null): object {
  const [first] = messages;
  const isOne = messages.length === 1;
  return {
    subject: isOne ? titleOf(first!) : `[minutehand] ${messages.length} notifications`,
    text: isOne ? textOf(first!, link) : digestOf(messages, link),
    messageId: `<${idOf(messages)}@minutehand>`,
  };
}

/** The same for the same messages: many readers show a mail that comes twice once. */
function idOf(messages: readonly AlertMessage[]): string {
  const ids = messages.map(({ market, message_id, created_ms }) => `${market} ${message_id} ${created_ms}`).join();
  return createHash('sha256').update(ids).digest('hex').slice(0, 32);
}

function failureOf(error: unknown): SendFailure {
  const { responseCode } = error as { responseCode?: number };
  const answered = responseCode === undefined ? '' : ` (${responseCode})`;
  const isWithoutTls = (error as NodeJS.ErrnoException).code === 'ETLS';
  const plain = isWithoutTls
    ? '; it offers no STARTTLS that works: use smtps://, or allow plain text by ?requireTLS=false'
    : '';
  return {
    reason: `mail server: ${reasonOf(error)}${answered}${plain}`,
    retryAfterMs: null,
    isRefused: isRefusal(responseCode),
  };
}
