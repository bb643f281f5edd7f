import { readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { renameFile } from '../../shared/durable_file.ts';
import { makeFolder } from '../../shared/folder.ts';
import { appendBounded, newestLines, type LineBounds } from '../../shared/line_file.ts';
import { lockHomeSoon } from '../../shared/process/home_lock.ts';

/** About 20,000 lines. The hash of an entry covers all entries before it, so older anchors add nothing to it. */
export const ANCHOR_BOUNDS: LineBounds = { maxBytes: 2 << 20, keptBytes: 1 << 20 };
/** Files that were set aside: each tells of entries that are missing. */
const KEPT_ASIDE = 10;
const ASIDE = /^\.\d{8}T\d{9}Z$/;
/** An answer waits for it, and the anchor can come later. */
const ANCHOR_WAIT_MS = 1000;
/** Of one anchor, bytes. */
const LONGEST_LINE = 200;

/**
 * Anchors of the audit: a file outside the database with one line for each entry, so that entries removed at the end of
 * the table, which its chain of hashes cannot show, are missed. One JSON object per line: `{"entry_id", "hash"}`. The
 * newest lines stay.
 */
export interface AuditAnchor {
  readonly entry_id: number;
  readonly hash: string;
}

/** The newest anchors. A line that a killed process left incomplete is skipped. */
export function readAnchors(path: string): readonly AuditAnchor[] {
  return newestLines(path, ANCHOR_BOUNDS.maxBytes).flatMap((line) => parseAnchor(line) ?? []);
}

/** Whether the file may have been cut to its newest lines: its first line need not be that of the first entry then. */
export function mayBeCut(path: string, { keptBytes }: LineBounds = ANCHOR_BOUNDS): boolean {
  const { size } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0 };
  return size > keptBytes - LONGEST_LINE;
}

/**
 * Appends lines; another process may append at the same time.
 * @throws MinutehandError HOME_LOCKED after ANCHOR_WAIT_MS; HOME_UNUSABLE
 */
export async function appendAnchors(
  path: string,
  anchors: readonly AuditAnchor[],
  bounds: LineBounds = ANCHOR_BOUNDS,
): Promise<void> {
  makeFolder(dirname(path));
  const unlock = await lockHomeSoon(`${path}.lock`, ANCHOR_WAIT_MS);
  try {
    for (const { entry_id, hash } of anchors) appendBounded(path, JSON.stringify({ entry_id, hash }), bounds);
  } finally {
    unlock();
  }
}

function parseAnchor(line: string): AuditAnchor | null {
  try {
    const { entry_id, hash } = JSON.parse(line) as Partial<AuditAnchor>;
    return typeof entry_id === 'number' && typeof hash === 'string' ? { entry_id, hash } : null;
  } catch {
    return null;
  }
}

/**
 * Sets the anchors aside, for example after a backup of the database was restored. The newest ten such files stay.
 * @returns the new name
 */
export function setAnchorsAside(path: string, nowMs: number): string {
  const aside = `${path}.${new Date(nowMs).toISOString().replaceAll(/[-:.]/g, '')}`;
  renameFile(path, aside);
  const name = basename(path);
  const all = readdirSync(dirname(path)).filter((one) => one.startsWith(name) && ASIDE.test(one.slice(name.length)));
  for (const old of all.sort().slice(0, -KEPT_ASIDE)) rmSync(join(dirname(path), old), { force: true });
  return aside;
}
