import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Kysely } from 'kysely';
import { MinutehandError } from '../../../shared/errors.ts';
import { readConfigStarts, type ConfigAuthor, type ConfigValues } from '../../../shared/policy/config_starts.ts';
import type { Clock } from '../../../shared/ports.ts';
import { maskSecretsIn } from '../../../shared/secrets.ts';
import type { Store } from '../../store/store.ts';
import type { Tables } from '../../store/schema/schema.ts';

export { configValues, type ConfigValues } from '../../../shared/policy/config_starts.ts';

const NOBODY = { changed_by: null, program: null, reason: null };

/** Who changed a configuration; with the approver and the commit of a change request. */
export type ChangeAuthor = ConfigAuthor & { readonly approved_by?: string; readonly commit_id?: string };

/**
 * Writes a row into `audit.config_changes` for every value that differs from the last one written and for every added
 * or removed key; without any, one for a new hash.
 * @param policyHash of the configuration, as in its signals
 * @returns how many rows were written
 */
export async function noteConfigChanges(
  { db }: Pick<Store, 'db'>,
  values: ConfigValues,
  clock: Pick<Clock, 'nowMs'>,
  policyHash: string | null = null,
  author: ChangeAuthor | null = null,
): Promise<number> {
  const parts = Object.keys(values);
  const rows = await db
    .selectFrom('audit.config_changes')
    .select(['part', 'key', 'after'])
    .where('part', 'in', parts)
    .orderBy('change_id')
    .execute();
  const last = new Map<string, Map<string, string | null>>(parts.map((part) => [part, new Map()]));
  for (const { part, key, after } of rows) last.get(part)!.set(key, after);
  const changed_at = new Date(clock.nowMs()).toISOString();
  const { changed_by, program, reason } = author ?? NOBODY;
  const { approved_by = null, commit_id = null } = author ?? {};
  const about = { policy_hash: policyHash, changed_by, program, reason, approved_by, commit_id };
  const changes = parts.flatMap((part) => {
    const known = last.get(part)!;
    const keys = new Set([...known.keys(), ...Object.keys(values[part]!)]);
    return [...keys].flatMap((key) => {
      const value = maskSecretsIn(values[part]![key]);
      const before = known.get(key) ?? null;
      const after = value === undefined ? null : JSON.stringify(value);
      return before === after ? [] : [{ changed_at, part, key, before, after, ...about }];
    });
  });
  if (changes.length === 0)
    changes.push(...(await hashChanges({ db }, policyHash)).map((row) => ({ changed_at, ...row, ...about })));
  if (changes.length > 0) await db.insertInto('audit.config_changes').values(changes).execute();
  return changes.length;
}

/** A hash that no row has, of known values: they were recorded before hashes existed, or under another one. */
async function hashChanges({ db }: Pick<Store, 'db'>, policyHash: string | null) {
  if (policyHash === null) return [];
  const rows = await db
    .selectFrom('audit.config_changes')
    .select(({ fn }) => ['policy_hash', fn.max('change_id').as('change_id')])
    .where('policy_hash', 'is not', null)
    .groupBy('policy_hash')
    .orderBy('change_id', 'desc')
    .execute();
  if (rows.some(({ policy_hash }) => policy_hash === policyHash)) return [];
  const [last] = rows;
  const before = last === undefined ? null : JSON.stringify(last.policy_hash);
  return [{ part: 'policy', key: 'policy_hash', before, after: JSON.stringify(policyHash) }];
}

/**
 * Records the configurations that daemons of this home have started with since the last call, in the order of their
 * files; each start is one transaction with its read position.
 * @returns how many rows were written
 */
export async function followConfigStarts(store: Store, home: string): Promise<number> {
  let written = 0;
  for (const name of namesIn(home)) {
    if (!/^config_[a-z][a-z0-9_-]*\.jsonl$/.test(name)) continue;
    const file = `${hostname()}:${join(home, name)}`;
    const { dropped, starts } = readConfigStarts(join(home, name));
    let read = await readLines(store.db, file);
    for (const [index, { at_ms, values, policy_hash, ...author }] of starts.entries()) {
      const line = dropped + index;
      if (line < read) continue;
      const before = read;
      written += await store.transaction(async (db) => {
        if (!(await claimLine(db, file, before, line))) return 0;
        return noteConfigChanges({ db }, values, { nowMs: () => at_ms as never }, policy_hash, author);
      });
      read = line + 1;
    }
  }
  return written;
}

/** @throws MinutehandError FOLDER_UNUSABLE */
function namesIn(home: string): readonly string[] {
  try {
    return readdirSync(home).sort();
  } catch (cause) {
    throw new MinutehandError('FOLDER_UNUSABLE', { seen: `${home}: ${(cause as Error).message}`, cause });
  }
}

async function readLines(db: Kysely<Tables>, file: string): Promise<number> {
  const query = db.selectFrom('core.config_starts').select('read_lines').where('file', '=', file);
  return Number((await query.executeTakeFirst())?.read_lines ?? 0);
}

/**
 * Moves the position past a line; false when another connection has done so, for whose transaction this waits.
 * @param read the position so far; lines between it and this one are no longer in the file
 */
async function claimLine(db: Kysely<Tables>, file: string, read: number, line: number): Promise<boolean> {
  const claimed = await db
    .insertInto('core.config_starts')
    .values({ file, read_lines: line + 1 })
    .onConflict((conflict) =>
      conflict
        .column('file')
        .doUpdateSet({ read_lines: line + 1 })
        .where('core.config_starts.read_lines', '=', read),
    )
    .returning('read_lines')
    .executeTakeFirst();
  return claimed !== undefined;
}
