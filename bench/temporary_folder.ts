import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from './exit_work.ts';

export interface TemporaryFolder {
  readonly path: string;
  remove(): void;
}

/** A new folder, removed at the latest when this process exits. */
export function openTemporaryFolder(purpose: string): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), `minutehand-bench-${purpose}-`));
  // A process that was just killed may still be writing.
  const removeNow = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  const takeBack = atExit(removeNow);
  return {
    path,
    remove() {
      takeBack();
      removeNow();
    },
  };
}
