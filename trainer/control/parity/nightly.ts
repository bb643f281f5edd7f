import { spawn } from 'node:child_process';
import * as z from 'zod';
import { shardsOf } from '../../../shared/policy/policy.ts';
import type { Notifications } from '../notify/notifications.ts';
import { utcDay } from '../../../shared/utc_day.ts';
import { MACHINE_FILES } from '../../../shared/files.ts';
import { keptTime } from '../cron/kept_times.ts';
import { type DueTime, scheduleByCron } from '../cron/schedule.ts';
import type { TrainerOptions } from '../trainer_options.ts';

const answerSchema = z.union([
  z.object({
    verdict: z.enum(['EQUAL', 'EXPLAINED', 'MISMATCH']),
    day: z.string(),
    file: z.string(),
    archive_error: z.string().nullish(),
  }),
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
]);
type Answer = z.infer<typeof answerSchema>;

export type NightlyOptions = Pick<TrainerOptions, 'settings' | 'command' | 'paths' | 'log' | 'print'> & {
  readonly notifier: Pick<Notifications, 'raise' | 'clear'>;
};

const DAY_MS = 86_400_000;

/**
 * Certifies the previous day of every shard by `parity_cron`, each in a child process. After a missed time: the day
 * before that time.
 */
export function startNightlyParity(options: NightlyOptions): { stop(): void } {
  const { parity_cron } = options.settings.retrain;
  if (parity_cron === null) return { stop: () => undefined };
  const ending = new AbortController();
  const { paths, log, print } = options;
  const schedule = scheduleByCron(
    parity_cron,
    (due) => certifyShards(options, ending.signal, missedDay(options, due)),
    {
      kept: keptTime(MACHINE_FILES, paths.schedules, 'parity', parity_cron),
      onMissed: (text) => print(`Parity is made up: ${text}.`),
      onError: (err) => log.error({ err }, 'the last time of parity cannot be kept'),
    },
  );
  return {
    stop() {
      ending.abort();
      schedule.stop();
    },
  };
}

/** The day whose certificate a missed time owes; null: the command's default. */
function missedDay({ settings }: NightlyOptions, { dueMs, isMissed }: DueTime): string | null {
  // A simulated market has days of its own.
  return isMissed && settings.minutehand.market === 'live' ? utcDay(dueMs - DAY_MS) : null;
}

/** Sequentially, because the daemon needs the processor more. Never rejects. @param day UTC; null: yesterday */
export async function certifyShards(
  options: Omit<NightlyOptions, 'paths' | 'log'>,
  signal: AbortSignal,
  day: string | null = null,
): Promise<void> {
  for (const { name } of shardsOf(options.settings.minutehand)) {
    const answer = await runParity(options, name, day, signal);
    if (signal.aborted) return;
    await report(options, name, answer);
  }
}

async function report(
  { notifier, print }: Pick<NightlyOptions, 'notifier' | 'print'>,
  shard: string,
  answer: Answer,
): Promise<void> {
  const key = `parity:${shard}`;
  if ('error' in answer) {
    const { code, message } = answer.error;
    // A weekend, a holiday, or a market that did not run.
    if (code === 'DATA_MISSING') return;
    await notifier.raise({ key, event: 'parity', subject: shard, text: `The day could not be certified: ${message}` });
    return;
  }
  const { verdict, day, file, archive_error } = answer;
  print(`Parity of ${day}, shard ${shard}: ${verdict} (${file}).`);
  if (archive_error) print(`The certificate of ${day} was not archived: ${archive_error}`);
  if (verdict !== 'MISMATCH') return notifier.clear(key);
  const text = `Signals of ${day} differ from replay or backtest without a known cause: ${file}`;
  await notifier.raise({ key, event: 'parity', subject: shard, text, details: { day, file } });
}

function runParity(
  { command, settings }: Pick<NightlyOptions, 'command' | 'settings'>,
  shard: string,
  day: string | null,
  signal: AbortSignal,
): Promise<Answer> {
  const [program, ...args] = command;
  const { market } = settings.minutehand;
  const options = ['--json', '--shard', shard, '--market', market, ...(day === null ? [] : ['--day', day])];
  const child = spawn(program!, [...args, 'parity', ...options], {
    stdio: ['ignore', 'pipe', 'ignore'],
    windowsHide: true,
    // It reads the store and signs its certificates.
    env: process.env,
    signal,
  });
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString('utf8')));
  const ended = (seen: string): Answer => ({ error: { code: 'INTERNAL', message: `parity ended: ${seen}` } });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(ended(error.message)));
    child.on('close', (code) => resolve(parseAnswer(text) ?? ended(`exit code ${code}, no answer`)));
  });
}

function parseAnswer(text: string): Answer | null {
  try {
    return answerSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
