import type { RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { barSecondsOf, parseInstrument, timeframeOf, type Timeframe } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Retrainer } from './retrainer.ts';
import type { RunParameters } from './run.ts';

/** How often a round looks whether its run has ended. */
const LOOK_MS = 5000;

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
 * Trains the direction models of all configured timeframes, one after the other: one run of a kind can wait.
 * @param print told what is skipped
 */
export class DirectionRound {
  readonly #retrainer: Pick<Retrainer, 'startOrWait' | 'runs'>;
  readonly #settings: Pick<Settings, 'minutehand'>;
  readonly #print: (line: string) => void;
  readonly #lookMs: number;
  #isBusy = false;
  #stopped = false;
  #wake: (() => void) | null = null;

  constructor(
    retrainer: Pick<Retrainer, 'startOrWait' | 'runs'>,
    settings: Pick<Settings, 'minutehand'>,
    print: (line: string) => void,
    lookMs = LOOK_MS,
  ) {
    this.#retrainer = retrainer;
    this.#settings = settings;
    this.#print = print;
    this.#lookMs = lookMs;
  }

  /** Resolves when the last one has ended, or the round was stopped. */
  async begin(trigger: RunTrigger): Promise<void> {
    const timeframes = [...configuredDirections(this.#settings).keys()];
    if (timeframes.length === 0)
      return this.#print(`Retraining (${triggerText(trigger)}) is skipped: there are no instruments.`);
    if (this.#isBusy)
      return this.#print(`Retraining (${triggerText(trigger)}) is skipped: the last round has not ended.`);
    this.#isBusy = true;
    try {
      for (const timeframe of timeframes) await this.#train(trigger, timeframe);
    } finally {
      this.#isBusy = false;
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  async #train(trigger: RunTrigger, timeframe: Timeframe): Promise<void> {
    const before = this.#newest();
    const parameters = directionParameters(this.#settings, timeframe);
    // A direction model that someone asked for is trained first.
    while (!this.#stopped && !(await this.#retrainer.startOrWait({ kind: 'direction', trigger, parameters })))
      await this.#pause();
    while (!this.#stopped && !this.#hasEnded(before)) await this.#pause();
  }

  #newest(): number {
    return Math.max(0, ...this.#retrainer.runs().map(({ run_id }) => run_id));
  }

  #hasEnded(before: number): boolean {
    const newer = this.#retrainer.runs().filter(({ kind, run_id }) => kind === 'direction' && run_id > before);
    return newer.length > 0 && newer.every(({ status }) => status !== 'running');
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#lookMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
