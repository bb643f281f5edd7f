import { MinutehandError } from '../../../../shared/errors.ts';
import { usableMemoryBytes } from '../../../../shared/process/memory.ts';
import { LEARNER_HOURS, LEARNER_MEMORY, LEARNER_NETWORK } from '../../../../shared/policy/environment.ts';

/** What the program of a learner may use. */
export interface ProgramLimits {
  /** Of resident memory. */
  readonly memoryMb: number;
  /** Of one fit. */
  readonly hours: number;
  readonly network: boolean;
}

const MIB = 2 ** 20;
/** How often the memory of a program that learns is looked at. */
export const MEMORY_LOOK_MS = 500;
const DEFAULT_HOURS = 24;

/**
 * From the environment: how much a program may use is a matter of the machine.
 * @throws MinutehandError USAGE
 */
export function programLimits(env: NodeJS.ProcessEnv = process.env): ProgramLimits {
  return {
    memoryMb: numberOf(env, LEARNER_MEMORY) ?? Math.floor(usableMemoryBytes() / MIB / 2),
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
