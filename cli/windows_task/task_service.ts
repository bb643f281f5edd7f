import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { makePrivateFolder } from '../../shared/private_files.ts';
import type { Output } from '../output.ts';
import { warningsOfPlaces } from '../../shared/windows_places.ts';
import { askThroughDoor, stopDoors, stopUnanswered } from '../stop_door.ts';
import { runOrThrow, type Machine } from '../systemd/machine.ts';
import { TASK_NAME, taskDefinition } from '../../shared/process/windows_task.ts';
import { environmentText, taskXml } from './task.ts';

const STOP_WAIT_MS = 30_000;
const AS_ADMINISTRATOR = 'Repeat it in a prompt that was opened with "Run as administrator", and see its output.';
/** Sorts of states, as numbers: their names are translated. Source: TASK_STATE of Microsoft. */
const STATES: readonly string[] = ['unknown', 'disabled', 'queued', 'ready', 'running'];
const RUNNING = 4;
const STATE_SCRIPT = `$task = Get-ScheduledTask -TaskName ${TASK_NAME} -ErrorAction Stop; $info = $task | Get-ScheduledTaskInfo; @{ state = [int]$task.State; last_result = $info.LastTaskResult; last_run = $info.LastRunTime.ToUniversalTime().ToString('o') } | ConvertTo-Json`;

interface TaskInstall {
  readonly program: string;
  readonly node: string;
  readonly isDryRun: boolean;
  readonly start: boolean;
}

/** Files of the task: its definition, and the environment, which is the user's once it is there. */
function filesOf(home: string): { readonly xml: string; readonly environment: string } {
  return { xml: taskDefinition(home), environment: join(home, 'service', 'minutehand.env') };
}

/** @throws MinutehandError CONFIG_*, SERVICE_PLACE, SERVICE_COMMAND, USAGE */
export function installTask({ program, node, isDryRun, start }: TaskInstall, output: Output, machine: Machine): void {
  const { home } = homePaths();
  const settings = loadSettings();
  for (const warning of warningsOfPlaces(homePaths())) output.note(`warning: ${warning}`);
  const { xml, environment } = filesOf(home);
  for (const path of [node, join(program, 'dist', 'cli', 'minutehand.js')])
    if (!existsSync(path))
      throw new MinutehandError('SERVICE_PLACE', {
        seen: `${path} does not exist`,
        next: 'Run `npm run build` there.',
      });
  const variables = environmentText(process.env);
  if (variables === null)
    throw new MinutehandError('USAGE', { seen: 'a variable MINUTEHAND_… with a single quote or a line end' });
  const text = taskXml({ user: machine.user, node, program, environmentFile: environment });
  const isKept = existsSync(environment);
  if (isDryRun) {
    output.line(text);
    output.line(`# ${environment}: ${isKept ? 'kept' : 'would be written'}`);
    return output.result({ task: TASK_NAME, xml: text, environment: isKept ? 'kept' : 'written' });
  }
  makePrivateFolder(join(home, 'service'));
  // schtasks reads UTF-16 with its mark.
  writeFileSync(xml, Buffer.from(`\ufeff${text}`, 'utf16le'));
  if (!isKept) writeFileSync(environment, variables, { mode: 0o600 });
  output.line(`written  ${xml}`);
  output.line(`${isKept ? 'kept     ' : 'written  '}${environment}`);
  run(machine, 'schtasks', ['/Create', '/TN', TASK_NAME, '/XML', xml, '/F']);
  output.line(`market   ${settings.minutehand.market}`);
  if (start) run(machine, 'schtasks', ['/Run', '/TN', TASK_NAME]);
  output.line(start ? `Started: minutehand status` : `Starts at the next boot, or by: schtasks /Run /TN ${TASK_NAME}`);
  output.result({ task: TASK_NAME, xml, environment, is_started: start });
}

/** Removes the task, then ends what it has started. The home stays. @throws MinutehandError SERVICE_* */
export async function uninstallTask(isDryRun: boolean, output: Output, machine: Machine): Promise<void> {
  const { home } = homePaths();
  const { xml } = filesOf(home);
  if (!existsSync(xml)) throw absent();
  if (isDryRun) {
    output.line(`would remove the task ${TASK_NAME} and ${xml}, and end what runs in ${home}`);
    return output.result({ task: TASK_NAME, removed: [xml] });
  }
  run(machine, 'schtasks', ['/Delete', '/TN', TASK_NAME, '/F']);
  rmSync(xml);
  for (const door of stopDoors(home)) {
    const end = await askThroughDoor(home, door, STOP_WAIT_MS);
    if (end.how === 'unanswered') throw stopUnanswered(door, end, STOP_WAIT_MS);
    if (end.how === 'ended') output.line(`ended    ${door.kind}  process ${door.pid}`);
  }
  output.line(`removed  the task ${TASK_NAME}; ${home} stays`);
  output.result({ task: TASK_NAME, removed: [xml] });
}

/** @throws MinutehandError SERVICE_ABSENT, SERVICE_COMMAND */
export function taskStatus(output: Output, machine: Machine): void {
  if (!existsSync(filesOf(homePaths().home).xml)) throw absent();
  const text = run(machine, 'powershell', ['-NoProfile', '-NonInteractive', '-Command', STATE_SCRIPT]);
  const seen = JSON.parse(text) as { state: number; last_result: number; last_run: string };
  const state = STATES[seen.state] ?? `state ${seen.state}`;
  output.line(`${TASK_NAME}  ${state}  last start ${seen.last_run}  last result ${seen.last_result}`);
  output.result({ task: TASK_NAME, state, last_run: seen.last_run, last_result: seen.last_result });
  if (seen.state !== RUNNING) process.exitCode = 1;
}

function absent(): MinutehandError {
  return new MinutehandError('SERVICE_ABSENT', { next: 'Run `npx minutehand service install` as administrator.' });
}

function run(machine: Machine, program: string, args: readonly string[]): string {
  return runOrThrow(machine, program, args, AS_ADMINISTRATOR);
}
