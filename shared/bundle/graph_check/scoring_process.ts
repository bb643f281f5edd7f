import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { InTurn } from '../../in_turn.ts';
import { MinutehandError } from '../../errors.ts';
import { usableMemoryBytes } from '../../process/memory.ts';
import { packageRoot } from '../../root.ts';
import { outsideEnvironment } from '../../secrets.ts';
import type { RowShape } from '../scorer.ts';
import type { ScoringAnswer, ScoringRequest } from './scoring_program.ts';

/** The compiled program, so that sources and built code start the same children. */
const PROGRAM = 'dist/shared/bundle/graph_check/scoring_program.js';
const MIB = 2 ** 20;
/** Of a model that answers within milliseconds, with a large batch. */
const MOST_MEMORY_BYTES = 2048 * MIB;
/** Opening a graph, or one call with all its batches. */
const LONGEST_MS = 120_000;
const SHOWN = 400;
/** First word of the last line of a process that takes too much memory (`scoring_program.ts`). */
const OVER_MEMORY = /OVER_MEMORY (\d+)/;

export interface ScoringLimits {
  /** Resident memory of the child: at most half of what this process may use, as the program of a learner. */
  readonly memoryBytes: number;
  readonly timeMs: number;
}

export function scoringLimits(): ScoringLimits {
  return { memoryBytes: Math.min(MOST_MEMORY_BYTES, Math.floor(usableMemoryBytes() / 2)), timeMs: LONGEST_MS };
}

/**
 * A child process in which graphs of other programs run: a graph that takes too much memory or time ends the child,
 * not this process. Requests are answered one after the other. It keeps no process alive, and ends with this one.
 */
export class ScoringProcess {
  readonly #limits: ScoringLimits;
  readonly #child: ChildProcess;
  #opened = 0;
  /** Graphs that are not closed. */
  readonly #openIds = new Set<number>();
  readonly #turn = new InTurn(null);
  #lastWords = '';
  #end: MinutehandError | null = null;

  constructor(limits: ScoringLimits = scoringLimits()) {
    this.#limits = limits;
    // A process group of its own: Ctrl-C in a terminal reaches this process alone, which says what was kept.
    this.#child = spawn(process.execPath, [join(packageRoot(), PROGRAM), `${limits.memoryBytes}`], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // What a graph of another program makes onnxruntime do happens without any key.
      env: outsideEnvironment(),
      serialization: 'advanced',
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    this.#child.stderr!.on('data', (data: Buffer) => {
      this.#lastWords = (this.#lastWords + data.toString('utf8')).slice(-4 * SHOWN);
    });
    this.#child.on('error', (error) => (this.#end ??= ended(error.message)));
    // Its last words have come by then.
    this.#child.on('close', (code, signal) => (this.#end ??= this.#reason(signal ?? `code ${code}`)));
    this.#hold(false);
  }

  /** Whether it answers. */
  get isRunning(): boolean {
    return this.#end === null;
  }

  /** @returns the number of the graph for `run` @throws MinutehandError MODEL_LOAD, MODEL_LIMITS */
  async open(bytes: Uint8Array, shape: RowShape): Promise<number> {
    const id = ++this.#opened;
    await this.#ask({ kind: 'open', id, bytes, shape });
    this.#openIds.add(id);
    return id;
  }

  /**
   * @param values of all batches, one after the other
   * @param batches rows of each
   * @returns the answers by rows
   * @throws MinutehandError MODEL_LOAD, MODEL_LIMITS
   */
  async run(id: number, values: Float32Array, batches: readonly number[]): Promise<Float32Array> {
    const answer = await this.#ask({ kind: 'run', id, values, batches });
    return 'answers' in answer ? answer.answers : new Float32Array(0);
  }

  /** Closes a graph. */
  async close(id: number): Promise<void> {
    this.#openIds.delete(id);
    if (this.isRunning) await this.#ask({ kind: 'close', id });
  }

  async closeAll(): Promise<void> {
    for (const id of [...this.#openIds]) await this.close(id);
  }

  end(): void {
    this.#end ??= ended('it is no longer needed');
    this.#child.kill('SIGKILL');
  }

  #ask(request: ScoringRequest): Promise<ScoringAnswer> {
    return this.#turn.own(() => this.#answered(request));
  }

  #answered(request: ScoringRequest): Promise<ScoringAnswer> {
    const child = this.#child;
    const { timeMs } = this.#limits;
    return new Promise((resolve, reject) => {
      if (this.#end !== null) return reject(this.#end);
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        child.off('message', onMessage).off('close', onEnd).off('error', onEnd);
        this.#hold(false);
        act();
      };
      const onMessage = (answer: ScoringAnswer): void =>
        settle(() => {
          if ('refusal' in answer) reject(new MinutehandError(answer.refusal.code, answer.refusal.detail));
          else resolve(answer);
        });
      const onEnd = (): void => settle(() => reject(this.#end!));
      const timer = setTimeout(() => {
        this.#end = new MinutehandError('MODEL_LIMITS', {
          seen: `no answer within ${timeMs / 1000} s`,
          expected: `at most ${timeMs / 1000} s for a call`,
        });
        child.kill('SIGKILL');
      }, timeMs);
      child.on('message', onMessage).on('close', onEnd).on('error', onEnd);
      this.#hold(true);
      // A child that is gone says so by its end.
      child.send(request, () => undefined);
    });
  }

  /** Whether this process stays alive for the child. */
  #hold(isHeld: boolean): void {
    const parts = [this.#child, this.#child.stderr, this.#child.channel] as unknown as ({
      ref?(): void;
      unref?(): void;
    } | null)[];
    for (const part of parts) {
      if (isHeld) part?.ref?.();
      else part?.unref?.();
    }
  }

  #reason(how: string): MinutehandError {
    const used = OVER_MEMORY.exec(this.#lastWords)?.[1];
    if (used === undefined) return ended(`${how} ${this.#lastWords.trim().slice(-SHOWN)}`.trim());
    return new MinutehandError('MODEL_LIMITS', {
      seen: `${Math.round(Number(used) / MIB)} MB of memory`,
      expected: `at most ${Math.round(this.#limits.memoryBytes / MIB)} MB`,
    });
  }
}

function ended(how: string): MinutehandError {
  return new MinutehandError('MODEL_LOAD', { seen: `the process that scores it ended: ${how}` });
}
