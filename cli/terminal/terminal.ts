import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { MinutehandError } from '../../shared/errors.ts';

/** A MetaTrader 5 terminal, by its data folder. */
export interface Terminal {
  /** Of `File → Open Data Folder`: it has MQL5. */
  readonly data: string;
  /** null where the terminal has none beside it. */
  readonly metaEditor: string | null;
}

/** Of the folder that all terminals of a user share, below its folder of terminals. */
const COMMON_FILES = ['Common', 'Files', 'minutehand'];

/** Folder of the data folders of this user's terminals; null where the system has none. */
export function terminalsFolder(env: NodeJS.ProcessEnv): string | null {
  const roaming = env['APPDATA'] ?? '';
  return roaming === '' ? null : join(roaming, 'MetaQuotes', 'Terminal');
}

/**
 * @param folder that of one terminal; without it, all of this user
 * @throws MinutehandError TERMINAL_ABSENT
 */
export function findTerminals(folder: string | undefined, env: NodeJS.ProcessEnv): readonly Terminal[] {
  const hasPrograms = (data: string): boolean => existsSync(join(data, 'MQL5'));
  if (folder !== undefined) {
    if (!hasPrograms(folder)) throw new MinutehandError('TERMINAL_ABSENT', { seen: `${folder} has no folder MQL5` });
    return [terminalOf(folder)];
  }
  const all = terminalsFolder(env);
  const found = all === null ? [] : subfolders(all).filter(hasPrograms);
  if (found.length === 0)
    throw new MinutehandError('TERMINAL_ABSENT', { seen: all === null ? 'no %APPDATA%' : `no terminal in ${all}` });
  return found.map(terminalOf);
}

/** The folder that this terminal shares with minutehand, whether it exists or not; null where that is not known. */
export function sharedFolderOf({ data }: Terminal, env: NodeJS.ProcessEnv): string | null {
  const parent = dirname(data);
  // Also that of Wine, whose APPDATA a program of Linux does not have.
  const terminals = basename(parent) === 'Terminal' ? parent : terminalsFolder(env);
  return terminals === null ? null : join(terminals, ...COMMON_FILES);
}

/** The text of a file of MetaTrader: UTF-16 with its mark, or UTF-8. */
export function terminalText(bytes: Buffer): string {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  return bytes.toString(isUtf16 ? 'utf16le' : 'utf8').replace(/^\uFEFF/, '');
}

function terminalOf(data: string): Terminal {
  // A portable terminal has its program in its data folder.
  const places = [data, ...programFolder(data)];
  return { data, metaEditor: places.map((place) => join(place, 'metaeditor64.exe')).find(existsSync) ?? null };
}

/** As origin.txt of a data folder names it. */
function programFolder(data: string): string[] {
  try {
    return [terminalText(readFileSync(join(data, 'origin.txt'))).trim()];
  } catch {
    return [];
  }
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(folder, name))
      .sort();
  } catch {
    return [];
  }
}
