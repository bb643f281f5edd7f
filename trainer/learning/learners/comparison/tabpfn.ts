import { pythonWith } from '../networks/python_environment.ts';
import { pythonCommand, VARIABLES } from '../networks/networks.ts';
import { processOf } from '../program/processes.ts';
import { programAnswers } from './answer_by_program.ts';
import type { ComparisonDefinition } from './comparison_learner.ts';

/**
 * Rows that TabPFN has as its context: what its makers call feasible on a processor, and the limit of version 2 of the
 * model (Hollmann et al., Nature 637, 2025).
 */
export const TABPFN_ROWS = { cpu: 1000, gpu: 10_000 } as const;

/**
 * TabPFN answers by attention to the training rows themselves: it has no weights of its own to learn, and no graph of a
 * size that a daemon could serve. `learners/python` asks the package `tabpfn` of the learners' environment.
 */
export const TABPFN: ComparisonDefinition = {
  name: 'tabpfn',
  complexity: 20,
  refuseMissing: () => void pythonWithTabpfn(),
  open: ({ columnNames, device = 'cpu' }) => {
    const rowLimit = TABPFN_ROWS[device];
    return {
      name: TABPFN.name,
      rowLimit,
      async fit(request) {
        const program = processOf(pythonCommand(pythonWithTabpfn(), TABPFN.name, device), VARIABLES);
        return programAnswers({ program, columnNames, rowLimit }, request);
      },
    };
  },
};

/** @throws MinutehandError LEARNER_MISSING */
function pythonWithTabpfn(): string {
  return pythonWith({
    module: 'tabpfn',
    distribution: 'tabpfn',
    purpose: 'TabPFN, which a league compares and nothing serves',
  });
}
