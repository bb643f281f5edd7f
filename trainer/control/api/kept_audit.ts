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
 * @throws MinutehandError AUDIT_FULL when it is neither; ENOSPC on a full disk whose reserve is used up
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
