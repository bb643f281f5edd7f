import { SCIKIT, type Scikit } from '../../../../shared/policy/engines.ts';
import type { TreePolicy } from '../../../../shared/policy/policy.ts';
import { refuseUnsupported, type Family, type LearnerDefinition } from '../contract/learner.ts';
import { pythonCommand, VARIABLES } from '../networks/networks.ts';
import { pythonWith } from '../networks/python_environment.ts';
import { fitByProgram } from '../program/fit_by_program.ts';
import { processOf } from '../program/processes.ts';

export interface ScikitSetup {
  readonly parameters: TreePolicy;
  /** Names of the columns of the matrix. */
  readonly columnNames: readonly string[];
}

/** Behind our own ones of the same kind. */
const COMPLEXITY: Readonly<Record<Scikit, number>> = { sklearn_logistic: 1.2, sklearn_forest: 3.2 };

const FAMILY: Readonly<Record<Scikit, Family>> = { sklearn_logistic: 'linear', sklearn_forest: 'trees' };

/** Models of scikit-learn (`learners/python`), in the environment that `minutehand learners install` makes. */
export const SCIKIT_LEARNERS: readonly LearnerDefinition<ScikitSetup>[] = SCIKIT.map(scikitLearner);

function scikitLearner(name: Scikit): LearnerDefinition<ScikitSetup> {
  const definition: LearnerDefinition<ScikitSetup> = {
    name,
    complexity: COMPLEXITY[name],
    family: FAMILY[name],
    determinism: 'same_environment',
    supports: { stopping: false, continuing: false, tasks: ['binary', 'multiclass'] },
    refuseMissing: () => void pythonOfScikit(),
    open: ({ parameters, columnNames }) => ({
      name,
      supports: definition.supports,
      async fit(request) {
        refuseUnsupported(definition, request);
        const program = processOf(pythonCommand(pythonOfScikit(), name), VARIABLES);
        const isGiven = (entry: [string, number | undefined]): entry is [string, number] => entry[1] !== undefined;
        const given = Object.fromEntries(Object.entries(parameters).filter(isGiven));
        return fitByProgram({ learner: name, program, parameters: given, columnNames }, request);
      },
    }),
  };
  return definition;
}

/** @throws MinutehandError LEARNER_MISSING */
function pythonOfScikit(): string {
  return pythonWith({
    module: 'sklearn',
    distribution: 'scikit-learn',
    purpose: 'scikit-learn in the environment of the learners',
  });
}
