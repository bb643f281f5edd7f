import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Tables } from '../../../store/schema/schema.ts';
import type { Identity, Role } from './role.ts';

/**
 * Name of the cookie of a session. Browsers keep the cookies of a host for all of its ports: by the port, a login at
 * one installation does not end that at another one of the same machine.
 */
export function sessionCookie({ socket }: { readonly socket: { readonly localPort?: number | undefined } }): string {
  return `minutehand_session_${socket.localPort ?? 0}`;
}

export const SESSION_MS = 12 * 3_600_000;
const LINK_MS = 15 * 60_000;
const SECRET = /^[\w-]{43}$/;

/** Creates the code of a one-time login link, valid for 15 minutes. */
export async function createLogin(
  db: Kysely<Tables>,
  { name, role, nowMs }: { readonly name: string; readonly role: Role; readonly nowMs: number },
): Promise<string> {
  const code = randomBytes(32).toString('base64url');
  const row = { code_hash: sha256(code), name, role, created_ms: nowMs, expires_ms: nowMs + LINK_MS, used_ms: null };
  await db.insertInto('core.api_logins').values(row).execute();
  return code;
}

/** Redeems a code. @returns null when it is unknown, used or expired */
export async function redeemLogin(
  db: Kysely<Tables>,
  code: string,
  nowMs: number,
): Promise<{ readonly name: string; readonly role: Role } | null> {
  if (!SECRET.test(code)) return null;
  // One statement, so that only one of two concurrent requests with the same code succeeds.
  const row = await db
    .updateTable('core.api_logins')
    .set({ used_ms: nowMs })
    .where('code_hash', '=', sha256(code))
    .where('used_ms', 'is', null)
    .where('expires_ms', '>', nowMs)
    .returning(['name', 'role'])
    .executeTakeFirst();
  return row ?? null;
}

export interface NewSession {
  readonly name: string;
  readonly role: Role;
  readonly tokenId: string | null;
  readonly nowMs: number;
}

/** Opens a session. @returns the value of its cookie, which is not stored */
export async function openSession(db: Kysely<Tables>, { name, role, tokenId, nowMs }: NewSession): Promise<string> {
  const secret = randomBytes(32).toString('base64url');
  const times = { created_ms: nowMs, expires_ms: nowMs + SESSION_MS, ended_ms: null };
  const row = { session_hash: sha256(secret), name, role, token_id: tokenId, ...times };
  await db.insertInto('core.api_sessions').values(row).execute();
  return secret;
}

/** @returns null when the session is unknown, ended or expired */
export async function findSession(db: Kysely<Tables>, secret: string, nowMs: number): Promise<Identity | null> {
  if (!SECRET.test(secret)) return null;
  const id = sha256(secret);
  const row = await db
    .selectFrom('core.api_sessions')
    .select(['name', 'role'])
    .where('session_hash', '=', id)
    .where('ended_ms', 'is', null)
    .where('expires_ms', '>', nowMs)
    .executeTakeFirst();
  return row === undefined ? null : { ...row, via: 'session', id };
}

export async function endSession(db: Kysely<Tables>, secret: string, nowMs: number): Promise<void> {
  await db
    .updateTable('core.api_sessions')
    .set({ ended_ms: nowMs })
    .where('session_hash', '=', sha256(secret))
    .where('ended_ms', 'is', null)
    .execute();
}

/** A session as it is listed. Times are epoch ms. */
export interface ListedSession {
  /** Beginning of the hash of its cookie: names the session, and does not open it. */
  readonly session_id: string;
  readonly name: string;
  readonly role: Role;
  /** The token with which it was opened; null after a login by link. */
  readonly token_id: string | null;
  readonly created_ms: number;
  readonly expires_ms: number;
}

/** Letters of a session's id: more than those of a token's id, so that neither is taken for the other. */
const SESSION_ID_LENGTH = 16;

export function sessionIdOf(hash: string): string {
  return hash.slice(0, SESSION_ID_LENGTH);
}

/** Sessions that are open, oldest first. @param name only those of this person; null = all */
export async function listSessions(
  db: Kysely<Tables>,
  name: string | null,
  nowMs: number,
): Promise<readonly ListedSession[]> {
  let query = db
    .selectFrom('core.api_sessions')
    .selectAll()
    .where('ended_ms', 'is', null)
    .where('expires_ms', '>', nowMs)
    .orderBy('created_ms');
  if (name !== null) query = query.where('name', '=', name);
  const rows = await query.execute();
  return rows.map(({ session_hash, name: owner, role, token_id, created_ms, expires_ms }) => ({
    session_id: sessionIdOf(session_hash),
    name: owner,
    role,
    token_id,
    created_ms,
    expires_ms,
  }));
}

/**
 * Ends a session.
 * @param id as listed
 * @param name only if it belongs to this person; null = whoever it belongs to
 * @returns the hash of its cookie, which names its event streams; null when there is no such open session
 */
export async function revokeSession(
  db: Kysely<Tables>,
  id: string,
  name: string | null,
  nowMs: number,
): Promise<string | null> {
  if (!/^[0-9a-f]{16}$/.test(id)) return null;
  let query = db
    .updateTable('core.api_sessions')
    .set({ ended_ms: nowMs })
    .where('session_hash', 'like', `${id}%`)
    .where('ended_ms', 'is', null)
    .where('expires_ms', '>', nowMs);
  if (name !== null) query = query.where('name', '=', name);
  const row = await query.returning('session_hash').executeTakeFirst();
  return row?.session_hash ?? null;
}

/** Whether the session or token of an already authenticated request is still valid. */
export async function isStillValid(db: Kysely<Tables>, { via, id }: Identity, nowMs: number): Promise<boolean> {
  const row =
    via === 'token'
      ? await db
          .selectFrom('core.api_tokens')
          .select('expires_ms')
          .where('token_id', '=', id)
          .where('revoked_ms', 'is', null)
          .executeTakeFirst()
      : await db
          .selectFrom('core.api_sessions')
          .select('expires_ms')
          .where('session_hash', '=', id)
          .where('ended_ms', 'is', null)
          .executeTakeFirst();
  return row !== undefined && row.expires_ms > nowMs;
}

/** Token that a page sends with writes; other sites can neither read it nor compute it without the cookie. */
export function csrfTokenOf(secret: string): string {
  return createHmac('sha256', secret).update('csrf').digest('base64url');
}

export function isCsrfTokenOf(secret: string, given: string): boolean {
  const wanted = Buffer.from(csrfTokenOf(secret));
  const seen = Buffer.from(given);
  return seen.length === wanted.length && timingSafeEqual(seen, wanted);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
