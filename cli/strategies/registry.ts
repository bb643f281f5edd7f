import type { HomePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { ShelfName } from '../../shared/bundle/shelf_name.ts';
import { ALL_SHELVES } from '../../shared/bundle/shelves/registry.ts';
import type { CheckResult } from '../check_result.ts';
import type { StrategyName } from '../strategy_option.ts';
import { DIRECTION_COMMANDS } from './direction/commands.ts';
import { PAIR_COMMANDS } from './pair_reversion/commands.ts';
import type { StrategyCommands } from './strategy_commands.ts';

/** What commands ask of each strategy, by the shelf of its bundles. */
const COMMANDS: Readonly<Record<ShelfName, StrategyCommands>> = {
  pairs: PAIR_COMMANDS,
  direction: DIRECTION_COMMANDS,
};

export const ALL_COMMANDS: readonly StrategyCommands[] = Object.values(COMMANDS);

export function commandsOfShelf(name: ShelfName): StrategyCommands {
  return COMMANDS[name];
}

export function commandsOfStrategy(strategy: StrategyName): StrategyCommands {
  return COMMANDS[ALL_SHELVES.find((shelf) => shelf.strategy === strategy)!.name];
}

/** Loads the active models of every strategy as a daemon of this program does. */
export async function checkActiveModels(settings: Settings, paths: HomePaths): Promise<CheckResult[]> {
  const checked: CheckResult[] = [];
  for (const own of ALL_COMMANDS) checked.push(...(await own.checkActive(settings, paths)));
  return checked;
}
