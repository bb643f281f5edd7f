import type { StrategyName } from '../../strategies/registry.ts';
import type { BundleShelf } from './bundle_shelf.ts';
import { PAIR_REVERSION_SHELF } from './pair_reversion_shelf.ts';
import { DIRECTION_SHELF } from './direction_shelf.ts';

export const SHELVES: Readonly<Record<StrategyName, BundleShelf>> = {
  pair_reversion: PAIR_REVERSION_SHELF,
  direction: DIRECTION_SHELF,
};
