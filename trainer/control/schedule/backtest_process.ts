import type { BacktestRequest } from './backtest_queue.ts';
import { answerOf, startCommand, type CommandAnswer } from './command_process.ts';
import type { ProgressLine } from './progress_line.ts';

const MAX_ANSWER = 16 * 1024 * 1024;

export interface BacktestProcess {
  /** Never rejects. */
  readonly result: Promise<CommandAnswer>;
  /** Terminates it, and kills it when it does not end. */
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

/** Runs `backtest --json` in a separate process with one thread. */
export function startBacktest(options: BacktestProcessOptions): BacktestProcess {
  const { command, market, onProgress } = options;
  const { ended, stop } = startCommand({
    command: [...command, ...argumentsOf(options)],
    env: { MINUTEHAND_MARKET: market },
    maxAnswer: MAX_ANSWER,
    onProgress,
  });
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
