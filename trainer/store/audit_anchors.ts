import { closeSync, existsSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../../shared/folder.ts';

/**
 * Anchors of the audit: a file outside the database with one line for each entry, so that entries removed at the end of
 * the table, which its chain of hashes cannot show, are missed. One JSON object per line: `{"entry_id", "hash"}`.
 */
export interface AuditAnchor {
  readonly entry_id: number;
  readonly hash: string;
}

/** Appends a line; another process may append at the same time. */
export function appendAnchor(path: string, { entry_id, hash }: AuditAnchor): void {
  makeFolder(dirname(path));
  const file = openSync(path, 'a', 0o600);
  try {
    writeSync(file, `${JSON.stringify({ entry_id, hash })}\n`);
  } finally {
    closeSync(file);
  }
}

/** All anchors. A line that a killed process left incomplete is skipped. */
export function readAnchors(path: string): readonly AuditAnchor[] {
  if (!existsSync(path)) return [];
  const anchors: AuditAnchor[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const anchor = parseAnchor(line);
    if (anchor !== null) anchors.push(anchor);
  }
  return anchors;
}

function parseAnchor(line: string): AuditAnchor | null {
  try {
    const { entry_id, hash } = JSON.parse(line) as Partial<AuditAnchor>;
    return typeof entry_id === 'number' && typeof hash === 'string' ? { entry_id, hash } : null;
  } catch {
    return null;
  }
}

/** Sets the anchors aside, for example after a backup of the database was restored. @returns the new name */
export function setAnchorsAside(path: string, nowMs: number): string {
  const aside = `${path}.${new Date(nowMs).toISOString().replaceAll(/[-:.]/g, '')}`;
  renameSync(path, aside);
  return aside;
}
