import type { ScoringEngine } from '../shared/bundle/scoring_engine.ts';
import type { TrainEngine } from '../shared/policy/engines.ts';

/** An engine whose models a chain trains and has the daemon serve. */
export interface ChainEngine {
  readonly engine: TrainEngine;
  /** Of the configuration. */
  readonly train: object;
  readonly env: NodeJS.ProcessEnv;
  /** Why it cannot be trained here; empty: it can. */
  readonly note: string;
  /** What scores its models in the daemon. */
  readonly server: ScoringEngine;
}
