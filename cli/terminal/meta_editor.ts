import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { MinutehandError } from '../../shared/errors.ts';
import { RESULT_LINE } from '../mt5_compilation.ts';
import { terminalText } from './terminal.ts';
import { outsideEnvironment } from '../../shared/secrets.ts';

export interface Compilation {
  readonly program: string;
  readonly isCompiled: boolean;
  /** The last line of its log; empty without one. */
  readonly result: string;
  /** MetaEditor's, which stays beside the program. */
  readonly log: string;
}

const LIMIT_MS = 120_000;

/**
 * Compiles one program with MetaEditor. It is compiled when the log says 0 errors and there is a new .ex5: MetaEditor's
 * exit code means nothing, and one that is killed after two minutes has neither.
 * @throws MinutehandError OUTPUT_UNWRITABLE when files of an earlier compilation cannot be removed
 */
export async function compileProgram(metaEditor: string, program: string, mql5: string): Promise<Compilation> {
  const log = withExtension(program, 'log');
  const compiled = withExtension(program, 'ex5');
  for (const path of [log, compiled]) removeEarlier(path);
  // As its documentation writes them: quotes after the colon.
  await ended(metaEditor, [`/compile:"${program}"`, `/include:"${mql5}"`, `/log:"${log}"`]);
  const result = RESULT_LINE.exec(existsSync(log) ? terminalText(readFileSync(log)) : '');
  return { program, isCompiled: result?.[1] === '0' && existsSync(compiled), result: result?.[0] ?? '', log };
}

function removeEarlier(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (cause) {
    const next = 'Close the programs that have it open, such as the terminal, and repeat it.';
    throw new MinutehandError('OUTPUT_UNWRITABLE', { seen: `${path}: ${(cause as Error).message}`, next, cause });
  }
}

/** Resolves when the program has ended, however it did, or could not start: its log says what it has done. */
function ended(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const env = outsideEnvironment();
    const child = spawn(program, args, { stdio: 'ignore', windowsVerbatimArguments: true, timeout: LIMIT_MS, env });
    child.on('error', () => resolve()).on('close', () => resolve());
  });
}

const withExtension = (path: string, extension: string): string => path.replace(/\.[^.\\/]+$/, `.${extension}`);
