import { ask, ServerRests } from '../../../../shared/outgoing.ts';
import type { SendFailure } from './channel.ts';

/** Statuses after which the same message may be taken later. */
const LATER: readonly number[] = [408, 409, 425, 429];
/** These mean a wrong address or key, which a person may mend while it is tried again. */
const WRONG_PLACE: readonly number[] = [401, 403, 404, 405, 407, 410];

/** The signal of a caller ends it earlier. */
const WITHIN_MS = 120_000;

/** Posts JSON. Never rejects. @returns null on a status of 200 to 299 */
export async function postJson(
  url: URL,
  body: string,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<SendFailure | null> {
  try {
    const { ok, status, retryAfterMs } = await ask(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
      // Followed, it would become a GET without the message.
      redirect: 'manual',
      withinMs: WITHIN_MS,
      signal,
    });
    if (ok) return null;
    return { reason: `${url.host} answered ${status}`, retryAfterMs, isRefused: isLasting(status) };
  } catch (error) {
    const wait = error instanceof ServerRests ? Math.max(0, error.untilMs - Date.now()) : null;
    return { reason: `${url.host}: ${reasonOf(error)}`, retryAfterMs: wait, isRefused: false };
  }
}

/** Whether the same message will be refused again: not where a person may mend the address, or after a pause. */
export function isLasting(status: number): boolean {
  return status >= 400 && status < 500 && !LATER.includes(status) && !WRONG_PLACE.includes(status);
}

/** Of a failed fetch the reason stands below; the error itself may name the whole address. */
export function reasonOf(error: unknown): string {
  if (error instanceof ServerRests) return error.message;
  const { name, code, cause } = error as { name?: string; code?: string; cause?: NodeJS.ErrnoException };
  return cause?.code ?? code ?? name ?? 'unknown';
}
