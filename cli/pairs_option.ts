import { Option, type Command } from 'commander';
import { symbolNames } from '../shared/policy/symbol_names.ts';
import { NO_SYMBOL_NAMES, spellSubject } from '../shared/symbol/symbol.ts';
import { MinutehandError } from '../shared/errors.ts';
import type { Settings } from '../shared/policy/policy.ts';

/** Value of the option of `addPairsOption`; absent when neither spelling was used. */
export interface PairsFlags {
  readonly pairs?: readonly string[];
}

/** Has another spelling, and the same value. */
class PairAlias extends Option {
  override attributeName(): string {
    return 'pairs';
  }
}

/** `--pairs A,B`, which may also be written `--pairs A B`, and its alias `--pair`. */
export function addPairsOption(command: Command, description: string, { isRequired = false } = {}): Command {
  const option = new Option('--pairs <ids...>', description);
  command.addOption(option.argParser(collect).makeOptionMandatory(isRequired));
  command.addOption(new PairAlias('--pair <ids...>').argParser(collect).hideHelp());
  return command;
}

/** Options are given value by value. @throws MinutehandError USAGE when a value names no pair */
function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  const ids = text
    .split(',')
    .filter((id) => id !== '')
    .map((id) => spellSubject(id, NO_SYMBOL_NAMES, 'pair'));
  if (ids.length === 0)
    throw new MinutehandError('USAGE', {
      seen: `--pairs ${text}`,
      expected: 'pairs such as XAUUSD_XAGUSD,EURUSD_GBPUSD',
    });
  return [...new Set([...(before ?? []), ...ids])];
}

/**
 * @returns all configured pairs when none were given
 * @throws MinutehandError PAIR_UNKNOWN; USAGE for an instrument, where a command takes pairs only
 */
export function configuredPairs({ pairs }: PairsFlags, settings: Settings): readonly string[] {
  const { minutehand } = settings;
  if (pairs === undefined) return minutehand.pairs;
  const names = symbolNames({ minutehand });
  const spelled = pairs.map((id) => (minutehand.pairs.includes(id) ? id : spellSubject(id, names, 'pair')));
  const unknown = spelled.find((id) => !minutehand.pairs.includes(id));
  if (unknown === undefined) return [...new Set(spelled)];
  if (minutehand.instruments.includes(spellSubject(unknown, names, 'instrument')))
    throw new MinutehandError('USAGE', {
      seen: `the instrument ${unknown}`,
      expected: 'pairs',
      next: 'Name pairs here. `minutehand direction evaluate <version> --data <folder>` measures a direction model.',
    });
  throw new MinutehandError('PAIR_UNKNOWN', { seen: unknown });
}

/** @returns all configured pairs and instruments when none were given @throws MinutehandError PAIR_UNKNOWN */
export function configuredSubjects({ pairs }: PairsFlags, settings: Settings): readonly string[] {
  const { minutehand } = settings;
  const known = [...minutehand.pairs, ...minutehand.instruments];
  if (pairs === undefined) return known;
  const names = symbolNames({ minutehand });
  const spelled = pairs.map(
    (id) => [id, spellSubject(id, names, 'pair'), spellSubject(id, names, 'instrument')].find((one) => known.includes(one)) ?? null, // prettier-ignore
  );
  const unknown = pairs.find((_, i) => spelled[i] === null);
  if (unknown !== undefined) throw new MinutehandError('PAIR_UNKNOWN', { seen: unknown });
  return [...new Set(spelled.flatMap((id) => id ?? []))];
}
