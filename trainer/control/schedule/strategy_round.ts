import type { Settings } from '../../../shared/policy/policy.ts';
import type { RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import type { StrategyTraining } from '../../jobs/strategies/strategy_training.ts';
import type { Retrainer } from './retrainer.ts';
import { RunRound } from './run_round.ts';

/**
 * Trains the models of all slots of a strategy, one after the other.
 * @param print told what is skipped
 */
export class StrategyRound {
  readonly #round: RunRound;
  readonly #training: StrategyTraining;
  readonly #settings: Pick<Settings, 'minutehand'>;

  constructor(
    training: StrategyTraining,
    retrainer: Pick<Retrainer, 'startOrWait' | 'runs'>,
    settings: Pick<Settings, 'minutehand' | 'retrain'>,
    print: (line: string) => void,
    lookMs?: number,
  ) {
    const [kind] = training.runs;
    this.#round = new RunRound(retrainer, kind, settings.retrain, print, lookMs);
    this.#training = training;
    this.#settings = settings;
  }

  /** Resolves when the last one has ended, or the round was stopped. */
  async begin(trigger: RunTrigger): Promise<void> {
    await this.#round.begin(trigger, this.#training.roundOf(this.#settings));
  }

  stop(): void {
    this.#round.stop();
  }
}
