import { setPriority } from 'node:os';
import type { BacktestRequest } from './backtest_queue.ts';
import { answerOf, startCommand, type CommandAnswer } from './command_process.ts';
import type { ProgressLine } from './progress_line.ts';
import { weighLeast } from './training_process.ts';

const NICE = 15;
const LONGEST_ANSWER = 16 * 1024 * 1024;

export interface BacktestProcess {
  /** Never rejects. */
  readonly result: Promise<CommandAnswer>;
  /** Requests its end, and kills it when it does not end. */
  stop(): void;
}

export interface BacktestProcessOptions {
  /** Program and first arguments of the command line. */
  readonly command: readonly string[];
  readonly request: BacktestRequest;
  /** Folder of bundles, and of the files of the result. */
  readonly models: string;
  readonly out: string;
  readonly market: string;
  onProgress(line: ProgressLine): void;
}

/** `backtest --json` in a process of its own at the lowest priority, on one thread. */
export function startBacktest(options: BacktestProcessOptions): BacktestProcess {
  const { command, market, onProgress } = options;
  const { pid, ended, stop } = startCommand({
    command: [...command, ...argumentsOf(options)],
    env: { MINUTEHAND_MARKET: market },
    longestAnswer: LONGEST_ANSWER,
    onProgress,
  });
  if (pid !== null) yieldToAll(pid);
  return { result: ended.then((end) => answerOf(end, 'the backtest')), stop };
}

function argumentsOf({ request, models, out }: BacktestProcessOptions): string[] {
  const { from, to, pairs, theta1, theta2, costs } = request;
  const optional = (flag: string, value: string | number | null): string[] =>
    value === null ? [] : [flag, String(value)];
  return [
    ...['backtest', '--json', '--workers', '1', '--costs', costs, '--out', out],
    ...request.models.flatMap((version) => ['--models', `${models}/${version}`]),
    ...optional('--from', from),
    ...optional('--to', to),
    ...optional('--pairs', pairs === null ? null : pairs.join(',')),
    ...optional('--theta1', theta1),
    ...optional('--theta2', theta2),
  ];
}

/** Any other process goes first. */
export function yieldToAll(pid: number): void {
  try {
    setPriority(pid, NICE);
  } catch {
    // It runs at normal priority.
  }
  weighLeast(pid);
}
