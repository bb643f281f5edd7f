import { closeSync, existsSync, fstatSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { MinutehandError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { lockHome } from '../../../shared/process/home_lock.ts';
import { maskSecretsIn } from '../../../shared/secrets.ts';
import { openStore, storeUrl, type Store } from '../../store/store.ts';
import { appendAudit, type AuditEntry } from './audit.ts';

const LOCK_WAIT_MS = 5000;
/** Some 20,000 entries. */
export const MAX_KEPT_BYTES = 16 << 20;

interface Kept {
  readonly entry: AuditEntry;
  readonly at_ms: number;
}

/**
 * Appends to the audit; while the store cannot be used, the entry is kept in a file of the home (`audit_kept.jsonl`),
 * which the next entry or the next start of the trainer takes over.
 * @returns why it was kept; null: it is in the audit
 * @throws MinutehandError AUDIT_FULL when it is neither
 */
export async function appendOrKeep(
  env: NodeJS.ProcessEnv,
  paths: HomePaths,
  entry: AuditEntry,
  nowMs: number,
): Promise<unknown> {
  let store: Store;
  try {
    store = await openStore(storeUrl(env, paths));
  } catch (error) {
    keep(paths, { entry: maskSecretsIn(entry), at_ms: nowMs });
    return error;
  }
  try {
    await takeOverKept(store, paths);
    await appendAudit(store, entry, nowMs);
    return null;
  } catch (error) {
    keep(paths, { entry: maskSecretsIn(entry), at_ms: nowMs });
    return error;
  } finally {
    await store.close();
  }
}

function keep(paths: HomePaths, kept: Kept): void {
  const path = paths.keptAudit;
  const unlock = lockHome(`${path}.lock`, LOCK_WAIT_MS);
  try {
    const file = openSync(path, 'a', 0o600);
    try {
      const line = Buffer.from(`${JSON.stringify(kept)}\n`);
      if (fstatSync(file).size + line.length > MAX_KEPT_BYTES) throw new MinutehandError('AUDIT_FULL', { seen: path });
      writeSync(file, line);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } finally {
    unlock();
  }
}

/** Appends the kept entries in their order, with their own times. */
export async function takeOverKept(store: Store, paths: Pick<HomePaths, 'keptAudit'>): Promise<void> {
  const path = paths.keptAudit;
  if (!existsSync(path)) return;
  const unlock = lockHome(`${path}.lock`, LOCK_WAIT_MS);
  try {
    if (!existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const kept = parseKept(line);
      if (kept !== null) await appendAudit(store, kept.entry, kept.at_ms);
    }
    rmSync(path);
  } finally {
    unlock();
  }
}

/** null for the torn line of a power cut. */
function parseKept(line: string): Kept | null {
  try {
    return JSON.parse(line) as Kept;
  } catch {
    return null;
  }
}
