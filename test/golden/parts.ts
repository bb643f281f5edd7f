import { COMMAND_PARTS } from './command_part.ts';
import { DECISION_PARTS } from './decision_parts.ts';
import { DIRECTION_PARTS } from './direction_part.ts';
import { HOME_PARTS } from './home_parts.ts';
import type { GoldenPart } from './part.ts';
import { REAL_PARTS } from './real_part.ts';
import { TRAINING_PARTS } from './training_parts.ts';

/** In the order of the chain: the first that differs is the one to look at. */
export const PARTS: readonly GoldenPart[] = [
  ...TRAINING_PARTS,
  ...DIRECTION_PARTS,
  ...DECISION_PARTS,
  ...HOME_PARTS,
  ...COMMAND_PARTS,
  ...REAL_PARTS,
];
