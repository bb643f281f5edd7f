import { MinutehandError } from '../shared/errors.ts';
import { nearNames } from '../shared/policy/spelling.ts';

/**
 * Refuses a value that is none of the names of an option: with those that it may have meant, else with all.
 * @param option as typed, such as `--engine`
 */
export function unknownName(option: string, name: string, names: readonly string[]): MinutehandError {
  const near = nearNames(name, names);
  return new MinutehandError('USAGE', {
    seen: `${option} ${name}`,
    expected: near.length > 0 ? `a known name, such as ${near.join(' or ')}` : names.join(', '),
  });
}
