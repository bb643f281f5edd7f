import { join } from 'node:path';
import { packageRoot } from './root.ts';

/** The compiled program below the package's root; see cli/minutehand.ts. */
export const COMPILED_PROGRAM = join('dist', 'cli', 'minutehand.js');

/** Program and first argument that run this command line in a new process, like this one was started. */
export function launcher(): string[] {
  const isCompiled = process.argv[1]?.endsWith(COMPILED_PROGRAM) === true;
  return [process.execPath, join(packageRoot(), isCompiled ? COMPILED_PROGRAM : join('bin', 'minutehand.mjs'))];
}

/** Variables without which another terminal would look at another installation. None is a secret. */
const PLACES = ['MINUTEHAND_HOME', 'MINUTEHAND_EXCHANGE', 'MINUTEHAND_CONFIG'] as const;

/** Where a command is typed: by default, where this process was started. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly folder: string;
  readonly platform: NodeJS.Platform;
}

const thisTerminal = (): Terminal => ({ env: process.env, folder: process.cwd(), platform: process.platform });

/**
 * A command of this program as it works in a second terminal in the same folder, which has none of the variables of
 * this one. On Windows it is for PowerShell.
 */
export function ownCommand(args: string, terminal: Terminal = thisTerminal()): string {
  const { env, folder, platform } = terminal;
  const isWindows = platform === 'win32';
  const quoted = (text: string): string => typedWord(text, platform);
  const places = PLACES.flatMap((name) => {
    const value = env[name];
    if (value === undefined || value === '') return [];
    // PowerShell reads a bare word behind = as a command.
    return [isWindows ? `$env:${name}='${value.replaceAll("'", "''")}'; ` : `${name}=${quoted(value)} `];
  });
  const program =
    folder === packageRoot() ? 'npx minutehand' : `node ${quoted(join(packageRoot(), 'bin', 'minutehand.mjs'))}`;
  return `${places.join('')}${program} ${args}`;
}

/** A name as it is typed: in quotes where a shell, or PowerShell on Windows, would read it otherwise. */
export function typedWord(text: string, platform: NodeJS.Platform = process.platform): string {
  return platform === 'win32' ? powershellWord(text) : shellWord(text);
}

const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;

const powershellWord = (text: string): string =>
  /^[\w@%+=:.\\/-]+$/.test(text) ? text : `'${text.replaceAll("'", "''")}'`;
