import type { EpochMs } from '../shared/bar.ts';
import type { Clock, Rng, Scheduler } from '../shared/ports.ts';
import type { Timeline } from './timeline.ts';

/** Thrown by every port of a killed process, so that it has no further effect. */
export class Killed extends Error {
  constructor(name: string) {
    super(`${name} was killed`);
    this.name = 'Killed';
  }
}

/** Includes the stack where there is one. */
export function describeDefect(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** One run of a simulated program. Its ports work until it ends, then they throw. */
export interface SimulatedProcess {
  readonly name: string;
  readonly alive: boolean;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /**
   * Performs an effect on the outside world. If the kill falls on this call, the effect has happened, has not happened,
   * or `torn` has happened instead.
   * @throws Killed
   */
  call<T>(effect: () => T, torn?: () => void): T;
  /** External work for this process, done at `timeMs` if the process still runs. */
  at(timeMs: number, work: () => void, inOrder?: boolean): () => void;
  kill(): void;
  /** Kills the process at the n-th call from now, counted from 0. */
  killAtCall(n: number): void;
  /** Called once, when the process ends. */
  onDeath(listener: () => void): void;
}

export interface ProcessOptions {
  readonly name: string;
  readonly timeline: Timeline;
  readonly rng: Rng;
  /** Wall-clock time of the machine. */
  wallMs(): number;
  /** Maximum duration of a loop turn: the delay of `afterTurn`. */
  readonly turnMs: number;
  /** An error that would have crashed a real process: a defect. */
  onDefect(error: unknown): void;
}

/** Starts a process on the timeline of a world. */
export function startProcess(options: ProcessOptions): SimulatedProcess {
  return new Life(options);
}

class Life implements SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly #options: ProcessOptions;
  readonly #deathListeners: (() => void)[] = [];
  #alive = true;
  #callsUntilKill = Infinity;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
    this.clock = this.#openClock();
    this.scheduler = new ProcessScheduler(this, options);
  }

  get alive(): boolean {
    return this.#alive;
  }

  #openClock(): Clock {
    const { timeline, wallMs } = this.#options;
    return {
      nowMs: () => {
        this.mustLive();
        return Math.floor(wallMs()) as EpochMs;
      },
      monotonicUs: () => {
        this.mustLive();
        return timeline.nowMs * 1000;
      },
    };
  }

  /** @throws Killed */
  mustLive(): void {
    if (!this.#alive) throw new Killed(this.name);
  }

  call<T>(effect: () => T, torn?: () => void): T {
    this.mustLive();
    if (this.#callsUntilKill-- > 0) return effect();
    const moment = this.#options.rng.integer(3);
    if (moment === 1 && torn !== undefined) torn();
    if (moment === 2) effect();
    this.kill();
    throw new Killed(this.name);
  }

  /** Wraps `work` to do nothing once the process is dead. */
  guarded(work: () => void): () => void {
    return () => {
      if (!this.#alive) return;
      try {
        work();
      } catch (error) {
        if (!(error instanceof Killed)) this.#options.onDefect(error);
      }
    };
  }

  at(timeMs: number, work: () => void, inOrder = false): () => void {
    return this.#options.timeline.at(timeMs, this.guarded(work), inOrder);
  }

  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const listener of this.#deathListeners.splice(0)) listener();
  }

  killAtCall(n: number): void {
    this.#callsUntilKill = n;
  }

  onDeath(listener: () => void): void {
    this.#deathListeners.push(listener);
  }
}

/** The event loop of a process. */
class ProcessScheduler implements Scheduler {
  readonly #life: Life;
  readonly #timeline: Timeline;
  readonly #rng: Rng;
  readonly #turnMs: number;
  #lastTurnMs = 0;

  constructor(life: Life, { timeline, rng, turnMs }: ProcessOptions) {
    this.#life = life;
    this.#timeline = timeline;
    this.#rng = rng;
    this.#turnMs = turnMs;
  }

  afterTurn(work: () => void): void {
    this.#life.mustLive();
    // Turns of one event loop run sequentially, in order of request.
    const turnMs = this.#turnMs === 0 ? 0 : this.#rng.uniform() * this.#turnMs;
    this.#lastTurnMs = Math.max(this.#lastTurnMs, this.#timeline.nowMs + turnMs);
    this.#timeline.at(this.#lastTurnMs, this.#life.guarded(work), true);
  }

  after(ms: number, work: () => void): () => void {
    this.#life.mustLive();
    return this.#life.at(this.#timeline.nowMs + Math.max(1, ms), work);
  }

  every(ms: number, work: () => void): () => void {
    this.#life.mustLive();
    let cancel: () => void;
    const again = (): void => {
      cancel = this.#life.at(this.#timeline.nowMs + Math.max(1, ms), () => {
        again();
        work();
      });
    };
    again();
    return () => cancel();
  }
}
