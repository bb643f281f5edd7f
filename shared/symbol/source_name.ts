import { basename } from 'node:path';
import { TIMEFRAMES, type Timeframe } from '../pair.ts';
import { isCurrency, isPairForm } from './currencies.ts';
import { dayOf, isDay, NO_SYMBOL_NAMES, readSymbol, type SymbolNames } from './symbol.ts';
import { isSymbol } from '../symbol_source.ts';

/** What the name of a file states about its bars. */
export interface SourceName {
  /** null: no part looks like a symbol, or several do. */
  readonly symbol: string | null;
  /** The part of the name that is the symbol. */
  readonly part: string | null;
  /** Symbols that the name can mean, when it is not clear. */
  readonly candidates: readonly string[];
  /** Why it is not clear; null when it is. */
  readonly reason: string | null;
  /** Seconds of the bars; null where the name states none. */
  readonly barSeconds: number | null;
}

/** The reason where no part of a name is like a symbol. */
export const NO_SYMBOL = 'contains no symbol';
const KNOWN_SECONDS: ReadonlySet<number> = new Set(Object.values(TIMEFRAMES));
/** `EURUSD60.csv`, as MetaTrader 4 names its history: the minutes of a bar. */
const NAME_WITH_MINUTES = /^([A-Z]{6})(1|5|15|60|240|1440)$/;
const TIMEFRAME_WORD =
  /^(?:[MHDW]\d{1,2}|MN1?|\d{1,4}(?:m|min|mins|minutes?|h|hours?|d|days?|w)|tick|ticks|daily|hourly|minute)$/i;
/** Words of exporters, in any case. */
const NOISE = new Set(
  'dat ascii histdata com csv txt bid ask mid utc gmt est mt4 mt5 metatrader ohlc ohlcv bar bars candle candles candlestick kline klines price prices quote quotes data dataset export exported history historical hist rates chart um cm spot market binance bybit okx kraken coinbase oanda dukascopy bars1m part all new old copy final sample live demo real server'.split(
    ' ',
  ),
);
/** Words that brokers and exchanges put behind a symbol: another account or contract with prices of its own. */
const ACCOUNT_WORDS = new Set(
  'ecn pro raw std stp mini micro cent cash prime zero i m r c x z a b s n e p perp perpetual swap quarter quarterly next current weekly monthly cq nq cw nw bq q1 q2 q3 q4 umcbl dmcbl cmcbl fut futures inverse linear'.split(
    ' ',
  ),
);

/**
 * `Z24`, `H2025`, `MAR25`: the month in which a contract ends, as exchanges name it. `M15`, `H4` and their likes are
 * timeframes of MetaTrader.
 */
const CONTRACT_MONTH =
  /^(?:[FGHJKMNQUVXZ](?:\d{1,2}|20\d{2})|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\d{2})$/i;
const METATRADER_TIMEFRAME = /^(?:M(?:1|2|3|4|5|6|10|12|15|20|30)|H(?:1|2|3|4|6|8|12))$/i;

interface Part {
  readonly text: string;
  /** The symbol it is; null where it may be one with something of a broker’s, or is none. */
  readonly symbol: string | null;
  /** Looks like base and quote, or is configured. */
  readonly isStrong: boolean;
  readonly candidates: readonly string[];
}

/**
 * What the name of a file states: `XAUUSD` of `DAT_ASCII_XAUUSD_M1_2019.csv`, `mt5-export-XAUUSD-M1.csv`,
 * `FTMO_XAUUSD.csv`. Base and quote go before other words in capitals. Two symbols, a broker's suffix that is not
 * configured, and a day that may be the end of a contract are not decided.
 */
