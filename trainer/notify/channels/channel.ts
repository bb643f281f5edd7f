import type { CHANNEL_NAMES } from '../../../shared/policy/schema.ts';
import type { AlertAction } from '../../store/tables.ts';
import type { AlertMessage } from '../message.ts';

export type ChannelName = (typeof CHANNEL_NAMES)[number];

/** Why a channel did not take a message. */
export interface SendFailure {
  /** Without addresses and keys: they are secrets. */
  readonly reason: string;
  /** How long the server asks to be left alone; null when it does not. */
  readonly retryAfterMs: number | null;
  /** The server refuses this message; the same again will not be taken. */
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
   * @returns null when they were taken
   */
  send(messages: readonly AlertMessage[], signal: AbortSignal): Promise<SendFailure | null>;
}
