import type { Command } from 'commander';
import { shelfOfFolder, shelfOfSlot } from '../../shared/bundle/shelves/registry.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { costsOption } from '../costs_option.ts';
import type { Output } from '../output.ts';
import { addPairsOption } from '../pairs_option.ts';
import { commandsOfShelf, commandsOfStrategy } from '../strategies/registry.ts';
import type { BacktestFlags, StrategyCommands } from '../strategies/strategy_commands.ts';
import { backtestStrategyOption } from '../strategy_option.ts';
import { applyMarket, marketOption } from './processes.ts';

export function addBacktest(program: Command, output: () => Output): void {
  const backtest = program
    .command('backtest')
    .description(
      'Runs bars through the daemon’s features, models, decision and position, fills at the opens of the next bars, and takes spread, commission, slippage and ' +
        'overnight swaps from every trade. all_pairs: as if every pair had an edge; edge_pairs: with NO_EDGE as the bundle has it. With --models twice, the ' +
        'first bundle (champion) and the second (challenger) decide on the same bars. An edge is claimed at the level that is left of 5 % over all evaluations of the holdout, the same bars: each backtest ' +
        'with other trades counts as one, as trainings, scans and searches of θ2 do.',
    )
    .option('--data <folder>', 'folder of SYMBOL.csv[.gz] (default: the bars of this installation)')
    .option(
      '--models <folder>',
      'a bundle, or a folder of bundles (then the active one, else the newest); default: the models folder of this installation',
      (folder: string, before: string[] | undefined) => [...(before ?? []), folder],
    )
    .addOption(backtestStrategyOption())
    .addOption(marketOption())
    .option('--from <day>', 'first UTC day or minute to decide on; up to 14 days before it are the warm-up')
    .option('--to <day>', 'UTC day or minute of the end');
  addPairsOption(backtest, 'only these pairs, comma-separated (default: all configured pairs with bars)')
    .option('--theta1 <x>', 'return_prob must be above it (default: the bundle’s)')
    .option('--theta2 <x>', 'risk_score must be below it (default: the bundle’s)')
    .addOption(costsOption())
    .option('--cost-table', 'also compare both cost models, with and without no_entry_windows')
    .option('--workers <n>', 'worker threads (default: one for each core); affects speed only, not results')
    .option('--out <folder>', 'folder for trades.csv, equity.csv and report.html')
    .option('--print-job', 'run nothing: print these options as a job, for `minutehand job run`')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand backtest --data ./m1 --from 2019-07-15 --out ./report\n  minutehand backtest --data ./m1 --models ./models/20261101_0300 --models ./models/20261201_0300 --json',
    )
    .action((flags: BacktestFlags) => runBacktest(flags, output()));
}

async function runBacktest(flags: BacktestFlags, output: Output): Promise<void> {
  if (flags.market !== undefined && flags.data !== undefined)
    throw new MinutehandError('USAGE', {
      seen: `--market ${flags.market} with --data`,
      expected: '--market alone: bars of files count as live ones',
    });
  applyMarket(flags.market);
  const own = strategyOf(flags);
  if (own.backtest === undefined)
    throw new MinutehandError('USAGE', {
      seen: `a backtest of bundles of ${own.subjects}`,
      expected: 'a strategy that has one',
      next: '`minutehand replay --data <folder> --models <bundle>` writes the signals that it gives on these bars.',
    });
  await own.backtest(flags, output);
}

/**
 * The strategy that is asked for: that of the bundles, or the named one where no bundle is.
 * @throws MinutehandError USAGE where strategy and bundle disagree
 */
function strategyOf({ models = [], strategy }: BacktestFlags): StrategyCommands {
  // A folder that no other shelf knows is of pairs: it may be one of bundles as well.
  const pairs = shelfOfSlot('pairs');
  const shelf = models.map(shelfOfFolder).find((own) => own !== pairs) ?? pairs;
  if (strategy === undefined || strategy === shelf.strategy) return commandsOfShelf(shelf.name);
  const asked = commandsOfStrategy(strategy);
  if (models.length === 0) return asked;
  throw new MinutehandError('USAGE', {
    seen: `--strategy ${strategy} with --models ${models.join(' ')}`,
    expected: `a bundle of ${asked.subjects}`,
  });
}
