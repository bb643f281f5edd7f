import { parseSymbol, spellSubject, type SymbolNames } from '../symbol/symbol.ts';
import { parseSubject, symbolsOf } from '../pair.ts';
import { isMapping } from './mapping.ts';
import type { MinutehandSettings, SymbolNamesPolicy } from './schema.ts';

/** How names become symbols in this installation. */
export function symbolNames({
  minutehand,
}: {
  readonly minutehand: Pick<MinutehandSettings, 'symbols' | 'symbol_names' | 'pairs' | 'instruments'>;
}): SymbolNames {
  const { symbols, pairs, instruments } = minutehand;
  const subjects = [...pairs, ...instruments].map(parseSubject);
  return namesOf(minutehand.symbol_names, [...Object.keys(symbols), ...symbolsOf(subjects)]);
}

/** @param known symbols of the configuration */
export function namesOf(policy: SymbolNamesPolicy | undefined, known: readonly string[]): SymbolNames {
  const { aliases = {}, prefixes = [], suffixes = [] } = policy ?? {};
  return { aliases, prefixes, suffixes, known: new Set(known) };
}

/** A list of symbols as an option has it: `btcusdt,ETH/USDT`. @throws MinutehandError SYMBOL_UNCLEAR */
export function parseSymbolList(text: string, option: string, names: SymbolNames): string[] {
  const given = text
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  return [...new Set(given.map((one) => parseSymbol(one, option, names)))];
}

/** Spells the symbols of a file of minutehand.yaml, before it is checked; what cannot be read stays as it is. */
export function withSpelledSymbols(content: unknown): unknown {
  if (!isMapping(content)) return content;
  const names = namesOf(isMapping(content['symbol_names']) ? policyOf(content['symbol_names']) : undefined, []);
  const spell = (value: unknown, kind: 'pair' | 'instrument' | 'either'): unknown =>
    Array.isArray(value)
      ? value.map((one: unknown) => (typeof one === 'string' ? spellSubject(one, names, kind) : one))
      : value;
  const list = (value: unknown): unknown => spell(value, 'either');
  const pairs = (value: unknown): unknown => spell(value, 'pair');
  const shard = (value: unknown): unknown =>
    isMapping(value) ? { ...value, pairs: pairs(value['pairs']) } : pairs(value);
  const { train } = content;
  return {
    ...content,
    ...('pairs' in content && { pairs: pairs(content['pairs']) }),
    ...('instruments' in content && { instruments: spell(content['instruments'], 'instrument') }),
    ...(isMapping(content['shards']) && { shards: mapped(content['shards'], shard) }),
    ...(isMapping(content['symbols']) && { symbols: withSpelledKeys(content['symbols'], names) }),
    ...(isMapping(train) &&
      isMapping(train['groups']) && { train: { ...train, groups: mapped(train['groups'], list) } }),
  };
}

/** Two names of one symbol stay as they are: the check of the file refuses the one that is no symbol. */
function withSpelledKeys(symbols: Record<string, unknown>, names: SymbolNames): Record<string, unknown> {
  const spelled: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(symbols)) {
    const symbol = spellSubject(name, names, 'instrument');
    const isTaken = symbol !== name && (Object.hasOwn(symbols, symbol) || Object.hasOwn(spelled, symbol));
    spelled[isTaken ? name : symbol] = value;
  }
  return spelled;
}

/** What is wrong in it is reported by the check of the file. */
function policyOf({ aliases, prefixes, suffixes }: Record<string, unknown>): SymbolNamesPolicy {
  const texts = (value: unknown): string[] =>
    Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
  const pairs = isMapping(aliases) ? Object.entries(aliases) : [];
  return {
    aliases: Object.fromEntries(pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string')),
    prefixes: texts(prefixes),
    suffixes: texts(suffixes),
  };
}

function mapped(record: Record<string, unknown>, change: (value: unknown) => unknown): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}
