import type { TreePolicy } from '../../../../shared/policy/policy.ts';
import { refuseUnsupported, type LearnerDefinition } from '../contract/learner.ts';
import { programCommand } from './command.ts';
import { fitByProgram } from './fit_by_program.ts';
import { processOf } from './processes.ts';

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
