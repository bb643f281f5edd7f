import { join } from 'node:path/win32';

/** What the task of Windows' Task Scheduler starts, and for whom. */
export interface Task {
  /** `DOMAIN\name`: whose files and folders it has. */
  readonly user: string;
  readonly node: string;
  /** Folder of the package. */
  readonly program: string;
  /** File with environment variables: Task Scheduler cannot set any for a task. */
  readonly environmentFile: string;
}

/**
 * The definition of a task that runs daemons and trainer from the boot on, without anybody logged on and without a
 * window, and starts them again a minute after a failure. Source: Task Scheduler schema 1.2 of Microsoft.
 *
 * - `S4U`: under the user's account without a stored password; it has the user's files, and no network shares.
 * - Priority 4 is that of a program a person starts; a task's own, 7, gives the processor and the disk away.
 * - `Parallel` with `up --replace`: starting the task of a new version while the old one runs hands over, without a
 *   missed bar.
 * - `PT0S`: no limit of time. A power supply that is lost ends nothing.
 */
export function taskXml({ user, node, program, environmentFile }: Task): string {
  const args = `--env-file="${environmentFile}" "${join(program, 'dist', 'cli', 'minutehand.js')}" up --replace`;
  return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>minutehand: daemons and trainer</Description>
  </RegistrationInfo>
  <Triggers>
    <BootTrigger>
      <Enabled>true</Enabled>
    </BootTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>${escaped(user)}</UserId>
      <LogonType>S4U</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>Parallel</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <Enabled>true</Enabled>
    <Hidden>true</Hidden>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>4</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>${escaped(node)}</Command>
      <Arguments>${escaped(args)}</Arguments>
      <WorkingDirectory>${escaped(program)}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
`;
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (sign) => ESCAPES[sign]!);

/**
 * The text of a file for `node --env-file`: the program's variables of this environment, in quotes that keep
 * backslashes. A value with such a quote is refused by null.
 */
export function environmentText(env: NodeJS.ProcessEnv): string | null {
  const own = Object.entries(env).filter(([name, value]) => name.startsWith('MINUTEHAND_') && value !== '');
  if (own.some(([, value]) => /['\r\n]/.test(value!))) return null;
  return own
    .sort()
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('');
}
