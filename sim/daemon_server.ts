import type { Daemon } from '../daemon/daemon.ts';
import type { HttpRequest, HttpResponse } from '../daemon/serve/http_route.ts';
import { MinutehandError } from '../shared/errors.ts';
import type { FeedReply } from './feed.ts';
import { describeDefect, Killed, type SimulatedProcess } from './process.ts';
import type { Timeline } from './timeline.ts';
import type { Truth } from './truth.ts';

export interface DaemonServerOptions {
  readonly timeline: Timeline;
  readonly truth: Truth;
  /** One-way network latency. */
  readonly latencyMs: number;
  /** Power cuts of the daemon's machine so far. */
  powerCuts(): number;
  onViolation(rule: string, what: string): void;
}

/** The HTTP side of the daemon's server: the real routes over a simulated network. */
export class DaemonServer {
  readonly #options: DaemonServerOptions;
  #open: { readonly owner: SimulatedProcess; readonly daemon: Daemon } | null = null;

  constructor(options: DaemonServerOptions) {
    this.#options = options;
  }

  open(owner: SimulatedProcess, daemon: Daemon): void {
    this.#open = { owner, daemon };
  }

  close(): void {
    this.#open = null;
  }

  request(
    method: 'GET' | 'POST',
    path: string,
    query: string,
    body: string,
    onAnswer: (answer: FeedReply) => void,
  ): void {
    const { timeline, latencyMs } = this.#options;
    const route = this.#open?.daemon.routes.find((candidate) => candidate.method === method && candidate.path === path);
    if (this.#open === null || route === undefined) {
      timeline.at(timeline.nowMs + 1, () => onAnswer(null));
      return;
    }
    const { owner } = this.#open;
    let isAnswered = false;
    const answerOnce = (answer: FeedReply): void => {
      if (isAnswered) return;
      isAnswered = true;
      timeline.at(timeline.nowMs + 2 * latencyMs, () => onAnswer(answer));
    };
    owner.onDeath(() => answerOnce(null));
    owner.at(timeline.nowMs, () => {
      const request: HttpRequest = {
        method,
        path,
        query: new URLSearchParams(query),
        header: () => '',
        remoteAddress: '127.0.0.1',
        body: Buffer.from(body),
      };
      void this.#respond(owner, () => route.handle(request)).then(answerOnce);
    });
  }

  async #respond(owner: SimulatedProcess, handle: () => HttpResponse | Promise<HttpResponse>): Promise<FeedReply> {
    const { truth, powerCuts, onViolation } = this.#options;
    try {
      const { status, body } = await handle();
      const isJournaled = !truth.disks.isJournalRefusing;
      return { status, body: String(body), isJournaled, powerCuts: powerCuts() };
    } catch (error) {
      if (error instanceof Killed || !owner.alive) return null;
      if (error instanceof MinutehandError) {
        const body = JSON.stringify({ error });
        return { status: error.status, body, isJournaled: false, powerCuts: powerCuts() };
      }
      onViolation('defect', describeDefect(error));
      return null;
    }
  }
}
