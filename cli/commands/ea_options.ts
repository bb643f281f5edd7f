import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';

/**
 * The command-line parser assigns an option that `ea` declares to `ea`, even where it is written after the name of a
 * command below it. There it would have no effect, and is refused.
 * @param read those that the command reads from `ea`
 * @throws MinutehandError USAGE
 */
export function refuseOptionsOf(ea: Command, command: string, read: readonly string[]): void {
  const given = ea.options.filter((option) => ea.getOptionValueSource(option.attributeName()) === 'cli');
  const foreign = given.find((option) => ![...read, 'json'].includes(option.attributeName()));
  if (foreign !== undefined)
    throw new MinutehandError('USAGE', {
      seen: `ea ${command} with ${foreign.long}`,
      expected: `\`minutehand ea ${command} --help\` shows its options`,
    });
}
