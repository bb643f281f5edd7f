import { isSighting, type Sighting } from './sightings.ts';
import type { Timeline } from './timeline.ts';
import type { WorldClock } from './world_clock.ts';

export interface Violation {
  readonly atMs: number;
  readonly rule: string;
  readonly what: string;
}

/** Events of a world: its trace, the rules that were broken, and the interesting states that were reached. */
export class Chronicle {
  readonly violations: Violation[] = [];
  readonly sightings = new Set<Sighting>();
  readonly #timeline: Timeline;
  readonly #clock: WorldClock;
  readonly #onLine: ((line: string) => void) | null;

  /** @param onLine null: the trace is not used */
  constructor(timeline: Timeline, clock: WorldClock, onLine: ((line: string) => void) | null) {
    this.#timeline = timeline;
    this.#clock = clock;
    this.#onLine = onLine;
  }

  readonly trace = (line: () => string): void => {
    this.#onLine?.(`${new Date(this.#clock.trueMs()).toISOString().slice(11, 23)} ${line()}`);
  };

  readonly violate = (rule: string, what: string): void => {
    this.violations.push({ atMs: this.#timeline.nowMs, rule, what });
    this.trace(() => `VIOLATION ${rule}: ${what}`);
  };

  /** Names that are no sighting are left out. */
  readonly see = (name: string): void => {
    if (isSighting(name)) this.sightings.add(name);
  };
}
