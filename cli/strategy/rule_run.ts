import type { Command } from 'commander';
import { loadSettings } from '../../shared/policy/policy.ts';
import { strategyReadsProbabilities, type FormulaStrategy } from '../../shared/policy/strategy_file.ts';
import { refuseMissingDirection } from '../../trainer/jobs/kinds/missing_direction.ts';
import { readRuleSubject, type RuleBars } from '../../trainer/jobs/kinds/read_rule_subject.ts';
import { costsOption } from '../costs_option.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output } from '../output.ts';
import { ruleMarketOf, type RuleMarketFlags } from './rule_market.ts';

export type PeriodFlags = RuleMarketFlags;

export function addSubjectOptions(command: Command): Command {
  return command
    .option('--pair <id>', 'of a file for pairs, such as XAUUSD_XAGUSD@1h')
    .option('--symbol <id>', 'of a file for instruments, such as BTCUSDT@1h')
    .option('--data <folder>', 'folder of SYMBOL.csv[.gz] (default: the bars of this installation)')
    .option(
      '--series <folder>',
      'of an instrument: folder of auxiliary series (default: `series` in the data folder, or those of this installation)',
    )
    .option(
      '--direction <bundle>',
      'of an instrument: version or folder of the direction model whose answers the formulas read as ML_UP_PROB, ML_DOWN_PROB and ML_RANGE_PROB; they are missing before the end of its training',
    )
    .option('--from <day>', 'first UTC day or minute to decide on; bars before it warm the formulas')
    .option('--to <day>', 'UTC day or minute of the end')
    .addOption(costsOption())
    .option('--fee-bps <x>', 'of an instrument: fee per fill (default: the configured costs, else 5)')
    .option('--slippage-bps <x>', 'of an instrument: slippage per fill (default: the configured costs, else 1)');
}

export async function readSubject(flags: PeriodFlags, strategy: FormulaStrategy, output: Output): Promise<RuleBars> {
  const settings = loadSettings();
  const market = ruleMarketOf(flags, strategy.subject, settings);
  refuseMissingDirection('a rule', strategyReadsProbabilities(strategy), market);
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was written.'] });
  try {
    const onRead = (done: number, total: number): void => progress.update('reading bars', done, total);
    return await readRuleSubject(market, strategy.subject, settings, onRead, (text) => output.note(text));
  } finally {
    progress.stop();
  }
}
