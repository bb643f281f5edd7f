import { isSighting, type Sighting } from './sightings.ts';
import type { Timeline } from './timeline.ts';
import type { WorldClock } from './world_clock.ts';

export interface Violation {
  readonly atMs: number;
  readonly rule: string;
  readonly what: string;
}

/** Records a world's events: the trace, the violated rules, and the coverage states reached. */
export class Chronicle {
  readonly violations: Violation[] = [];
  readonly sightings = new Set<Sighting>();
  readonly #timeline: Timeline;
  readonly #clock: WorldClock;
  readonly #onLine: ((line: string) => void) | null;

  /** @param onLine null: no trace */
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

  /** Names that are not in the list of sightings are ignored. */
  readonly see = (name: string): void => {
    if (isSighting(name)) this.sightings.add(name);
  };
}
