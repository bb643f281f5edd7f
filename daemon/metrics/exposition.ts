import { setImmediate as loopTurn } from 'node:timers/promises';
import { linesOf, type Metric, type Reading } from '../../shared/metrics/metric.ts';
import { DAEMON_METRICS, PROCESS_METRICS, type MetricsSource } from './metrics.ts';
import type { ProcessWatch } from './process_watch.ts';

/** Rendering yields to the event loop after this long: the maximum delay of a bar that arrives meanwhile. */
const SLICE_MS = 0.2;
const LINES_PER_PIECE = 250;

/** The response of `/metrics`, for Prometheus. */
export class Exposition {
  readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';
  readonly #metrics: readonly { readonly metric: Metric<never>; read(): Reading | Promise<Reading> }[];
  #rendering: Promise<string> | null = null;
  #sliceEndMs = 0;

  /** @param watch null where several daemons share a process, as in a simulation */
  constructor(source: MetricsSource, watch: ProcessWatch | null = null) {
    this.#metrics = [
      ...DAEMON_METRICS.map((metric) => ({ metric, read: () => metric.read(source) })),
      ...(watch === null ? [] : PROCESS_METRICS.map((metric) => ({ metric, read: () => metric.read(watch) }))),
    ];
  }

  /** Bars that arrive during rendering are processed first. Concurrent calls share one text. */
  text(): Promise<string> {
    return (this.#rendering ??= this.#render().finally(() => (this.#rendering = null)));
  }

  async #render(): Promise<string> {
    const pieces: string[] = [];
    this.#sliceEndMs = performance.now() + SLICE_MS;
    for (const { metric, read } of this.#metrics) {
      let lines: string[] = [];
      for (const line of linesOf(metric, await read())) {
        if (lines.length === LINES_PER_PIECE) {
          pieces.push(joined(lines));
          lines = [];
          await this.#breathe();
        }
        lines.push(line);
      }
      pieces.push(joined(lines));
      await this.#breathe();
    }
    return pieces.join('');
  }

  async #breathe(): Promise<void> {
    if (performance.now() < this.#sliceEndMs) return;
    await loopTurn();
    this.#sliceEndMs = performance.now() + SLICE_MS;
  }
}

/** One flat text. Texts that were put together with `+` are copied into one when all is done: 1 ms in one go. */
function joined(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
