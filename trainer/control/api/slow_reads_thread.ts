import { MinutehandError } from '../../../shared/errors.ts';
import { plainPaths, type HomePaths } from '../../../shared/home.ts';
import { InTurn } from '../../../shared/in_turn.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openTaskThreads, type TaskThreads } from '../../learning/threads/thread_tasks.ts';
import { openSlowReads, type SlowRead, type SlowReads } from './slow_reads.ts';

const PROGRAM = new URL('./slow_reads_worker.js', import.meta.url);
/** The slowest of them takes seconds. */
const MOST = 32;

/** Has a thread answer slow questions, one after the other, so that the event loop of the API stays free. */
export class SlowReadThread {
  readonly #open: () => TaskThreads<SlowRead, unknown>;
  /** Answers where there is no thread. */
  readonly #here: ReturnType<typeof openSlowReads>;
  readonly #turns = new InTurn({ most: MOST, what: 'questions' });
  #thread: TaskThreads<SlowRead, unknown> | null = null;

  constructor(settings: Settings, paths: HomePaths) {
    const place = { settings, paths: plainPaths(paths) };
    this.#here = openSlowReads(place);
    this.#open = () => openTaskThreads(1, PROGRAM, this.#here.answer, place);
  }

  /**
   * @param left aborted when nobody waits for the answer
   * @throws MinutehandError REQUESTS_TOO_MANY; as the method of `SlowReads`; the reason of `left`
   */
  async ask<Name extends keyof SlowReads>(
    name: Name,
    asked: Parameters<SlowReads[Name]>[0],
    left?: AbortSignal,
  ): Promise<Awaited<ReturnType<SlowReads[Name]>>> {
    return (await this.#turns.run(() => this.#ask({ name, asked } as SlowRead), left)) as Awaited<
      ReturnType<SlowReads[Name]>
    >;
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    this.#thread = null;
    await thread?.close();
    await this.#here.close();
  }

  async #ask(read: SlowRead): Promise<unknown> {
    this.#thread ??= this.#open();
    try {
      return await this.#thread.run(() => read);
    } catch (error) {
      // Any other error has ended the thread: the next question gets a new one.
      if (!(error instanceof MinutehandError)) await this.close();
      throw error;
    }
  }
}
