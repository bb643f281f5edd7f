import type { Command } from 'commander';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { NETWORKS_PYTHON } from '../../shared/policy/environment.ts';
import {
  networksPython,
  pythonEnvironment,
  readInstalled,
  type Installed,
} from '../../trainer/learning/learners/networks/python_environment.ts';
import { networkCut } from '../../trainer/learning/learners/program/network.ts';
import { programLimits } from '../../trainer/learning/learners/program/limits.ts';
import { LEARNERS } from '../../trainer/learning/learners/registry.ts';
import { installNetworks } from '../learners/install_networks.ts';
import type { Output } from '../output.ts';

interface InstallFlags {
  readonly python: string;
  readonly wheels?: readonly string[];
}

export function addLearners(program: Command, output: () => Output): void {
  const learners = program.command('learners').description('learners, and the environment of the networks');
  learners
    .command('list')
    .description('Which learners can train here, what the networks have installed, and how to get what is absent.')
    .action(() => showLearners(output()));
  learners
    .command('install')
    .description(
      'Makes the Python environment of the networks under MINUTEHAND_HOME: exact versions, with hashes where a lock for this machine is delivered.',
    )
    .option('--python <file>', 'Python 3.11 or newer, with venv', process.platform === 'win32' ? 'python' : 'python3')
    .option('--wheels <folder...>', 'folders of wheels, in place of a package index')
    .addHelpText('after', '\nExamples:\n  minutehand learners install\n  minutehand learners install --wheels ./wheels')
    .action((flags: InstallFlags) => install(flags, output()));
}

function showLearners(output: Output): void {
  const listed = LEARNERS.map(({ name, refuseMissing }) => ({ name, ...stateOf(refuseMissing) }));
  const environment = pythonEnvironment();
  const installed = readInstalled(environment);
  const limits = programLimits();
  const network = limits.network
    ? 'allowed'
    : networkCut() === null
      ? 'not cut off: this system does not allow it'
      : 'cut off';
  const width = Math.max(...listed.map(({ name }) => name.length)) + 2;
  for (const { name, ready, next } of listed)
    output.line(`${name.padEnd(width)}${ready ? 'ready' : `absent. ${next}`}`);
  output.line('');
  output.line(
    `Networks    ${installed === null ? `nothing in ${environment.folder}` : installedText(installed, environment.folder)}`,
  );
  const named = process.env[NETWORKS_PYTHON] ?? '';
  if (named !== '') output.line(`            ${NETWORKS_PYTHON}=${named} is used instead`);
  output.line(
    `Programs    at most ${limits.memoryMb} MB${process.platform === 'linux' ? '' : ' (not enforced on this system)'}, ${limits.hours} hours a fit, network ${network}`,
  );
  output.result({
    learners: listed,
    networks: { folder: environment.folder, installed },
    limits: { memory_mb: limits.memoryMb, hours: limits.hours, network },
  });
}

function installedText({ python, packages, hashes }: Installed, folder: string): string {
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return `Python ${python}, ${versions.join(', ')}${hashes ? ', hashes compared' : ''}: ${folder}`;
}

function stateOf(refuseMissing: () => void): { readonly ready: boolean; readonly next: string | null } {
  try {
    refuseMissing();
    return { ready: true, next: null };
  } catch (error) {
    if (error instanceof MinutehandError && error.code === 'LEARNER_MISSING')
      return { ready: false, next: describeError(error).next };
    throw error;
  }
}

async function install({ python, wheels = [] }: InstallFlags, output: Output): Promise<void> {
  const environment = pythonEnvironment();
  const installed = await installNetworks(environment, { python, wheels, onLine: (text) => output.note(text) });
  // Proof that a training finds it.
  const own = networksPython();
  output.written({ target: environment.folder, after: installed });
  output.line(`Installed: ${installedText(installed, environment.folder)}`);
  output.line('Train with it: minutehand train --engine neural_net');
  output.result({ folder: environment.folder, python_file: own, ...installed });
}
