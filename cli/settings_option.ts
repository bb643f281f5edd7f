import type * as z from 'zod';
import { MinutehandError } from '../shared/errors.ts';
import { unknownName } from './named_option.ts';

/**
 * Values of a repeated `--set NAME=NUMBER`, of one training alone.
 * @param names that there are
 * @param schema limits of their values
 * @throws MinutehandError USAGE
 */
export function parseSettings(
  given: readonly string[],
  names: readonly string[],
  schema: z.ZodType,
): Record<string, number> {
  const settings: Record<string, number> = {};
  for (const text of given) {
    const [name = '', value] = text.split('=');
    if (!names.includes(name)) throw unknownName('--set', name, names);
    if (value === undefined || value.trim() === '')
      throw new MinutehandError('USAGE', { seen: `--set ${text}`, expected: `${name}=NUMBER` });
    if (name in settings) throw new MinutehandError('USAGE', { seen: `--set ${name} twice`, expected: 'it once' });
    settings[name] = Number(value);
  }
  const { error } = schema.safeParse(settings);
  const issue = error?.issues[0];
  if (issue === undefined) return settings;
  const name = String(issue.path[0]);
  throw new MinutehandError('USAGE', { seen: `--set ${name}=${settings[name]}: ${issue.message}` });
}
