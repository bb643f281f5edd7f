import type { Clock } from '../../shared/ports.ts';
import { byTransport, type TransportName } from './transports.ts';

/** Microseconds spent in each station for one batch. */
export interface BatchTiming {
  readonly signals: number;
  readonly features_us: number;
  readonly infer_us: number;
  readonly decide_us: number;
  readonly publish_us: number;
  readonly file_us: number;
  /** Of the shadow set, after the files. */
  readonly shadow_us: number;
  readonly journal_us: number;
  /** From the arrival of the batch's first completing bar until WebSocket and Redis have the signals. */
  readonly bar_to_signal_us: number;
  /** The same until each transport has all signals; null for a transport that is off. */
  readonly bar_to_us: Readonly<Record<TransportName, number | null>>;
}

export const STATIONS = ['features', 'infer', 'decide', 'publish', 'file', 'shadow', 'journal'] as const;
export type Station = (typeof STATIONS)[number];

const NOT_HANDED: BatchTiming['bar_to_us'] = byTransport(() => null);

/** Times one batch at a time. */
export class Stopwatch {
  readonly #clock: Clock;
  readonly #took: Record<Station, number> = {
    features: 0,
    infer: 0,
    decide: 0,
    publish: 0,
    file: 0,
    shadow: 0,
    journal: 0,
  };
  #arrivedUs = 0;
  #lapUs = 0;
  #publishedUs = 0;
  #handedUs = { ...NOT_HANDED };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A station begins here that none ended before. */
  start(): void {
    this.#lapUs = this.#clock.monotonicUs();
  }

  /** A station ends here, and the next one begins. @returns microseconds */
  lap(station: Station): number {
    this.#took[station] = 0;
    this.add(station);
    return this.#took[station];
  }

  /** As `lap`, for a station that comes several times in a batch. */
  add(station: Station): void {
    const nowUs = this.#clock.monotonicUs();
    this.#took[station] += nowUs - this.#lapUs;
    this.#lapUs = nowUs;
    if (station === 'publish') this.#publishedUs = nowUs;
  }

  /** The batch is to be published; its first bar arrived at that time. */
  arrived(arrivedUs: number): void {
    this.#arrivedUs = arrivedUs;
    this.#handedUs = { ...NOT_HANDED };
    this.#took.decide = 0;
    this.#took.publish = 0;
  }

  /** A transport has all signals. */
  handed(name: TransportName): void {
    this.#handedUs[name] = this.#clock.monotonicUs() - this.#arrivedUs;
  }

  timing(signals: number): BatchTiming {
    const { features, infer, decide, publish, file, shadow, journal } = this.#took;
    return {
      signals,
      features_us: features,
      infer_us: infer,
      decide_us: decide,
      publish_us: publish,
      file_us: file,
      shadow_us: shadow,
      journal_us: journal,
      bar_to_signal_us: this.#publishedUs - this.#arrivedUs,
      bar_to_us: this.#handedUs,
    };
  }
}
