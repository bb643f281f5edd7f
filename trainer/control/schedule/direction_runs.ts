import type { RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Retrainer } from './retrainer.ts';
import { configuredDirections, directionParameters } from '../../jobs/strategies/direction/training.ts';
import { RunRound } from './run_round.ts';

/**
 * Trains the direction models of all configured timeframes, one after the other.
 * @param print told what is skipped
 */
export class DirectionRound {
  readonly #round: RunRound;
  readonly #settings: Pick<Settings, 'minutehand'>;

  constructor(
    retrainer: Pick<Retrainer, 'startOrWait' | 'runs'>,
    settings: Pick<Settings, 'minutehand' | 'retrain'>,
    print: (line: string) => void,
    lookMs?: number,
  ) {
    this.#round = new RunRound(retrainer, 'direction', settings.retrain, print, lookMs);
    this.#settings = settings;
  }

  /** Resolves when the last one has ended, or the round was stopped. */
  async begin(trigger: RunTrigger): Promise<void> {
    const timeframes = [...configuredDirections(this.#settings).keys()];
    const wanted = timeframes.map((timeframe) => directionParameters(this.#settings, timeframe));
    await this.#round.begin(trigger, wanted);
  }

  stop(): void {
    this.#round.stop();
  }
}
