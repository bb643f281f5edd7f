import { Option, type Command } from 'commander';
import { symbolNames } from '../shared/policy/symbol_names.ts';
import { NO_SYMBOL_NAMES, spellSubject } from '../shared/symbol/symbol.ts';
import { MinutehandError } from '../shared/errors.ts';
import { configuredSubject, knownSubject } from '../shared/policy/known_subject.ts';
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
  const refuseInstrument = (id: string): void => {
    if (configuredSubject(id, minutehand.instruments, names, 'instrument') === null) return;
    throw new MinutehandError('USAGE', {
      seen: `the instrument ${id}`,
      expected: 'pairs',
      next: 'Name pairs here. `minutehand direction evaluate <version> --data <folder>` measures a direction model.',
    });
  };
  const pairOf = (id: string): string => {
    if (!minutehand.pairs.includes(spellSubject(id, names, 'pair'))) refuseInstrument(id);
    return knownSubject(id, minutehand.pairs, names, 'pair');
  };
  return [...new Set(pairs.map(pairOf))];
}

/** @returns all configured pairs and instruments when none were given @throws MinutehandError PAIR_UNKNOWN */
export function configuredSubjects({ pairs }: PairsFlags, settings: Settings): readonly string[] {
  const { minutehand } = settings;
  const known = [...minutehand.pairs, ...minutehand.instruments];
  if (pairs === undefined) return known;
  const names = symbolNames({ minutehand });
  return [...new Set(pairs.map((id) => knownSubject(id, known, names)))];
}
