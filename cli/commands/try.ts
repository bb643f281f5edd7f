import { Option, type Command } from 'commander';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { REPLAY_FILE, type ReplayPlan } from '../../daemon/feed/replayed.ts';
import { isoMinute, type OpenTime } from '../../shared/bar.ts';
import { clipBars, findBarFile, readBarFile, writeBarFile, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { PRICE_KINDS, type PriceKind } from '../../shared/core/cost/fill_cost.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { makeFolder } from '../../shared/folder.ts';
import { homePaths } from '../../shared/home.ts';
import { parsePair } from '../../shared/pair.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { packageRoot } from '../../shared/root.ts';
import { keepPriceKind } from '../../trainer/store/price_kinds.ts';
import { folderSink } from '../bars/folder_sink.ts';
import { importBars } from '../bars/import.ts';
import { storeSink } from '../bars/store_sink.ts';
import type { Output } from '../output.ts';
import { parseInteger } from '../period.ts';
import { gatherFiles } from '../try/gather_files.ts';
import { pathInside } from '../../shared/path_name.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import { proposeCosts, proposePairs } from '../try/propose.ts';
import { folderNeighbors, refusalText, sayImported } from './bars_import.ts';
import { withStore } from './bars_store.ts';
import { runUp } from './up.ts';

const DAY_S = 86_400;
/** Days before the replay that the daemon gets at once, to warm its features up; longer than a holiday. */
const WARM_UP_DAYS = 14;
/** Which may be set for all programs; the rest belongs to another installation: its store, Redis, lease, keys. */
const KEPT_VARIABLES = /^MINUTEHAND_(TOKEN|TRAINER_TOKEN|PROGRESS|JOB|STORE_WAIT_MS|UMASK|ACTOR|TEST_.*)$/;

interface TryFlags {
  readonly home?: string;
  readonly days: string;
  readonly price: PriceKind;
  readonly withoutEdge?: true;
  readonly start: boolean;
}

export function addTry(program: Command, output: () => Output): void {
  program
    .command('try')
    .description(
      'Imports history of your own, trains on all but its last days, and replays those as a market at 60 times its pace, with daemon, trainer, dashboard and a paper account, by the same programs as a live market. ' +
        'It has a home of its own and no Redis: signals, models and fills are of the market "replay", which no live daemon or account takes.',
    )
    .argument(
      '[paths...]',
      'folders, their subfolders, zips and files of one-minute bars; none: go on with the last try',
    )
    .option('--home <folder>', 'where everything is written (default: the folder try in the home)')
    .option('--days <count>', 'last days of the history to replay', '14')
    .addOption(new Option('--price <kind>', 'price type of the bars').choices(PRICE_KINDS).default('bid'))
    .option('--without-edge', 'enter pairs without an edge too, on paper: sets require_edge to false in that home')
    .option('--no-start', 'only import and configure')
    .addHelpText('after', '\nExample:\n  minutehand try ~/Downloads/HISTDATA_COM_ASCII_*.zip')
    .action((paths: string[], flags: TryFlags) => runTry(paths, flags, output()));
}

async function runTry(paths: readonly string[], flags: TryFlags, output: Output): Promise<void> {
  const days = parseInteger(flags.days, '--days', 1);
  const home = resolve(flags.home ?? join(homePaths().home, 'try'));
  const isThere = existsSync(join(home, 'replay', REPLAY_FILE));
  const sources = paths.map((path) => resolve(path));
  if (paths.length === 0 && !isThere)
    throw new MinutehandError('USAGE', { seen: `no history in ${home}`, expected: 'minutehand try <folder or zip>' });
  if (paths.length > 0 && isThere)
    throw new MinutehandError('USAGE', {
      seen: `${home} has a history already`,
      expected: 'another --home, or no path to go on with it',
    });
  enterHome(home);
  if (!isThere)
    await prepare(sources, { days, price: flags.price, isEdgeOptional: flags.withoutEdge === true }, output);
  if (flags.start) await runUp({ paper: true }, output);
}

/** For this process and those that it starts. */
function enterHome(home: string): void {
  for (const name of Object.keys(process.env))
    if (name.startsWith('MINUTEHAND_') && !KEPT_VARIABLES.test(name)) delete process.env[name];
  process.env['MINUTEHAND_HOME'] = home;
  process.env['MINUTEHAND_CONFIG'] = join(home, 'config');
  process.env['MINUTEHAND_MARKET'] = 'replay';
}

interface TryPlan {
  readonly days: number;
  readonly price: PriceKind;
  readonly isEdgeOptional: boolean;
}

async function prepare(sources: readonly string[], plan: TryPlan, output: Output): Promise<void> {
  const { home, replay } = homePaths();
  const delivered = loadSettings({ configDir: join(packageRoot(), 'config') });
  const gathered = join(home, 'try', 'source');
  rmSync(gathered, { recursive: true, force: true });
  const files = gatherFiles(sources, gathered);
  output.print(`${files} files found; everything is written to ${home}.`);
  const bars = await readHistory(gathered, join(home, 'try', 'bars'), delivered, output);
  rmSync(gathered, { recursive: true });
  const pairs = proposePairs(bars, delivered.minutehand.pairs);
  if (pairs.length === 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no pair among ${[...bars.keys()].join(', ') || 'no symbol'}`,
      expected: 'bars of two symbols that move together, in the same hours',
      next: 'Give the history of a second symbol too, such as GBPUSD beside EURUSD.',
    });
  const symbols = [...new Set(pairs.flatMap((id) => [parsePair(id).a, parsePair(id).b]))];
  const from = cutOf(
    symbols.map((symbol) => bars.get(symbol)!),
    plan.days,
  );
  for (const id of pairs) output.print(`pair ${id}`);
  configure(join(home, 'config'), { symbols, pairs, plan, delivered }, output);
  await withStore(async (store) => {
    const sink = storeSink(store, 'replay', { source: sources.join(', ') });
    let added = 0;
    for (const symbol of symbols) {
      const into = sink.open(symbol);
      await into.put(clipBars(bars.get(symbol)!, undefined, from));
      added += (await into.finish()).added;
    }
    await sink.finished({ source: sources.join(', '), verdicts: '{}', added, replaced: 0, rejected: 0 });
    await keepPriceKind(store, 'replay', symbols, plan.price);
  });
  makeFolder(replay);
  const warm = (from - WARM_UP_DAYS * DAY_S) as OpenTime;
  for (const symbol of symbols)
    await writeBarFile(pathInside(replay, `${symbol}.csv.gz`), clipBars(bars.get(symbol)!, warm));
  const begin: ReplayPlan = { from: new Date(from * 1000).toISOString() };
  // Last: what is before it is done again where it was cut off.
  writeFileSync(join(replay, REPLAY_FILE), `${JSON.stringify(begin)}\n`);
  output.print(
    `Training gets what is before ${isoMinute(from).trim()}; the replay begins there. Prices are ${plan.price}.`,
  );
}

/** Imports what was gathered, as `bars import` does, with the same checks. */
async function readHistory(
  source: string,
  folder: string,
  { minutehand }: Settings,
  output: Output,
): Promise<Map<string, BarColumns>> {
  const progress = output.progress();
  const kept = (): string[] => ['No home was set up. The same command begins again.'];
  tellWhenInterrupted({ output, progress, kept });
  const { symbols, besides, skipped } = await importBars({
    source,
    into: await folderSink(folder),
    neighbors: folderNeighbors(folder, minutehand.pairs.map(parsePair)),
    names: symbolNames({ minutehand }),
    spreadBps: Object.fromEntries(
      Object.entries(minutehand.symbols).map(([name, { spread_bps }]) => [name, spread_bps]),
    ),
    onProgress: ({ done, total }) => progress.update('importing', done, total),
  });
  progress.stop();
  for (const file of besides) output.note(`${file}: no bars, a report on the file of that name; left out.`);
  for (const { file, code, seen } of skipped) output.note(`${file}: not imported. ${code}: ${seen}`);
  const bars = new Map<string, BarColumns>();
  for (const one of symbols) {
    sayImported(one, false, output);
    if (!one.imported) output.note(refusalText(one, new Set()));
    const path = await findBarFile(folder, one.symbol);
    if (one.imported && path !== null) bars.set(one.symbol, await readBarFile(path));
  }
  return bars;
}

/** Begin of the replay: the last days of what all symbols have. @throws MinutehandError DATA_MISSING */
function cutOf(bars: readonly BarColumns[], days: number): OpenTime {
  const end = Math.min(...bars.map(({ time, length }) => time[length - 1]!));
  const first = Math.max(...bars.map(({ time }) => time[0]!));
  const from = (Math.ceil((end - days * DAY_S) / DAY_S) * DAY_S) as OpenTime;
  if (from > first + DAY_S) return from;
  throw new MinutehandError('DATA_MISSING', {
    seen: `${Math.max(0, Math.round((end - first) / DAY_S))} days that all symbols have`,
    expected: `more than the ${days} days to replay`,
    next: 'Give a longer history, or less with --days.',
  });
}

interface Configuration {
  readonly symbols: readonly string[];
  readonly pairs: readonly string[];
  readonly plan: TryPlan;
  readonly delivered: Settings;
}

/** The delivered configuration with these pairs and costs, ports of its own, and without Redis. */
function configure(folder: string, { symbols, pairs, plan, delivered }: Configuration, output: Output): void {
  rmSync(folder, { recursive: true, force: true });
  cpSync(join(packageRoot(), 'config'), folder, { recursive: true });
  edit(join(folder, 'minutehand.yaml'), [
    [['market'], 'replay'],
    [['pairs'], pairs],
    [['instruments'], []],
    [['shards'], { main: 'all' }],
    [['search', 'trials'], 0],
    [['transports', 'redis', 'enabled'], 'off'],
    [['transports', 'daemon', 'port'], 0],
    [['transports', 'trainer', 'port'], 0],
    ...symbols.map((symbol): Change => {
      const { costs, isOfClass } = proposeCosts(symbol, delivered.minutehand.symbols, plan.price);
      const { spread_bps, commission_bps, slippage_bps } = costs;
      output.print(
        `costs of ${symbol}: spread ${spread_bps} bps, commission ${commission_bps}, slippage ${slippage_bps}${isOfClass ? ' (of its class; put in those of your broker)' : ''}`,
      );
      return [['symbols', symbol], costs];
    }),
  ]);
  if (plan.isEdgeOptional) edit(join(folder, 'core_policy.yaml'), [[['require_edge', 'value'], false]]);
}

type Change = readonly [path: readonly string[], value: unknown];

function edit(file: string, changes: readonly Change[]): void {
  const document = parseDocument(readFileSync(file, 'utf8'));
  for (const [path, value] of changes) document.setIn(path, value);
  writeFileSync(file, document.toString());
}
