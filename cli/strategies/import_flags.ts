import type { Timeframe } from '../../shared/pair.ts';
import type { ExperimentFlags } from '../experiment_job.ts';

/** Options of `models import`, as typed. */
export interface ImportFlags extends ExperimentFlags {
  readonly role: string;
  readonly learnedUntil: string;
  readonly preprocess?: string;
  readonly trials?: string;
  readonly out?: string;
  readonly cache: boolean;
  readonly requireGates?: boolean;
  readonly printJob?: boolean;
  readonly adopt?: boolean;
  readonly symbols?: string;
  readonly timeframe?: Timeframe;
  readonly series?: string;
  readonly peers?: string;
}
