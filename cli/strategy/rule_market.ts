import { directionFolder } from '../../shared/bundle/direction/active_direction.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import type { CostModel } from '../../shared/policy/costs.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { StrategySubject } from '../../shared/policy/strategy_file.ts';
import type { RuleMarket } from '../../trainer/jobs/kinds/rule_market.ts';
import { bundleByName } from '../bundle_name.ts';
import { parseCostBps } from '../cost_option.ts';
import { instantOf, parsePeriod, type PeriodFlags as Times } from '../period.ts';

/** Options that name what a rule is run on, and in which period. */
export interface RuleMarketFlags extends Times {
  readonly pair?: string;
  readonly symbol?: string;
  readonly data?: string;
  readonly series?: string;
  readonly costs: CostModel;
  readonly feeBps?: string;
  readonly slippageBps?: string;
  readonly direction?: string;
}

/**
 * The options as data.
 * @param kind what the file is written for
 * @throws MinutehandError USAGE, MODEL_MISSING
 */
export function ruleMarketOf(flags: RuleMarketFlags, kind: StrategySubject, { minutehand }: Settings): RuleMarket {
  const { from, to } = parsePeriod(flags);
  const { data, direction, feeBps, slippageBps } = flags;
  if (kind === 'pair' && flags.series !== undefined)
    throw new MinutehandError('USAGE', {
      seen: '--series with a pair',
      expected: 'no --series: a pair reads the folder `series` in --data, or those of this installation',
    });
  return {
    // Bars of files count as live ones.
    market: data === undefined ? minutehand.market : 'live',
    subject: subjectOf(flags, kind),
    window: { from: from === undefined ? null : instantOf(from), to: to === undefined ? null : instantOf(to) },
    source: { folder: data ?? null, series: kind === 'pair' ? null : (flags.series ?? null) },
    direction: direction === undefined ? null : bundleByName([directionFolder(homePaths().models)], direction),
    costs: {
      model: flags.costs,
      fee_bps: feeBps === undefined ? null : parseCostBps(feeBps, '--fee-bps'),
      slippage_bps: slippageBps === undefined ? null : parseCostBps(slippageBps, '--slippage-bps'),
    },
  };
}

/** @throws MinutehandError USAGE */
function subjectOf({ pair, symbol }: RuleMarketFlags, kind: StrategySubject): string {
  const given = kind === 'pair' ? pair : symbol;
  const other = kind === 'pair' ? symbol : pair;
  if (given !== undefined && other === undefined) return given;
  const named = [pair === undefined ? '' : `--pair ${pair}`, symbol === undefined ? '' : `--symbol ${symbol}`];
  throw new MinutehandError('USAGE', {
    seen: named.filter((text) => text !== '').join(' ') || 'neither --pair nor --symbol',
    expected:
      kind === 'pair'
        ? '--pair, such as XAUUSD_XAGUSD@1h: the file has subject: pair'
        : '--symbol, such as BTCUSDT@1h: the file has subject: instrument',
  });
}
