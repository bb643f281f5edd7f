import { existsSync } from 'node:fs';
import { ask, jsonOf } from '../outgoing.ts';
import type * as z from 'zod';
import { readAddress, urlOf } from '../address.ts';
import type { HomePaths } from '../home.ts';
import { isLocked } from './home_lock.ts';

const ANSWER_MS = 3000;
/** Of the health of thousands of symbols. */
const MAX_ANSWER_BYTES = 64 << 20;

/**
 * `up`: it answers. `mute`: it has its place in the home, and does not answer: it starts, ends or hangs. `down`: there
 * is none.
 */
export type Presence = 'up' | 'mute' | 'down';

/** Reported state of a process of this home. */
export interface ProcessState<Health> {
  readonly presence: Presence;
  readonly pid: number | null;
  /** URL that was requested; null when unknown. */
  readonly url: string | null;
  /** null unless it is up. */
  readonly health: Health | null;
}

/**
 * Returns whether a process holds this lock; null without the right to see it. A missing home is not created.
 */
export function isTaken(lock: string): boolean | null {
  if (!existsSync(lock)) return false;
  try {
    return isLocked(lock);
  } catch {
    return null;
  }
}

/**
 * Asks a process of this home.
 * @param kind as in the names of its lock and its address
 * @param configured where it listens when it left no address; port 0 = unknown
 * @param schema what it must answer, so that another program at the port is not taken for it
 */
export async function askProcess<Health>(
  paths: HomePaths,
  kind: string,
  configured: { readonly host: string; readonly port: number },
  path: string,
  schema: z.ZodType<Health>,
): Promise<ProcessState<Health>> {
  if (isTaken(paths.lock(kind)) === false) return { presence: 'down', pid: null, url: null, health: null };
  const told = readAddress(paths.address(kind));
  const address = told ?? (configured.port === 0 ? null : configured);
  const pid = told?.pid ?? null;
  if (address === null) return { presence: 'mute', pid, url: null, health: null };
  const url = urlOf(address);
  const health = await getJson(`${url}${path}`, schema);
  const isElsewhere = health === null && isTaken(paths.lock(kind)) === null;
  return { presence: health !== null ? 'up' : isElsewhere ? 'down' : 'mute', pid, url, health };
}

/** null on any failure. */
export async function getJson<Health>(url: string, schema: z.ZodType<Health>): Promise<Health | null> {
  try {
    const answer = await ask(url, { withinMs: ANSWER_MS, maxBytes: MAX_ANSWER_BYTES, place: null });
    return schema.parse(jsonOf(answer));
  } catch {
    return null;
  }
}
