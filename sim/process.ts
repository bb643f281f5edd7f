import type { EpochMs } from '../shared/bar.ts';
import type { Clock, Rng, Scheduler } from '../shared/ports.ts';
import type { Timeline } from './timeline.ts';

/** Thrown by every port of a process that was killed, so that nothing it still does has an effect. */
export class Killed extends Error {
  constructor(name: string) {
    super(`${name} was killed`);
    this.name = 'Killed';
  }
}

/** One life of a simulated program: from its start to its end, its ports work; after that they throw. */
export interface SimulatedProcess {
  readonly name: string;
  readonly alive: boolean;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  /**
   * An effect of this process on the world outside it. When the kill falls on this very call, the effect has happened or not, or
   * `torn` has happened instead.
   * @throws Killed
   */
  call<T>(effect: () => T, torn?: () => void): T;
  /** Work of the world for this process: done at `timeMs` unless it is dead by then. */
  at(timeMs: number, work: () => void, inOrder?: boolean): () => void;
  kill(): void;
  /** Kills at the n-th call from now, counted from 0. */
  killAtCall(n: number): void;
  /** Told once, when the process ends. */
  onDeath(listener: () => void): void;
}

export interface ProcessOptions {
  readonly name: string;
  readonly timeline: Timeline;
  readonly rng: Rng;
  /** Wall-clock time of the machine. */
  wallMs(): number;
  /** How long a loop turn may take at most: what `afterTurn` waits. */
  readonly turnMs: number;
  /** An error that would have ended a real process: a defect. */
  onDefect(error: unknown): void;
}

/** Starts a process on the timeline of a world. */
export function startProcess(options: ProcessOptions): SimulatedProcess {
  const { name, timeline, rng, onDefect } = options;
  let alive = true;
  let callsUntilKill = Infinity;
  let lastTurnMs = 0;
  const listeners: (() => void)[] = [];

  function die(): void {
    if (!alive) return;
    alive = false;
    for (const listener of listeners.splice(0)) listener();
  }

  function mustLive(): void {
    if (!alive) throw new Killed(name);
  }

  function call<T>(effect: () => T, torn?: () => void): T {
    mustLive();
    if (callsUntilKill-- > 0) return effect();
    const moment = rng.integer(3);
    if (moment === 1 && torn !== undefined) torn();
    if (moment === 2) effect();
    die();
    throw new Killed(name);
  }

  function guarded(work: () => void): () => void {
    return () => {
      if (!alive) return;
      try {
        work();
      } catch (error) {
        if (!(error instanceof Killed)) onDefect(error);
      }
    };
  }

  const at = (timeMs: number, work: () => void, inOrder = false): (() => void) =>
    timeline.at(timeMs, guarded(work), inOrder);
  const scheduler: Scheduler = {
    afterTurn(work) {
      mustLive();
      // The turns of one event loop follow each other, and what is asked for first is done first.
      lastTurnMs = Math.max(lastTurnMs, timeline.nowMs + (options.turnMs === 0 ? 0 : rng.uniform() * options.turnMs));
      timeline.at(lastTurnMs, guarded(work), true);
    },
    after(ms, work) {
      mustLive();
      return at(timeline.nowMs + Math.max(1, ms), work);
    },
    every(ms, work) {
      mustLive();
      let cancel: () => void;
      const again = (): void => {
        cancel = at(timeline.nowMs + Math.max(1, ms), () => {
          again();
          work();
        });
      };
      again();
      return () => cancel();
    },
  };
  const clock: Clock = {
    nowMs() {
      mustLive();
      return Math.floor(options.wallMs()) as EpochMs;
    },
    monotonicUs() {
      mustLive();
      return timeline.nowMs * 1000;
    },
  };
  return {
    name,
    get alive() {
      return alive;
    },
    clock,
    scheduler,
    call,
    at,
    kill: die,
    killAtCall(n) {
      callsUntilKill = n;
    },
    onDeath: (listener) => void listeners.push(listener),
  };
}
