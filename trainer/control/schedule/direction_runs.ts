import type { RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { barSecondsOf, parseInstrument, timeframeOf, type Timeframe } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Retrainer } from './retrainer.ts';
import type { RunParameters } from './run.ts';
import { RunRound } from './run_round.ts';

/** Instruments of the configuration by their timeframe, the shortest first. */
export function configuredDirections({ minutehand }: Pick<Settings, 'minutehand'>): ReadonlyMap<Timeframe, string[]> {
  const instruments = minutehand.instruments.map(parseInstrument).sort((a, b) => barSecondsOf(a) - barSecondsOf(b));
  const found = new Map<Timeframe, string[]>();
  for (const instrument of instruments) {
    const timeframe = timeframeOf(barSecondsOf(instrument));
    found.set(timeframe, [...(found.get(timeframe) ?? []), instrument.a]);
  }
  return found;
}

/**
 * What a run of the direction model of a timeframe trains: the configured instruments.
 * @param timeframe may be absent where all instruments have the same one
 * @throws MinutehandError RETRAIN_KIND without such an instrument, or with several timeframes and none named
 */
export function directionParameters(settings: Pick<Settings, 'minutehand'>, timeframe?: string): RunParameters {
  const all = configuredDirections(settings);
  const names = [...all.keys()];
  const chosen = names.find((name) => name === timeframe) ?? (timeframe === undefined ? names[0] : undefined);
  const isClear = timeframe !== undefined || names.length === 1;
  if (chosen !== undefined && isClear) return { symbols: all.get(chosen)!, timeframe: chosen };
  throw new MinutehandError('RETRAIN_KIND', {
    seen: `kind=direction${timeframe === undefined ? '' : ` of the timeframe ${timeframe.slice(0, 20)}`}`,
    expected:
      names.length === 0
        ? 'instruments in config/minutehand.yaml'
        : `a timeframe of the instruments: ${names.join(', ')}`,
    next:
      names.length === 0
        ? 'Add instruments such as BTCUSDT@1h, or name symbol and timeframe: POST /api/ml-training/train.'
        : `Send ?kind=direction&timeframe=${names[0]}.`,
  });
}

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
