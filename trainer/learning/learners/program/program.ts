import type { TreePolicy } from '../../../../shared/policy/policy.ts';
import { type LearnerDefinition, refuseUnsupported } from '../contract/learner.ts';
import { fitByProgram } from './fit_by_program.ts';
import { processOf } from './processes.ts';
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

export interface ProgramSetup {
  readonly parameters: TreePolicy;
  /** Names of the columns of the matrix. */
  readonly columnNames: readonly string[];
}

/** A program of the user, in any language, that trains models and writes them as ONNX. */
export const PROGRAM: LearnerDefinition<ProgramSetup> = {
  name: 'program',
  // Nothing is known of it: simpler learners are preferred where it is not better.
  complexity: 6.6,
  family: 'program',
  determinism: 'same_environment',
  supports: { stopping: true, continuing: false, tasks: ['binary', 'multiclass'] },
  refuseMissing: () => void programCommand(),
  open: ({ parameters, columnNames }) => ({
    name: PROGRAM.name,
    supports: PROGRAM.supports,
    async fit(request) {
      refuseUnsupported(PROGRAM, request);
      const program = processOf(programCommand());
      const isGiven = (entry: [string, number | undefined]): entry is [string, number] => entry[1] !== undefined;
      const given = Object.fromEntries(Object.entries(parameters).filter(isGiven));
      return fitByProgram({ learner: PROGRAM.name, program, parameters: given, columnNames }, request);
    },
  }),
};
