import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MinutehandError } from '../../shared/errors.ts';
import { makeFolder } from '../../shared/folder.ts';

/** Folders of programs, below mt5/ and below MQL5. */
const FOLDERS = ['Experts', 'Include', 'Services'];

/**
 * Copies the programs of the expert advisor into a terminal; what is there of earlier versions is replaced.
 * @param sources the folder mt5 of this installation
 * @returns the programs that are to be compiled, with their paths there
 * @throws MinutehandError OUTPUT_UNWRITABLE
 */
export function copyAdvisor(sources: string, mql5: string): string[] {
  const folders = FOLDERS.filter((folder) => existsSync(join(sources, folder)));
  for (const folder of folders) {
    const to = join(mql5, folder);
    try {
      copyFolder(join(sources, folder), to);
    } catch (cause) {
      throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${to}: ${(cause as Error).message}`, cause });
    }
  }
  return folders.flatMap((folder) =>
    readdirSync(join(sources, folder))
      .filter((name) => name.endsWith('.mq5'))
      .map((name) => join(mql5, folder, name)),
  );
}

/** `cpSync` of Node 22 fails on Windows, or ends the process, where a path has letters outside ASCII. */
function copyFolder(from: string, to: string): void {
  makeFolder(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyFolder(source, target);
    else copyFileSync(source, target);
  }
}
