import type { StrategyName } from '../../shared/strategies/registry.ts';
import type { StrategyCommands } from './strategy_commands.ts';
import { PAIR_REVERSION_COMMANDS } from './pair_reversion/commands.ts';
import { DIRECTION_COMMANDS } from './direction/commands.ts';

export const COMMANDS: Readonly<Record<StrategyName, StrategyCommands>> = {
  pair_reversion: PAIR_REVERSION_COMMANDS,
  direction: DIRECTION_COMMANDS,
};