export function readSourceName(path: string, names: SymbolNames = NO_SYMBOL_NAMES): SourceName {
  const stem = basename(path).replace(/(\.(csv|txt|tsv|prn|json|parquet))?(\.gz)?$/i, '');
  const [, ofMinutes, minutes] = NAME_WITH_MINUTES.exec(stem) ?? [];
  if (ofMinutes !== undefined) return found(ofMinutes, ofMinutes, Number(minutes) * 60);
  const barSeconds = secondsOf(stem);
  const configured = configuredPart(stem, names);
  if (configured !== null) return found(configured.symbol, configured.part, barSeconds);
  const words = stem.split(/[-_ ,()[\]]+/).filter((word) => word !== '');
  const { parts, problem } = partsOf(words, names);
  if (problem !== null) return notFound(problem.candidates, problem.reason, barSeconds);
  const strong = parts.filter(({ isStrong }) => isStrong);
  const unsure = parts.filter(({ symbol, candidates }) => symbol === null && candidates.length > 0);
  const symbols = [...new Set(strong.map(({ symbol }) => symbol!))];
  if (symbols.length > 1) return notFound(symbols, 'names several symbols', barSeconds);
  if (symbols.length === 1) return found(symbols[0]!, strong[0]!.text, barSeconds);
  if (unsure.length > 0) {
    const { text, candidates } = unsure[0]!;
    return notFound(candidates, `has “${text}”, which may be ${candidates.join(' or ')}`, barSeconds);
  }
  const weak = [...new Set(parts.flatMap(({ symbol }) => (symbol === null ? [] : [symbol])))];
  if (weak.length > 1) return notFound(weak, 'has several words that may be the symbol', barSeconds);
  const only = parts.find(({ symbol }) => symbol !== null);
  return only === undefined ? notFound([], null, barSeconds) : found(only.symbol!, only.text, barSeconds);
}

function found(symbol: string, part: string, barSeconds: number | null): SourceName {
  return { symbol, part, candidates: [symbol], reason: null, barSeconds };
}

function notFound(candidates: readonly string[], reason: string | null, barSeconds: number | null): SourceName {
  return { symbol: null, part: null, candidates, reason: reason ?? NO_SYMBOL, barSeconds };
}

/** A part that an alias or a configured prefix or suffix makes a symbol; words may be left away at both ends. */
function configuredPart(stem: string, names: SymbolNames): { symbol: string; part: string } | null {
  if (names.suffixes.length === 0 && names.prefixes.length === 0 && Object.keys(names.aliases).length === 0)
    return null;
  const pieces = stem.split(/([-_ ])/);
  for (let length = pieces.length; length > 0; length -= 2) {
    for (let from = 0; from + length <= pieces.length; from += 2) {
      const part = pieces.slice(from, from + length).join('');
      const reading = readSymbol(part, names);
      if (reading.symbol !== null && (reading.by === 'alias' || reading.by === 'affix'))
        return { symbol: reading.symbol, part };
    }
  }
  return null;
}

interface Problem {
  readonly candidates: readonly string[];
  readonly reason: string;
}

function partsOf(words: readonly string[], names: SymbolNames): { parts: Part[]; problem: Problem | null } {
  const parts: Part[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const next = words[i + 1] ?? '';
    if (isSkipped(word)) continue;
    const isJoined = isCurrency(word.toUpperCase()) && isCurrency(next.toUpperCase()) && !NOISE.has(next.toLowerCase());
    const text = isJoined ? `${word}_${next}` : word;
    const after = words[i + (isJoined ? 2 : 1)] ?? '';
    const part = partOf(text, names, words.length === 1);
    if (isJoined) i++;
    const namedDay = /[A-Za-z]/.test(after) ? dayOf(after) : null;
    if (namedDay !== null && part.symbol !== null) {
      // `BTC-27JUN25`: a day that is written so is always the end of a contract.
      const dated = `${part.symbol}.${namedDay}`;
      const isOption = words.slice(i + 2).some((one) => /^(?:[CP]|calls?|puts?)$/i.test(one));
      if (isOption) return { parts, problem: { candidates: [], reason: 'names an option, which has no bars here' } };
      parts.push({ text: `${text}-${after}`, symbol: dated, isStrong: true, candidates: [dated] });
      i++;
      continue;
    }
    if (part.isStrong && /^\d{6}$/.test(after) && isDay(after)) {
      const dated = `${part.symbol!}.${after}`;
      // A file of a day or month that has another date as well is of the contract.
      const hasOwnDate = words.slice(i + 2).some((one) => /^(?:19|20)\d{2}(?:\d{2}){0,2}$/.test(one));
      if (!hasOwnDate)
        return {
          parts,
          problem: {
            candidates: [part.symbol!, dated],
            reason: `has “${text}_${after}”, which may be ${part.symbol!} with a date or the contract that ends on this day`,
          },
        };
      parts.push({ text: `${text}_${after}`, symbol: dated, isStrong: true, candidates: [dated] });
      i++;
      continue;
    }
    if (part.isStrong && /^\d{4}$/.test(after) && !/^(?:19|20)\d{2}$/.test(after)) {
      const reason = `has “${text}” with “${after}” behind it, which may be the end of a contract`;
      return { parts, problem: { candidates: [part.symbol!], reason } };
    }
    if (part.isStrong && CONTRACT_MONTH.test(after) && !METATRADER_TIMEFRAME.test(after)) {
      const reason = `has “${text}” with “${after}” behind it, which may be the month in which a contract ends`;
      return { parts, problem: { candidates: [part.symbol!], reason } };
    }
    if (part.isStrong && ACCOUNT_WORDS.has(after.toLowerCase())) {
      const reason = `has “${text}” with “${after}” behind it, as brokers name accounts and exchanges contracts`;
      return { parts, problem: { candidates: [part.symbol!], reason } };
    }
    parts.push(part);
  }
  return { parts, problem: null };
}

