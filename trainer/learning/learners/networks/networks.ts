import { join } from 'node:path';
import { NETWORKS, SEQUENCE_NETWORKS, type Device, type Network } from '../../../../shared/policy/engines.ts';
import { packageRoot } from '../../../../shared/root.ts';
import { refuseUnsupported, type LearnerDefinition } from '../contract/learner.ts';
import { withStoppingRows } from '../contract/stopping_rows.ts';
import { fitByProgram } from '../program/fit_by_program.ts';
import { processOf } from '../program/processes.ts';
import type { NetworkParameters } from './network_parameters.ts';
import { networksPython } from './python_environment.ts';

export interface NetworkSetup {
  readonly network: NetworkParameters;
  /** Names of the columns of the matrix. */
  readonly columnNames: readonly string[];
  /** Absent: cpu. */
  readonly device?: Device | undefined;
}

/** The program of all networks: its argument is the name of one. */
const PROGRAM_FOLDER = join('learners', 'python');
/** Of the simplest network. */
const LEAST_COMPLEXITY = 7;
/** The same request gives the same model: one thread, no hashing by chance. */
export const VARIABLES = {
  OMP_NUM_THREADS: '1',
  MKL_NUM_THREADS: '1',
  PYTHONHASHSEED: '0',
  // Without it, matrix products of CUDA depend on the order of its streams.
  CUBLAS_WORKSPACE_CONFIG: ':4096:8',
};

/**
 * The command of a delivered learner: isolated from packages of the user, and without writing compiled files beside the
 * sources.
 */
export function pythonCommand(python: string, name: string, device: Device = 'cpu'): string[] {
  const folder = join(packageRoot(), PROGRAM_FOLDER);
  return [python, '-E', '-s', '-B', folder, name, ...(device === 'gpu' ? ['gpu'] : [])];
}

/** Networks of PyTorch (`learners/python`): `minutehand learners install` makes their environment. */
export const NETWORK_LEARNERS: readonly LearnerDefinition<NetworkSetup>[] = NETWORKS.map((name, i) =>
  networkLearner(name, LEAST_COMPLEXITY + i),
);

function networkLearner(name: Network, complexity: number): LearnerDefinition<NetworkSetup> {
  const definition: LearnerDefinition<NetworkSetup> = {
    name,
    complexity,
    family: 'network',
    determinism: 'same_environment',
    supports: { stopping: true, continuing: false, tasks: ['binary', 'multiclass'] },
    refuseMissing: () => void networksPython(),
    open: ({ network, columnNames, device }) => ({
      name,
      supports: definition.supports,
      async fit(request) {
        refuseUnsupported(definition, request);
        const program = processOf(pythonCommand(networksPython(), name, device), VARIABLES);
        const sequential = SEQUENCE_NETWORKS.includes(name);
        return fitByProgram(
          { learner: name, program, parameters: { ...network }, columnNames, sequential },
          withStoppingRows(request),
        );
      },
    }),
  };
  return definition;
}
