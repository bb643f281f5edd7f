import type { RetrainPolicy } from '../../../../shared/policy/policy.ts';
import type { Channel } from './channel.ts';

export type ChannelPolicy = Pick<
  RetrainPolicy,
  | 'retrain_notification_channel'
  | 'notification_link'
  | 'notification_email_from'
  | 'notification_email_to'
  | 'notification_telegram_chats'
>;

/** What a channel is opened from. */
export interface ChannelSettings {
  readonly env: NodeJS.ProcessEnv;
  readonly policy: ChannelPolicy;
}

/** A setting that keeps a channel from being opened. */
export interface SettingProblem {
  readonly variable: string;
  /** What is wrong with it, without its value: `is not an http:// or https:// URL`. */
  readonly text: string;
}

/** A kind of notification channel. */
export interface ChannelKind {
  /** @returns null where the environment does not name the channel */
  open(settings: ChannelSettings): Channel | SettingProblem | null;
}

export function isProblem(opened: object): opened is SettingProblem {
  return 'variable' in opened;
}

/** The value of a variable; null when it is not set or empty. */
export function settingOf(env: NodeJS.ProcessEnv, variable: string): string | null {
  const value = env[variable];
  return value === undefined || value === '' ? null : value;
}

/** A channel behind the address that a variable has. */
export function openAtAddress(
  { env }: ChannelSettings,
  variable: string,
  open: (url: URL) => Channel,
): Channel | SettingProblem | null {
  if (settingOf(env, variable) === null) return null;
  const url = httpUrl(env[variable]!);
  return url === null ? { variable, text: NO_HTTP_URL } : open(url);
}

export const NO_HTTP_URL = 'is not an http:// or https:// URL';

export function httpUrl(address: string): URL | null {
  try {
    const url = new URL(address);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
  } catch {
    return null;
  }
}
