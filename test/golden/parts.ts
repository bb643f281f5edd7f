import { API_PARTS } from './api_part.ts';
import { COMMAND_PARTS } from './command_part.ts';
import { DECISION_PARTS } from './decision_parts.ts';
import { RULE_PARTS } from './rule_part.ts';
import { LEAGUE_PARTS } from './league_part.ts';
import { DIRECTION_PARTS } from './direction_part.ts';
import { HOME_PARTS } from './home_parts.ts';
import type { GoldenPart } from './part.ts';
import { MONITOR_PARTS } from './monitor_part.ts';
import { EXPLAIN_PARTS } from './explain_part.ts';
import { REAL_PARTS } from './real_part.ts';
import { TRAINING_PARTS } from './training_parts.ts';

/** In the order of the chain: the first that differs is the one to look at. */
export const PARTS: readonly GoldenPart[] = [
  ...TRAINING_PARTS,
  ...DIRECTION_PARTS,
  ...LEAGUE_PARTS,
  ...RULE_PARTS,
  ...DECISION_PARTS,
  ...HOME_PARTS,
  ...EXPLAIN_PARTS,
  ...MONITOR_PARTS,
  ...API_PARTS,
  ...COMMAND_PARTS,
  ...REAL_PARTS,
];
