import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Tables } from '../../../store/schema/schema.ts';
import type { Identity, Role } from './role.ts';
import { InTurn } from '../../../../shared/in_turn.ts';

/** `mh_<id>_<secret>`: the id identifies the row, the secret has 256 bits. */
const TOKEN = /^mh_([0-9a-f]{12})_([\w-]{43})$/;
/** Length of `mh_<id>`. */
export const TOKEN_ID_LENGTH = 15;
const HASH_BYTES = 32;
/** scrypt with Node's default cost (N 16384, r 8, p 1), which takes 16 MiB. */
const SALT_BYTES = 16;
/** Verified tokens are cached by their SHA-256, so that scrypt runs once per token. */
const REMEMBERED = 1000;

export interface NewToken {
  readonly name: string;
  readonly role: Role;
  readonly nowMs: number;
  readonly expiresMs: number;
}

/** Creates a token. @returns its id, and its text, which is not stored */
export async function createToken(
  db: Kysely<Tables>,
  { name, role, nowMs, expiresMs }: NewToken,
): Promise<{ readonly id: string; readonly token: string }> {
  const id = randomBytes(6).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  const salt = randomBytes(SALT_BYTES).toString('hex');
  const hash = (await hashOf(secret, salt)).toString('hex');
  const row = { token_id: id, name, role, salt, hash, created_ms: nowMs, expires_ms: expiresMs, revoked_ms: null };
  await db.insertInto('core.api_tokens').values(row).execute();
  return { id, token: `mh_${id}_${secret}` };
}

/** Revokes a token and the sessions opened with it. @returns whether it existed */
export async function revokeToken(db: Kysely<Tables>, id: string, nowMs: number): Promise<boolean> {
  const row = await db
    .updateTable('core.api_tokens')
    .set({ revoked_ms: nowMs })
    .where('token_id', '=', id)
    .where('revoked_ms', 'is', null)
    .returning('token_id')
    .executeTakeFirst();
  await db
    .updateTable('core.api_sessions')
    .set({ ended_ms: nowMs })
    .where('token_id', '=', id)
    .where('ended_ms', 'is', null)
    .execute();
  return row !== undefined;
}

/** Of tokens that were not verified before. One takes some 50 ms. */
const MOST_GUESSES = 100;

/** Verifies tokens. Runs one scrypt at a time, so that guesses are queued without blocking the event loop. */
export class TokenVerifier {
  readonly #verified = new Set<string>();
  readonly #turns = new InTurn({ most: MOST_GUESSES, what: 'tokens' });

  /**
   * @param mayHash false: only accept tokens that were verified before
   * @param left aborted when nobody waits for the answer
   * @returns null when the token is unknown, wrong, expired or revoked, or must not be checked
   * @throws MinutehandError REQUESTS_TOO_MANY; the reason of `left`
   */
  async verify(
    db: Kysely<Tables>,
    token: string,
    nowMs: number,
    mayHash: boolean,
    left?: AbortSignal,
  ): Promise<Identity | null> {
    const [, id, secret] = TOKEN.exec(token) ?? [];
    if (id === undefined || secret === undefined) return null;
    const row = await db
      .selectFrom('core.api_tokens')
      .selectAll()
      .where('token_id', '=', id)
      .where('revoked_ms', 'is', null)
      .where('expires_ms', '>', nowMs)
      .executeTakeFirst();
    if (row === undefined) return null;
    const key = createHash('sha256').update(`${row.hash}/${token}`).digest('hex');
    if (!this.#verified.has(key)) {
      if (!mayHash) return null;
      const given = await this.#turns.run(() => hashOf(secret, row.salt), left);
      if (!timingSafeEqual(given, Buffer.from(row.hash, 'hex'))) return null;
      if (this.#verified.size >= REMEMBERED) this.#verified.clear();
      this.#verified.add(key);
    }
    return { name: row.name, role: row.role, via: 'token', id };
  }
}

function hashOf(secret: string, salt: string): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(secret, Buffer.from(salt, 'hex'), HASH_BYTES, (error, hash) => (error ? reject(error) : resolve(hash))),
  );
}
