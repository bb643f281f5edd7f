import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { packageRoot } from '../../shared/root.ts';
import type { Output } from '../output.ts';
import { installFiles, outcomeOf, removable, removeFiles, USERS_FOLDERS } from '../systemd/install.ts';
import {
  CONFIG_FOLDER,
  enabledUnits,
  HOME_FOLDER,
  installedUnits,
  LOG_FOLDER,
  planInstallation,
  programFiles,
  TARGET,
  USER,
  type Installation,
  type Target,
} from '../systemd/installation.ts';
import {
  requireNode,
  requireReadable,
  requireRoot,
  requireSystemd,
  runOrThrow,
  THIS_MACHINE,
  type Machine,
} from '../systemd/machine.ts';
import { readUnitStates, showArguments, unitLines, type UnitState } from '../systemd/unit_state.ts';
import { installTask, taskStatus, uninstallTask } from '../windows_task/task_service.ts';

interface WhereFlags {
  readonly root: string;
  readonly dryRun?: true;
}

interface InstallFlags extends WhereFlags {
  readonly start: boolean;
  readonly standby: boolean;
  readonly program: string;
  readonly node: string;
}

interface UninstallFlags extends WhereFlags {
  readonly purge?: true;
}

export function addService(program: Command, output: () => Output, machine: Machine = THIS_MACHINE): void {
  const service = program
    .command('service')
    .description(
      'Runs daemons and trainer as services of this machine: started at boot, restarted when they end. Linux: units of systemd, which also restart what hangs, each sandboxed. Windows: a task of the Task Scheduler, without a window or a log-on. See docs/guides/OPERATE.md#install.',
    );
  service
    .command('install')
    .summary('write units and configuration, and start everything')
    .description(
      `Writes units for every shard of the configuration, puts configuration into ${CONFIG_FOLDER} (what is there stays), run-time data into ${HOME_FOLDER}, logs into ${LOG_FOLDER}, makes the user ${USER} and the command minutehandctl, and starts everything. Run it again after an upgrade, or after a change of shards or folders.`,
    )
    .option('--no-start', 'write and enable the units without starting them')
    .option('--no-standby', 'no standby daemon for each shard')
    .addOption(
      new Option('--program <folder>', 'path of the package, as seen by the service').default(
        packageRoot(),
        'this package',
      ),
    )
    .addOption(new Option('--node <file>', 'the Node that runs it').default(process.execPath, 'this Node'))
    .option('--root <folder>', 'write the files into this folder instead of /, and do nothing else', machine.root)
    .option('--dry-run', 'show what would be written, and do nothing')
    .addHelpText(
      'after',
      `
Examples:
  sudo npx minutehand service install
  npx minutehand service install --dry-run
  npx minutehand service install --root ./package --program /opt/minutehand --node /usr/bin/node`,
    )
    .action((flags: InstallFlags) => install(flags, output(), machine));
  service
    .command('uninstall')
    .summary('stop everything and remove the units')
    .description(`Ends and removes all units. ${USERS_FOLDERS.join(', ')} and the user ${USER} stay, unless --purge.`)
    .option('--purge', `remove configuration, models, journals, logs and the user ${USER} too; there is no way back`)
    .option('--root <folder>', 'remove the files from this folder instead of /, and do nothing else', machine.root)
    .option('--dry-run', 'show what would be removed, and do nothing')
    .action((flags: UninstallFlags) => uninstall(flags, output(), machine));
  service
    .command('status')
    .summary('the state of each systemd unit')
    .description(
      'Shows for each unit whether it runs, since when, its status line, its restarts, and why it ended last. Exit code 1 when one does not run. `minutehand status` shows what the processes report.',
    )
    .action(() => status(output(), machine));
}

/** Task Scheduler has one task, no units in another root, and no standby beside `up`. */
function refuseOnWindows(flag: string, isGiven: boolean): void {
  if (isGiven) throw new MinutehandError('USAGE', { seen: `${flag} on Windows`, expected: 'no such option there' });
}

function install(flags: InstallFlags, output: Output, machine: Machine): void {
  if (machine.platform === 'win32') {
    refuseOnWindows('--root', flags.root !== machine.root);
    refuseOnWindows('--no-standby', !flags.standby);
    const { program, node, start, dryRun } = flags;
    return installTask({ program, node, start, isDryRun: dryRun === true }, output, machine);
  }
  const { root, isElsewhere } = rootOf(flags, machine);
  const target: Target = {
    root,
    program: absolute('--program', flags.program),
    node: absolute('--node', flags.node),
    hasStandby: flags.standby,
  };
  const isDryRun = flags.dryRun === true;
  if (!isElsewhere && !isDryRun) {
    requireSystemd(machine);
    requireRoot(machine);
  }
  requireReadable(machine, target, !isElsewhere);
  // The Node of another machine cannot be started here.
  if (!isElsewhere) requireNode(machine, target.node);
  const plan = planInstallation(target);
  if (isDryRun) return showPlan(root, plan, output);

  const files = installFiles(root, plan.files);
  for (const { path, outcome } of files) output.line(`${outcome.padEnd(9)}${path}`);
  const result = { files, units: plan.units };
  if (isElsewhere) {
    output.line(`There: systemd-sysusers && systemctl daemon-reload && systemctl enable --now ${plan.units.join(' ')}`);
    return output.result(result);
  }
  installEngine(target, output, machine);
  runOrThrow(machine, 'systemd-sysusers', ['/etc/sysusers.d/minutehand.conf']);
  runOrThrow(machine, 'systemctl', ['daemon-reload']);
  const stale = enabledUnits(root).filter((unit) => !plan.units.includes(unit));
  // Of shards that are no longer configured, or unwanted standbys.
  if (stale.length > 0) runOrThrow(machine, 'systemctl', ['disable', '--now', ...stale]);
  runOrThrow(machine, 'systemctl', ['--quiet', 'enable', ...plan.units]);
  output.line(`market   ${plan.settings.minutehand.market}, as ${CONFIG_FOLDER}/minutehand.yaml sets`);
  if (!flags.start) {
    output.line(`Enabled: ${plan.units.join(' ')}. Start it with: systemctl start ${TARGET}`);
    return output.result({ ...result, states: null });
  }
  const changed = files.some(({ outcome }) => outcome === 'written');
  const running = readStates(machine, plan.units).filter(({ active }) => active === 'active');
  output.note('Starting: this takes until every daemon is ready …');
  runOrThrow(machine, 'systemctl', ['start', ...plan.units]);
  const states = readStates(machine, plan.units);
  for (const line of unitLines(states)) output.line(line);
  if (changed && running.length > 0)
    output.note('Running processes keep their version: see docs/guides/OPERATE.md#upgrade-without-a-missed-bar.');
  output.result({ ...result, states });
  check(states);
}

