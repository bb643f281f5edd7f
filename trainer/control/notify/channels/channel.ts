import type { ChannelName } from '../../../../shared/notification_channels.ts';
import type { AlertAction } from '../../../store/schema/alerts.ts';
import type { AlertMessage } from '../message.ts';

/** Why a channel did not accept a message. */
export interface SendFailure {
  /** Without addresses and keys, which are secret. */
  readonly reason: string;
  /** Pause requested by the server; null without one. */
  readonly retryAfterMs: number | null;
  /** The server rejects this message permanently. */
  readonly isRefused: boolean;
}

/** A notification channel. */
export interface Channel {
  readonly name: ChannelName;
  /** Message kinds that it supports: a chat has no use for acknowledgements. */
  readonly actions: readonly AlertAction[];
  /** Whether several messages may be merged into one. */
  readonly groups: boolean;
  /**
   * Sends messages as one. Never rejects.
   * @returns null if they were accepted
   */
  send(messages: readonly AlertMessage[], signal: AbortSignal): Promise<SendFailure | null>;
}
