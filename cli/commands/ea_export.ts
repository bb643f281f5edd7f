import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Option, type Command } from 'commander';
import { counted } from '../../shared/counted.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { makeFolder } from '../../shared/folder.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { pathInside } from '../../shared/path_name.ts';
import { isoSecond } from '../../trainer/learning/strategies/pair_reversion/backtest/ledger.ts';
import {
  TESTER_VIEWS,
  testerSignals,
  type TesterSelection,
  type TesterSignals,
} from '../../trainer/learning/backtest/tester_signals.ts';
import type { Output } from '../output.ts';
import { refuseOptionsOf } from './ea_options.ts';
import { addPairsOption, configuredPairs, type PairsFlags } from '../pairs_option.ts';

interface ExportFlags {
  readonly out?: string;
  readonly view: TesterSelection['view'];
  readonly model?: string;
}

/** Where the expert advisor looks for it by default, below Common\Files. */
const FILE = 'tester_signals.csv';

/** `minutehand ea export-signals`, below the command `ea`. */
export function addExportSignals(ea: Command, output: () => Output): void {
  const command = ea
    .command('export-signals')
    .description(
      'writes a backtest’s trades as a file of signals that the MQL5 expert advisor replays in MetaTrader’s strategy tester, at the tester’s ticks, spreads and fills: ' +
        'docs/guides/METATRADER.md#in-the-strategy-tester',
    )
    .argument(
      '<backtest>',
      'a folder of `minutehand backtest --out`, its trades.csv, or the number of a backtest of the dashboard',
    )
    .addOption(
      new Option('--view <view>', 'edge_pairs: what was published; all_pairs: as if every pair had an edge')
        .choices(TESTER_VIEWS)
        .default('edge_pairs'),
    )
    .option('--model <version>', 'of a backtest of two bundles');
  addPairsOption(command, 'only these pairs of the backtest, comma-separated')
    .option(
      '--out <file>',
      `default: ${FILE} in the folder that the terminals share (MINUTEHAND_EXCHANGE), or in MINUTEHAND_HOME`,
    )
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand backtest --data ./m1 --from 2019-07-15 --out ./report\n  minutehand ea export-signals ./report\n  minutehand ea export-signals 12 --view all_pairs --out tester_signals.csv',
    )
    .action((backtest: string, flags: ExportFlags) => {
      refuseOptionsOf(ea, 'export-signals', ['pairs']);
      exportSignals(backtest, { ...flags, ...ea.opts<PairsFlags>() }, output());
    });
}

function exportSignals(backtest: string, flags: ExportFlags & PairsFlags, output: Output): void {
  const source = tradesFile(backtest);
  const pairs = flags.pairs === undefined ? undefined : configuredPairs(flags, loadSettings());
  const signals = testerSignals(readTrades(source), {
    view: flags.view,
    ...(flags.model === undefined ? {} : { model: flags.model }),
    ...(pairs === undefined ? {} : { pairs }),
  });
  // An empty file would only be found out in the terminal.
  if (signals.trades === 0) throw new MinutehandError('TESTER_EMPTY', emptyReason(signals, flags, source));
  const out = flags.out ?? defaultFile();
  const file = openOutputFile(out);
  try {
    file.write(signals.text);
  } catch (error) {
    file.discard();
    throw error;
  }
  file.close();
  output.line(
    `${counted(signals.trades, 'trade')} of ${signals.model} (${flags.view}) from ${isoSecond(signals.first!)} to ${isoSecond(signals.last!)}: ${signals.pairs.join(', ')}`,
  );
  if (flags.view === 'edge_pairs' && signals.unpublished > 0)
    output.line(`Without ${counted(signals.unpublished, 'trade')} that NO_EDGE prevented; --view all_pairs has them.`);
  if (flags.view === 'all_pairs')
    output.line('As if every pair had an edge: live, the pairs with NO_EDGE of this bundle publish no entry.');
  output.line(`Written: ${out}`);
  const { text: _text, ...told } = signals;
  output.result({ ...told, view: flags.view, source, file: out });
}

/** In a folder that may not be there yet. @throws MinutehandError HOME_UNUSABLE */
function defaultFile(): string {
  const folder = dirname(homePaths().signals);
  makeFolder(folder);
  return join(folder, FILE);
}

function emptyReason({ model, unpublished }: TesterSignals, { view, pairs }: ExportFlags & PairsFlags, source: string) {
  const where = `${model} in ${source}${pairs === undefined ? '' : ` for ${pairs.join(', ')}`}`;
  return view === 'edge_pairs' && unpublished > 0
    ? {
        seen: `no published trade of ${where}: every pair is NO_EDGE`,
        expected: `--view all_pairs for the ${counted(unpublished, 'trade')} that NO_EDGE prevented`,
      }
    : { seen: `no trade of ${where}` };
}

/** @throws MinutehandError BACKTEST_UNKNOWN */
function tradesFile(backtest: string): string {
  const isNumber = /^[1-9]\d{0,14}$/.test(backtest);
  const folder = isNumber ? pathInside(join(homePaths().home, 'backtests'), backtest) : backtest;
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined)
    throw new MinutehandError('BACKTEST_UNKNOWN', {
      seen: folder,
      expected: 'trades.csv of `minutehand backtest --out`, or the number of one of the last 50 of the dashboard',
    });
  return found.isDirectory() ? join(folder, 'trades.csv') : folder;
}

function readTrades(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MinutehandError('BACKTEST_UNKNOWN', { seen: path, cause });
  }
}
