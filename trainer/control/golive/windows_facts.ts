import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { HomePaths } from '../../../shared/home.ts';
import { TASK_NAME, taskDefinition } from '../../../shared/process/windows_task.ts';
import { warningsOfPlaces } from '../../../shared/windows_places.ts';
import { outsideEnvironment } from '../../../shared/secrets.ts';

/** What a Windows machine needs to trade on it for months. */
export interface WindowsFacts {
  /** Of folders in OneDrive, or too deep; they say themselves what to do. */
  readonly folderWarnings: readonly string[];
  /** The one that holds the signals. */
  readonly exchange: string;
  readonly hasExchange: boolean;
  /** The task of the Task Scheduler that runs this home is there. */
  readonly hasTask: boolean;
  /** Minutes of idleness after which the machine sleeps or hibernates on mains power; null when it never does. */
  readonly sleepsAfterMinutes: number | 'unknown' | null;
  /** The time service of Windows runs. */
  readonly keepsTime: boolean | 'unknown';
}

/** Runs a program of Windows. @returns what it wrote; null when it failed, or is not there */
export type RunProgram = (program: string, args: readonly string[]) => Promise<string | null>;

const LIMIT_MS = 10_000;
/** Settings of a power plan, whose names are translated. Source: power policy settings of Microsoft. */
const SLEEP_SETTINGS = ['29f6c1db-86da-48c5-9fdb-f2b67b1f44da', '9d7815a6-7ee4-497e-8888-515a05f02364'];
/** SERVICE_RUNNING of Microsoft's SERVICE_STATUS. */
const RUNNING = 4;

/** Absent on other systems. */
export async function readWindowsFacts(
  paths: HomePaths,
  platform: NodeJS.Platform = process.platform,
  run: RunProgram = runProgram,
): Promise<{ readonly windows?: WindowsFacts }> {
  if (platform !== 'win32') return {};
  const exchange = dirname(paths.signals);
  const [task, power, time] = await Promise.all([
    run('schtasks', ['/Query', '/TN', TASK_NAME]),
    run('powercfg', ['/query', 'SCHEME_CURRENT', 'SUB_SLEEP']),
    run('sc', ['query', 'w32time']),
  ]);
  return {
    windows: {
      folderWarnings: warningsOfPlaces(paths, process.env, platform),
      exchange,
      hasExchange: existsSync(exchange),
      // The task may be another home's.
      hasTask: task !== null && existsSync(taskDefinition(paths.home)),
      sleepsAfterMinutes: power === null ? 'unknown' : sleepMinutes(power),
      keepsTime: time === null ? 'unknown' : stateOf(time),
    },
  };
}

/**
 * The shorter time of sleep and hibernation on mains power.
 * @param text of `powercfg /query`: each setting has its GUID, and ends with its value on mains power and on battery,
 * as hexadecimal seconds, where 0 is never. A machine that cannot sleep has no such setting
 */
export function sleepMinutes(text: string): number | 'unknown' | null {
  const parts = text.toLowerCase().split(/(?=[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/);
  const settings = parts.filter((part) => SLEEP_SETTINGS.some((guid) => part.startsWith(guid)));
  const seconds = settings.map((part) => {
    const values = part.match(/0x[0-9a-f]{8}/g) ?? [];
    return values.length < 2 ? NaN : Number(values.at(-2));
  });
  if (seconds.some(Number.isNaN)) return 'unknown';
  const some = seconds.filter((value) => value > 0);
  return some.length === 0 ? null : Math.ceil(Math.min(...some) / 60);
}

/** @param text of `sc query`, whose numbers are not translated: the type of the service, then its state */
function stateOf(text: string): boolean | 'unknown' {
  const state = /:\s+[0-9a-f]+\s+\S+\s[^:]*:\s+(\d)\s+\S+/i.exec(text)?.[1];
  return state === undefined ? 'unknown' : Number(state) === RUNNING;
}

function runProgram(program: string, args: readonly string[]): Promise<string | null> {
  const options = { timeout: LIMIT_MS, windowsHide: true, env: outsideEnvironment() };
  return new Promise((resolve) =>
    execFile(program, args, options, (error, stdout) => resolve(error === null ? stdout : null)),
  );
}
