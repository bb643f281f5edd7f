import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { replaceEvenWhenFull } from '../../../shared/disk_reserve.ts';
import { knownError, MinutehandError } from '../../../shared/errors.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { lockHomeSoon } from '../../../shared/process/home_lock.ts';
import { maskSecretsIn } from '../../../shared/secrets.ts';
import { openStore, storeUrl, type Store } from '../../store/store.ts';
import { appendAudit, contentOf, type AuditContent, type AuditEntry } from './audit.ts';

const LOCK_WAIT_MS = 2000;
/** Some 20,000 entries. */
export const MAX_KEPT_BYTES = 16 << 20;

/** An entry that is not in the audit yet, with its time. */
export interface KeptEntry {
  readonly entry: AuditEntry;
  readonly at_ms: number;
}

/**
 * Appends to the audit; while the store cannot be used, the entry is kept in a file of the home (`audit_kept.jsonl`),
 * which the next entry or the next start of the trainer takes over.
 * @returns why it was kept; null: it is in the audit
 * @throws MinutehandError AUDIT_FULL, HOME_LOCKED when it is neither; ENOSPC on a full disk whose reserve is used up
 */
export async function appendOrKeep(
  env: NodeJS.ProcessEnv,
  paths: HomePaths,
  entry: AuditEntry,
  nowMs: number,
): Promise<unknown> {
  const kept = { entry, at_ms: nowMs };
  try {
    await appendWithKept(env, paths, [kept]);
    return null;
  } catch (error) {
    await keepEntry(paths, kept);
    return error;
  }
}

/**
 * Appends to the store of a home, after what is kept for it. Nothing is made of a store that has vanished.
 * @param onUnanchored as of appendAudit
 * @throws MinutehandError STORE_UNUSABLE and other errors of the store: some of them may be in the audit
 */
export async function appendWithKept(
  env: NodeJS.ProcessEnv,
  paths: HomePaths,
  entries: readonly KeptEntry[],
  onUnanchored?: (error: unknown) => void,
): Promise<void> {
  const store = await openStore(storeUrl(env, paths));
  try {
    try {
      await takeOverKept(store, paths, onUnanchored);
    } catch (error) {
      // Another process takes over, or keeps one.
      if (!(error instanceof MinutehandError) || error.code !== 'HOME_LOCKED') throw error;
    }
    for (const { entry, at_ms } of entries) await appendAudit(store, entry, at_ms, onUnanchored);
  } finally {
    await store.close();
  }
}

/**
 * Keeps an entry in the home for a later append.
 * @throws MinutehandError AUDIT_FULL, HOME_LOCKED; ENOSPC on a full disk whose reserve is used up
 */
export async function keepEntry(paths: Pick<HomePaths, 'keptAudit'>, { entry, at_ms }: KeptEntry): Promise<void> {
  const path = paths.keptAudit;
  const kept: KeptEntry = { entry: keptForm(entry), at_ms };
  const unlock = await lockHomeSoon(`${path}.lock`, LOCK_WAIT_MS);
  try {
    const line = Buffer.from(`${JSON.stringify(kept)}\n`);
    const file = openSync(path, 'a', 0o600);
    try {
      if (fstatSync(file).size + line.length > MAX_KEPT_BYTES) throw new MinutehandError('AUDIT_FULL', { seen: path });
      append(file, line);
      return;
    } catch (error) {
      if (knownError(error)?.code !== 'DISK_FULL') throw error;
    } finally {
      closeSync(file);
    }
    replaceEvenWhenFull(MACHINE_FILES, path, `${readFileSync(path, 'utf8')}${line.toString()}`);
  } finally {
    unlock();
  }
}

/** Without secrets. What is no JSON says so, as it will in the audit. */
function keptForm(entry: AuditEntry): AuditEntry {
  const { before, after } = contentOf(entry, 0);
  const parsed = (json: string | null): unknown => (json === null ? null : JSON.parse(json));
  return { ...maskSecretsIn({ ...entry, before: null, after: null }), before: parsed(before), after: parsed(after) };
}

/** All of a line, or nothing: on a full disk a part of it may have been written. */
function append(file: number, line: Buffer): void {
  const { size } = fstatSync(file);
  try {
    writeFileSync(file, line);
    fsyncSync(file);
  } catch (error) {
    ftruncateSync(file, size);
    throw error;
  }
}

/**
 * Appends the kept entries in their order, with their own times, each once: one that is in the audit already, since a
 * process ended or the store failed amid an earlier attempt, or since it was kept while its append still ran, is left
 * out.
 * @throws MinutehandError HOME_LOCKED while another process has the file; errors of the store
 */
export async function takeOverKept(
  store: Store,
  paths: Pick<HomePaths, 'keptAudit'>,
  onUnanchored?: (error: unknown) => void,
): Promise<void> {
  const path = paths.keptAudit;
  if (!existsSync(path)) return;
  const unlock = await lockHomeSoon(`${path}.lock`, LOCK_WAIT_MS);
  try {
    if (!existsSync(path)) return;
    const kept = readFileSync(path, 'utf8')
      .split('\n')
      .flatMap((line) => parseKept(line) ?? []);
    await appendMissing(store, kept, onUnanchored);
    rmSync(path);
  } finally {
    unlock();
  }
}

async function appendMissing(
  store: Store,
  kept: readonly KeptEntry[],
  onUnanchored?: (error: unknown) => void,
): Promise<void> {
  if (kept.length === 0) return;
  const from = new Date(Math.min(...kept.map(({ at_ms }) => at_ms))).toISOString();
  const rows = await store.db
    .selectFrom('audit.api_writes')
    .select(['actor', 'role', 'via', 'action', 'target', 'outcome', 'at', 'before', 'after'])
    .where('at', '>=', from)
    .execute();
  const present = new Map<string, number>();
  for (const row of rows) present.set(keyOf(row), (present.get(keyOf(row)) ?? 0) + 1);
  for (const { entry, at_ms } of kept) {
    const key = keyOf(contentOf(entry, at_ms));
    const count = present.get(key) ?? 0;
    if (count > 0) present.set(key, count - 1);
    else await appendAudit(store, entry, at_ms, onUnanchored);
  }
}

function keyOf({ actor, role, via, action, target, outcome, at, before, after }: AuditContent): string {
  return JSON.stringify([at, actor, role, via, action, target, outcome, before, after]);
}

/** null for the torn line of a power cut. */
function parseKept(line: string): KeptEntry | null {
  try {
    return JSON.parse(line) as KeptEntry;
  } catch {
    return null;
  }
}
