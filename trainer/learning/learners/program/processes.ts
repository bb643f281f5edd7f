import { programLimits } from './limits.ts';
import { ProgramProcess } from './program_process.ts';

const running = new Map<string, ProgramProcess>();

/**
 * The process of a command: all fits of this process ask the same one.
 * @param variables for its environment
 * @throws MinutehandError USAGE for limits that are no numbers
 */
export function processOf(
  command: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): ProgramProcess {
  const limits = programLimits();
  const key = JSON.stringify([command, variables, limits]);
  const known = running.get(key);
  if (known !== undefined) return known;
  const started = new ProgramProcess(command, limits, variables);
  running.set(key, started);
  return started;
}