/** The server engine of production, which only needs to be there: without it the daemon's server is ws. */
function installEngine({ program, node }: Pick<Target, 'program' | 'node'>, output: Output, machine: Machine): void {
  const installer = join(program, 'bin', 'engine.mjs');
  if (!existsSync(installer)) return;
  output.note('Looking for the server engine …');
  const { code, stderr } = machine.run(node, [installer]);
  const said = stderr.trim().split('\n').at(-1)!;
  output.line(`engine   ${code === 0 ? 'uWebSockets.js' : `ws: ${said}`}`);
}

function uninstall(flags: UninstallFlags, output: Output, machine: Machine): void | Promise<void> {
  if (machine.platform === 'win32') {
    refuseOnWindows('--root', flags.root !== machine.root);
    refuseOnWindows('--purge', flags.purge === true);
    return uninstallTask(flags.dryRun === true, output, machine);
  }
  const { root, isElsewhere } = rootOf(flags, machine);
  const purge = flags.purge === true;
  const files = programFiles();
  const units = installedUnits(root);
  if (flags.dryRun === true) {
    const paths = removable(root, files, purge);
    for (const path of paths) output.line(`would remove ${path}`);
    return output.result({ units, removed: paths });
  }
  if (!isElsewhere) {
    requireSystemd(machine);
    requireRoot(machine);
    // Whatever runs, enabled or not.
    runOrThrow(machine, 'systemctl', ['stop', 'minutehand-*.service', ...(units.length > 0 ? [TARGET] : [])]);
    if (units.length > 0) runOrThrow(machine, 'systemctl', ['--quiet', 'disable', ...units]);
  }
  const removed = removeFiles(root, files, purge);
  for (const path of removed) output.line(`removed ${path}`);
  if (removed.length === 0) output.line('Nothing to remove.');
  if (!isElsewhere) {
    runOrThrow(machine, 'systemctl', ['daemon-reload']);
    // systemd keeps failed units until they are reset; none may remain.
    machine.run('systemctl', ['reset-failed', 'minutehand-*']);
    if (purge && machine.run('id', ['-u', USER]).code === 0) runOrThrow(machine, 'userdel', [USER]);
  }
  if (!purge) output.line(`Kept: ${USERS_FOLDERS.join(' ')} and the user ${USER}. --purge removes them.`);
  output.result({ units, removed });
}

function status(output: Output, machine: Machine): void {
  if (machine.platform === 'win32') return taskStatus(output, machine);
  requireSystemd(machine);
  const units = installedUnits(machine.root);
  if (units.length === 0) throw new MinutehandError('SERVICE_ABSENT');
  const states = readStates(machine, units);
  for (const line of unitLines(states)) output.line(line);
  output.result({ units: states });
  check(states);
}

function readStates(machine: Machine, units: readonly string[]): UnitState[] {
  return readUnitStates(runOrThrow(machine, 'systemctl', showArguments(units)));
}

function check(states: readonly UnitState[]): void {
  if (states.some(({ active }) => active !== 'active')) process.exitCode = 1;
}

function rootOf({ root }: WhereFlags, machine: Machine): { root: string; isElsewhere: boolean } {
  const path = resolve(root);
  return { root: path, isElsewhere: path !== machine.root };
}

function absolute(flag: string, path: string): string {
  if (!isAbsolute(path)) throw new MinutehandError('USAGE', { seen: `${flag} ${path}`, expected: 'an absolute path' });
  return path;
}

function showPlan(root: string, { files, units }: Installation, output: Output): void {
  const planned = files.map((file) => ({ ...file, outcome: outcomeOf(root, file) }));
  for (const { path, mode, text, outcome } of planned) {
    output.line(`# ${path}  mode ${mode.toString(8)}  ${outcome === 'written' ? 'would be written' : outcome}`);
    if (outcome === 'written') output.line(`${text.trimEnd()}\n`);
  }
  output.line(`# would be enabled: ${units.join(' ')}`);
  output.result({
    files: planned.map(({ path, mode, text, outcome }) => ({ path, mode: mode.toString(8), outcome, text })),
    units,
  });
}
