import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { MinutehandError } from '../../../../shared/errors.ts';
import { LEARNER_HOURS, LEARNER_MEMORY, LEARNER_NETWORK } from '../../../../shared/policy/environment.ts';

/** What the program of a learner may use. */
export interface ProgramLimits {
  /** Of resident memory. */
  readonly memoryMb: number;
  /** Of one fit. */
  readonly hours: number;
  readonly network: boolean;
}

/** How often the memory of a program that learns is looked at. */
export const MEMORY_LOOK_MS = 500;
const DEFAULT_HOURS = 24;

/**
 * From the environment: how much a program may use is a matter of the machine.
 * @throws MinutehandError USAGE
 */
export function programLimits(env: NodeJS.ProcessEnv = process.env): ProgramLimits {
  // A container may have less memory than its machine.
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity) / 2 ** 20;
  return {
    memoryMb: numberOf(env, LEARNER_MEMORY) ?? Math.floor(memory / 2),
    hours: numberOf(env, LEARNER_HOURS) ?? DEFAULT_HOURS,
    network: switchOf(env, LEARNER_NETWORK),
  };
}

function numberOf(env: NodeJS.ProcessEnv, name: string): number | null {
  const text = env[name]?.trim() ?? '';
  if (text === '') return null;
  const value = Number(text);
  if (value > 0 && value < Infinity) return value;
  throw new MinutehandError('USAGE', { seen: `${name}=${text}`, expected: 'a number above 0' });
}

function switchOf(env: NodeJS.ProcessEnv, name: string): boolean {
  const text = env[name]?.trim() ?? '';
  if (text === '' || text === 'off') return false;
  if (text === 'on') return true;
  throw new MinutehandError('USAGE', { seen: `${name}=${text}`, expected: 'on or off' });
}

/** Resident memory of a process in MB, as Linux tells it; null elsewhere, or when the process has ended. */
export function memoryOf(pid: number | undefined): number | null {
  if (pid === undefined || process.platform !== 'linux') return null;
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) / 1024;
  } catch {
    return null;
  }
}