function isSkipped(word: string): boolean {
  return /^[\d.]+$/.test(word) || TIMEFRAME_WORD.test(word) || NOISE.has(word.toLowerCase());
}

function partOf(text: string, names: SymbolNames, isAlone: boolean): Part {
  const none: Part = { text, symbol: null, isStrong: false, candidates: [] };
  const reading = readSymbol(text, names);
  const { symbol } = reading;
  if (symbol === null) return { ...none, candidates: reading.candidates };
  const isStrong = names.known.has(symbol) || isPairForm(symbol);
  if (isStrong) return { text, symbol, isStrong, candidates: [symbol] };
  const inner = brokerHead(symbol, names) ?? brokerTail(text, names);
  if (inner !== null) return { ...none, candidates: [inner, symbol] };
  const isTicker = /^[A-Z][A-Z0-9.]{2,}$/.test(text);
  return isTicker || isAlone ? { text, symbol, isStrong, candidates: [symbol] } : none;
}

/** `EURUSD` of `EURUSDM` and `EURUSD.PRO`: in a file name, capitals do not make a symbol of its own. */
function brokerHead(symbol: string, { known }: SymbolNames): string | null {
  for (const end of [1, 2, 3, 4]) {
    const head = symbol.slice(0, -end).replace(/\.$/, '');
    const tail = symbol.slice(head.length);
    if (/^\.?[A-Z]+$/.test(tail) && isSymbol(head) && (known.has(head) || isPairForm(head))) return head;
  }
  return null;
}

/** `EURUSD` of `mEURUSD` and `FTMO.EURUSD`: small letters, or a word and a dot, in front of a symbol. */
function brokerTail(text: string, { known }: SymbolNames): string | null {
  const [, tail] = /^(?:[a-z]{1,4}|[A-Za-z0-9]+\.)([A-Z0-9]{3,})$/.exec(text) ?? [];
  return tail !== undefined && (known.has(tail) || isPairForm(tail)) ? tail : null;
}

/** `BTCUSDT-1h.csv`, `EURUSD_H4.csv`. */
function secondsOf(stem: string): number | null {
  for (const part of stem.split(/[-_ ,]+/)) {
    const [, unit, count] = /^([MHD])(\d{1,2})$/i.exec(part) ?? [];
    const [, ofMinutes] = /^(\d{1,4})mins?$/i.exec(part) ?? [];
    if (ofMinutes !== undefined && KNOWN_SECONDS.has(Number(ofMinutes) * 60)) return Number(ofMinutes) * 60;
    const name = unit === undefined ? part.toLowerCase() : `${count}${unit.toLowerCase()}`;
    if (Object.hasOwn(TIMEFRAMES, name)) return TIMEFRAMES[name as Timeframe];
  }
  return null;
}
