import type { HomePaths } from '../../shared/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { ShelfName, StrategyName } from '../../shared/strategies/registry.ts';
import type { CheckResult } from '../check_result.ts';
import { COMMANDS } from './commands.ts';
import type { StrategyCommands } from './strategy_commands.ts';

/** What commands ask of each strategy. */
export const ALL_COMMANDS: readonly StrategyCommands[] = Object.values(COMMANDS);

export function commandsOfShelf(name: ShelfName): StrategyCommands {
  return ALL_COMMANDS.find(({ shelf }) => shelf === name)!;
}

export function commandsOfStrategy(strategy: StrategyName): StrategyCommands {
  return COMMANDS[strategy];
}

/** Loads the active models of every strategy as a daemon of this program does. */
export async function checkActiveModels(settings: Settings, paths: HomePaths): Promise<CheckResult[]> {
  const checked: CheckResult[] = [];
  for (const own of ALL_COMMANDS) checked.push(...(await own.checkActive(settings, paths)));
  return checked;
}
