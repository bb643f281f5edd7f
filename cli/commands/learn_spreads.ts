import { MARKETS, type MarketKind } from '../../shared/signal/signal.ts';
import { statSync } from 'node:fs';
import { Option, type Command } from 'commander';
import { readBarFolder, readPlainBytes, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { profileOfSymbol } from '../../shared/core/cost/spread_profile.ts';
import { knownError, MinutehandError } from '../../shared/errors.ts';
import { parsePair, symbolsOf } from '../../shared/pair.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { openStore, storeUrl } from '../../trainer/store/store.ts';
import {
  learnSpreads,
  parseSpreads,
  spreadsYaml,
  type LearnedSpreads,
  type QuotedSpreads,
} from '../bars/learn_spreads.ts';
import { nameOfSource } from '../bars/source_symbol.ts';
import { endPartly, type Output } from '../output.ts';

interface LearnFlags {
  readonly market: MarketKind;
  readonly symbol?: string;
}

export function addLearnSpreads(bars: Command, output: () => Output): void {
  bars
    .command('learn-spreads')
    .argument(
      '[source]',
      'a folder of bars with spreads, or a file time,spread_bps or time,bid,ask; without it, the store',
    )
    .addOption(new Option('--market <market>', 'which bars of the store').choices(MARKETS).default('live'))
    .option('--symbol <name>', 'symbol of a file of quotes, where its name does not tell it')
    .description('estimates base and weekly profile of spreads, and prints them as keys of `symbols`')
    .action((source: string | undefined, flags: LearnFlags) => runLearnSpreads(source, flags, output()));
}

async function runLearnSpreads(source: string | undefined, flags: LearnFlags, output: Output): Promise<void> {
  const quoted = await quotedSpreads(source, flags);
  const learned: [string, LearnedSpreads][] = [];
  const missing: string[] = [];
  for (const [symbol, own] of quoted) {
    const found = learnSpreads(own, profileOfSymbol(symbol));
    if (found === null) missing.push(`${symbol}: no day has 100 quoted spreads`);
    else learned.push([symbol, found]);
  }
  if (learned.length === 0) {
    for (const text of missing) output.note(text);
    throw new MinutehandError('DATA_MISSING', {
      seen: `no spreads of a day in ${source ?? 'the store'}`,
      expected: 'bars with spreads, as of MetaTrader, or a file of quotes',
    });
  }
  output.line('symbols:');
  for (const [symbol, found] of learned) {
    const { quotes, days, covered } = found;
    output.line(
      `  # ${symbol}: ${quotes} quotes of ${days} days; ${Math.round(100 * covered)} % of the week, the rest as delivered`,
    );
    output.line(spreadsYaml(symbol, found));
  }
  output.result({ symbols: Object.fromEntries(learned) });
  endPartly(missing, true, output);
}

async function quotedSpreads(
  source: string | undefined,
  { market, symbol: given }: LearnFlags,
): Promise<Map<string, QuotedSpreads>> {
  if (source !== undefined && !isFolder(source)) {
    const names = symbolNames(loadSettings());
    const { symbol } = nameOfSource({ path: source, given, stated: [], names, isSeries: false });
    const quoted = parseSpreads((await readPlainBytes(source)).toString('utf8'));
    if (quoted === null)
      throw new MinutehandError('DATA_FORMAT', { seen: source, expected: 'a header time,spread_bps or time,bid,ask' });
    return new Map([[symbol, quoted]]);
  }
  const symbols = symbolsOf(loadSettings().minutehand.pairs.map(parsePair));
  if (source !== undefined) return spreadsOfBars(await readBarFolder(source, symbols));
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    const bars = new Map<string, BarColumns>();
    for (const { symbol } of await store.bars.symbols(market))
      if (await store.bars.hasSpread(market, symbol)) bars.set(symbol, await store.bars.read(market, symbol));
    return spreadsOfBars(bars);
  } finally {
    await store.close();
  }
}

/** @throws MinutehandError DATA_MISSING */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    throw knownError(cause) ?? new MinutehandError('DATA_MISSING', { seen: path, cause });
  }
}

function spreadsOfBars(bars: ReadonlyMap<string, BarColumns>): Map<string, QuotedSpreads> {
  const quoted = new Map<string, QuotedSpreads>();
  for (const [symbol, { time, close, spread }] of bars)
    if (spread !== null)
      quoted.set(symbol, { time: [...time], bps: Array.from(spread, (own, i) => (1e4 * own) / close[i]!) });
  return quoted;
}
