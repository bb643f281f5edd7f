/** What a bar writes to: standard error of a terminal. */
export interface TerminalLine {
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR_WIDTH = 30;
const NAME_WIDTH = 24;
/** Minimum interval between two redraws: faster changes cannot be read. */
const REDRAW_MS = 200;
const MS_PER_SECOND = 1000;
/** Moves to the start of the line and clears it (ECMA-48: CR, EL 2). */
const CLEAR_LINE = '\r\u001b[2K';

/**
 * A progress bar of one terminal line for each stage of a command: name, bar, percentage, and the remaining time
 * estimated from the rate so far. The line is redrawn in place; when a stage ends, its line stays.
 */
export class ProgressBar {
  readonly #line: TerminalLine;
  readonly #nowMs: () => number;
  #stage: { readonly name: string; readonly startMs: number; readonly startDone: number } | null = null;
  #drawnMs = -Infinity;

  constructor(line: TerminalLine, nowMs: () => number) {
    this.#line = line;
    this.#nowMs = nowMs;
  }

  update(name: string, done: number, total: number): void {
    const nowMs = this.#nowMs();
    if (name !== this.#stage?.name) {
      this.stop();
      this.#stage = { name, startMs: nowMs, startDone: done };
    }
    const isWhole = done >= total;
    if (!isWhole && nowMs - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = nowMs;
    const { startMs, startDone } = this.#stage!;
    const text = barText(name, {
      share: total > 0 ? Math.min(1, done / total) : 1,
      leftMs: done > startDone ? ((nowMs - startMs) * Math.max(0, total - done)) / (done - startDone) : null,
    });
    // A line that wraps could not be cleared.
    this.#line.write(`${CLEAR_LINE}${text.slice(0, (this.#line.columns ?? 80) - 1)}`);
    if (isWhole) this.stop();
  }

  /** Leaves the line as it is; the next text begins on a new one. */
  stop(): void {
    if (this.#stage !== null) this.#line.write('\n');
    this.#stage = null;
    this.#drawnMs = -Infinity;
  }
}

/** `learning                 ████████░░░░░░░░░░░░░░░░░░░░░░  27 % | 1:05 left` */
function barText(name: string, { share, leftMs }: { readonly share: number; readonly leftMs: number | null }): string {
  const filled = Math.floor(share * BAR_WIDTH);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
  const percent = String(Math.floor(share * 100)).padStart(3);
  const left = share < 1 && leftMs !== null ? ` | ${clockText(leftMs)} left` : '';
  return `${name.padEnd(NAME_WIDTH)} ${bar} ${percent} %${left}`;
}

/** `0:07`, `12:30`, `1:02:03` */
function clockText(ms: number): string {
  const seconds = Math.round(ms / MS_PER_SECOND);
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}`;
}
