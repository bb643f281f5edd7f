import { basename } from 'node:path';
import { MinutehandError } from '../../shared/errors.ts';
import { isPairForm } from '../../shared/symbol/currencies.ts';
import { NO_SYMBOL, readSourceName } from '../../shared/symbol/source_name.ts';
import { parseSymbol, readSymbol, shownName, symbolUnclear, type SymbolNames } from '../../shared/symbol/symbol.ts';

/** The symbol of a file, and what it was inferred from. */
export interface SourceSymbol {
  readonly symbol: string;
  /** `prices`: the bars that are there have the same closes at the same minutes. */
  readonly by: 'option' | 'name' | 'content' | 'prices';
  /**
   * Where one was given: another symbol that the content states, or the name (a known one, or a pair of currencies or
   * coins); null: neither names a symbol. Absent: they name the one that was given.
   */
  readonly despite?: string | null;
}

export interface SymbolQuestion {
  readonly path: string;
  /** With --symbol. */
  readonly given: string | undefined;
  /** Symbols that the file itself states, in a column, in the names of its columns, or above them. */
  readonly stated: readonly string[];
  readonly names: SymbolNames;
  /** The rows of a series may have symbols of their own. */
  readonly isSeries: boolean;
}

/**
 * The symbol of a file: as given, else as the file states, else by its name. Where several are possible, or name and
 * content differ, it is not guessed.
 * @throws MinutehandError SYMBOL_UNCLEAR with what is possible
 */
export function nameOfSource({ path, given, stated, names, isSeries }: SymbolQuestion): SourceSymbol {
  const file = basename(path);
  if (given !== undefined) {
    const others = [...new Set(stated.map((text) => readSymbol(text, names).symbol ?? shownName(text)))];
    if (others.length > 1) throw severalSymbols(file, others);
    const symbol = parseSymbol(given, '--symbol', names);
    const says = others[0] ?? readSourceName(path, names).symbol;
    if (says === symbol) return { symbol, by: 'option' };
    // A word such as `foo` is no symbol: the one that was given is believed, which is said.
    const isOther = says !== null && (stated.length > 0 || names.known.has(says) || isPairForm(says));
    return { symbol, by: 'option', despite: isOther ? says : null };
  }
  const ofName = readSourceName(path, names);
  if (stated.length > 0) {
    const readings = stated.map((text) => readSymbol(text, names));
    const unread = readings.findIndex(({ symbol }) => symbol === null);
    const reading = readings[unread];
    if (reading !== undefined && reading.symbol === null)
      throw symbolUnclear(`${file} states ${shownName(stated[unread]!)}, which`, reading, '--symbol');
    const symbols = [...new Set(readings.flatMap(({ symbol }) => symbol ?? []))];
    if (symbols.length > 1) throw severalSymbols(file, symbols);
    if (ofName.symbol !== null && ofName.symbol !== symbols[0] && names.known.has(ofName.symbol))
      throw symbolUnclear(
        `${file} is of ${symbols[0]!} by its content and of ${ofName.symbol} by its name:`,
        { candidates: [symbols[0]!, ofName.symbol], reason: 'they differ' },
        '--symbol',
      );
    return { symbol: symbols[0]!, by: 'content' };
  }
  if (ofName.symbol !== null) return { symbol: ofName.symbol, by: 'name' };
  if (isSeries && ofName.candidates.length === 0) return { symbol: 'UNNAMED', by: 'name' };
  throw symbolUnclear(
    `the name ${shownName(file)}`,
    { candidates: ofName.candidates, reason: ofName.reason! },
    '--symbol',
  );
}

function severalSymbols(file: string, symbols: readonly string[]): MinutehandError {
  return new MinutehandError('SYMBOL_UNCLEAR', {
    seen: `${file} has rows of ${symbols.slice(0, 5).join(', ')}`,
    expected: 'one symbol per file',
    next: 'Split the file by symbol.',
  });
}

/** Whether an option, the file itself or its name states something about its symbol. */
export function isNamed({ path, given, stated, names, isSeries }: SymbolQuestion): boolean {
  return given !== undefined || stated.length > 0 || isSeries || readSourceName(path, names).reason !== NO_SYMBOL;
}

/** The question for the symbol of a file that nothing names. */
export function namelessFile(path: string, candidates: readonly string[], price: number): MinutehandError {
  const file = shownName(basename(path));
  const level = Number.isNaN(price) ? '' : ` and its prices of about ${Number(price.toPrecision(6))}`;
  const reason = candidates.length > 0 ? 'do not decide which it is' : 'are those of no symbol that is known here';
  const seen = `the name ${file}${level}`;
  return symbolUnclear(seen, { candidates, reason: level === '' ? 'contains no symbol' : reason }, '--symbol');
}
