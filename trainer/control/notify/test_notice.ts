import { hostname } from 'node:os';
import type { Notice } from './outbox.ts';

/** What a test of a channel sends. @param nowMs makes each one another alert */
export function testNotice(nowMs: number): Notice {
  const text = 'A test of this channel; nothing is wrong.';
  return { key: `self_test:${nowMs}`, event: 'self_test', subject: hostname(), text, isOnce: true };
}
