import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { MinutehandError } from '../../../../shared/errors.ts';
import { packageRoot } from '../../../../shared/root.ts';
import { networksPython } from '../networks/python_environment.ts';
import { PROGRAM_FOLDER, VARIABLES } from '../networks/networks.ts';
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
        const folder = join(packageRoot(), PROGRAM_FOLDER);
        const command = [pythonWithTabpfn(), '-E', '-s', '-B', folder, 'tabpfn', ...(device === 'gpu' ? ['gpu'] : [])];
        return programAnswers({ program: processOf(command, VARIABLES), columnNames, rowLimit }, request);
      },
    };
  },
};

const IS_THERE = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("tabpfn") is None)';

/** @throws MinutehandError LEARNER_MISSING */
function pythonWithTabpfn(): string {
  const python = networksPython();
  if (spawnSync(python, ['-E', '-s', '-c', IS_THERE], { stdio: 'ignore' }).status === 0) return python;
  throw new MinutehandError('LEARNER_MISSING', {
    seen: `no package tabpfn for ${python}`,
    expected: 'TabPFN, which a league compares and nothing serves',
    next: `Run \`${python} -m pip install tabpfn\`.`,
  });
}
