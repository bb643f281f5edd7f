import { accessSync, constants } from 'node:fs';
import { isAbsolute } from 'node:path';
import { LEARNER_PROGRAM } from '../../../../shared/policy/environment.ts';
import { MinutehandError } from '../../../../shared/errors.ts';

/**
 * The program of the learner `program`, from the environment alone: a configuration or a request must not be able to
 * run one.
 * @returns the program and its arguments
 * @throws MinutehandError LEARNER_MISSING
 */
export function programCommand(env: NodeJS.ProcessEnv = process.env): readonly string[] {
  const text = env[LEARNER_PROGRAM]?.trim() ?? '';
  if (text === '') throw missing(`${LEARNER_PROGRAM} is not set`);
  const command = text.startsWith('[') ? listOf(text) : [text];
  const [program] = command;
  if (program === undefined || program === '') throw missing(`${LEARNER_PROGRAM}=${text}`);
  if (isAbsolute(program)) {
    try {
      accessSync(program, constants.X_OK);
    } catch {
      throw missing(`${program} cannot be run`);
    }
  }
  return command;
}

function listOf(text: string): string[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list) && list.every((part) => typeof part === 'string')) return list;
  } catch {
    // Refused below.
  }
  throw missing(`${LEARNER_PROGRAM}=${text}`);
}

function missing(seen: string): MinutehandError {
  return new MinutehandError('LEARNER_MISSING', {
    seen,
    expected: 'a file that can be run, or a JSON list such as ["python3", "/home/me/my_learner.py"]',
    next: `Set ${LEARNER_PROGRAM}: docs/guides/extend/WRITE_A_LEARNER.md. The engine gbdt needs no program.`,
  });
}
