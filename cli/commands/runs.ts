import { STRATEGY_RUNS } from '../../shared/strategies/registry.ts';
import { ask as askByHttp, type Answer as HttpAnswer } from '../../shared/outgoing.ts';
import { triggerText } from '../../shared/run_trigger/trigger_text.ts';
import { Option, type Command } from 'commander';
import * as z from 'zod';
import { urlOf } from '../../shared/address.ts';
import { shownMinute } from '../../shared/bar.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { ERRORS, MinutehandError, type ErrorCode } from '../../shared/errors.ts';
import { oneLine } from '../../shared/one_line.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import type { RequestedRun, RunKind } from '../../trainer/control/schedule/run.ts';
import { storeQueue } from '../../trainer/control/schedule/run_queue.ts';
import { openStoreIfThere } from '../../trainer/store/store.ts';
import type { Output } from '../output.ts';
import { parseInteger } from '../period.ts';

const SHOWN_RUNS = 50;
/** The trainer answers at once; only its store may be slow. */
const ANSWER_MS = 30_000;
const MAX_ANSWER_BYTES = 64 << 20;

const errorSchema = z.object({ error: z.object({ code: z.string(), message: z.string(), next: z.string() }) });
const runSchema = z.custom<RequestedRun>((value) => typeof (value as RequestedRun | null)?.run_id === 'number');
const runsSchema = z.object({ runs: z.array(runSchema), waiting: z.array(runSchema).default([]) });

interface Listed {
  readonly runs: readonly RequestedRun[];
  readonly waiting: readonly RequestedRun[];
}

export function addRuns(program: Command, output: () => Output): void {
  const runs = program
    .command('runs')
    .description(
      'Sends a request to the trainer at transports.trainer of config/minutehand.yaml (MINUTEHAND_TRAINER_PORT). Without one, list shows what the store has.',
    );
  runs
    .command('list')
    .description(
      'the newest runs of this market, newest first, with stage and progress of the active one; before them those that wait',
    )
    .action(() => list(output()));
  runs
    .command('start')
    .addOption(
      new Option(
        '--kind <kind>',
        'full: from scratch on all bars; incremental: warm start from the active models; thresholds: new θ2 for the active models; direction: the direction model of the configured instruments',
      )
        .choices(STRATEGY_RUNS)
        .default('full'),
    )
    .option('--timeframe <timeframe>', 'of kind direction, where the instruments have several')
    .description('begins a run; while another one is in progress, it waits. Refused while the same one runs or waits')
    .action((flags: StartFlags) => start(flags, output()));
  runs
    .command('cancel')
    .argument('[run]', 'number of a run, which may wait (default: the active one)')
    .description('stops a run; it is not tried again, and the active models stay')
    .action((run: string | undefined) => cancel(run, output()));
}

async function list(output: Output): Promise<void> {
  const settings = loadSettings();
  let found: Listed;
  let from: 'trainer' | 'store' = 'trainer';
  try {
    found = await ask(settings, 'GET', '/runs', runsSchema);
  } catch (error) {
    if (!(error instanceof MinutehandError) || error.code !== 'TRAINER_ABSENT') throw error;
    found = await storedRuns(settings);
    from = 'store';
    output.note('No trainer responds; these are the runs of the store.');
  }
  const { runs, waiting } = found;
  if (runs.length + waiting.length === 0) output.line('No training runs yet.');
  for (const run of [...waiting].reverse()) output.line(rowOf(run));
  for (const run of runs) output.line(rowOf(run));
  output.result({ from, runs, waiting });
}

interface StartFlags {
  readonly kind: RunKind;
  readonly timeframe?: string;
}

async function start(flags: StartFlags, output: Output): Promise<void> {
  const query = new URLSearchParams({ ...flags });
  const run = await ask(loadSettings(), 'POST', `/retrain?${query.toString()}`, runSchema);
  const state =
    run.status === 'queued'
      ? 'waits. `minutehand runs list` shows for what.'
      : 'has begun. `minutehand runs list` shows its progress.';
  output.line(`Training run ${run.run_id} (${run.kind}) ${state}`);
  output.result(run);
}

async function cancel(number: string | undefined, output: Output): Promise<void> {
  const query = number === undefined ? '' : `?run=${parseInteger(number, 'run')}`;
  const run = await ask(loadSettings(), 'POST', `/retrain/cancel${query}`, runSchema);
  output.line(
    run.status === 'queued'
      ? `Training run ${run.run_id} waits no longer.`
      : `Training run ${run.run_id} is being stopped.`,
  );
  output.result(run);
}

/**
 * Returns the trainer's answer.
 * @throws MinutehandError TRAINER_ABSENT, and what the trainer refuses with
 */
async function ask<Answer>(
  { minutehand }: Settings,
  method: 'GET' | 'POST',
  path: string,
  schema: z.ZodType<Answer>,
): Promise<Answer> {
  const address = urlOf(minutehand.transports.trainer);
  const token = process.env['MINUTEHAND_TRAINER_TOKEN'];
  const headers = token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` };
  let response: HttpAnswer;
  let answer: unknown;
  try {
    response = await askByHttp(`${address}${path}`, {
      method,
      headers,
      withinMs: ANSWER_MS,
      maxBytes: MAX_ANSWER_BYTES,
      place: null,
    });
    answer = JSON.parse(response.body.toString('utf8'));
  } catch (cause) {
    const { code } = (cause as { cause?: NodeJS.ErrnoException }).cause ?? {};
    throw new MinutehandError('TRAINER_ABSENT', { seen: `${address} (${code ?? (cause as Error).name})`, cause });
  }
  const expected = schema.safeParse(answer);
  if (response.ok && expected.success) return expected.data;
  const refused = errorSchema.safeParse(answer);
  if (!refused.success) throw new MinutehandError('TRAINER_ABSENT', { seen: `another program at ${address}` });
  const { code, message, next } = refused.data.error;
  if (!Object.hasOwn(ERRORS, code)) throw new MinutehandError('INTERNAL', { seen: `${code}: ${message}` });
  throw new MinutehandError(code as ErrorCode, { next });
}

async function storedRuns({ minutehand }: Settings): Promise<Listed> {
  const paths = homePaths();
  const store = await openStoreIfThere(process.env, paths);
  if (store === null) return { runs: [], waiting: [] };
  try {
    const queue = storeQueue(store, { market: minutehand.market, owner: '', clock: MACHINE_CLOCK });
    return { runs: await queue.list(SHOWN_RUNS), waiting: await queue.waiting() };
  } finally {
    await store.close();
  }
}

/** `12 full  2026-11-20 03:00  running  learning, 61 %, 2 min left  (schedule)` */
function rowOf(run: RequestedRun): string {
  const cells = [
    String(run.run_id).padStart(5),
    run.kind.padEnd(11),
    shownMinute(run.started_at),
    run.status.padEnd(11),
    `${aboutRun(run)}  (${triggerText(run.trigger)}${run.attempt > 1 ? `, attempt ${run.attempt}` : ''})`,
  ];
  return oneLine(cells.join('  '));
}

function aboutRun({ status, stage, percent, eta_seconds, model_version, reasons, error }: RequestedRun): string {
  if (status === 'running')
    return `${stage}, ${percent} %${eta_seconds === null ? '' : `, ${lasting(eta_seconds)} left`}`;
  if (status === 'queued') return ['waits', ...reasons].join(': ');
  if (error !== null) return error;
  if (model_version === null) return reasons.length === 0 ? stage : reasons.join('; ');
  return reasons.length === 0 ? model_version : `${model_version}: ${reasons.join('; ')}`;
}

function lasting(seconds: number): string {
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
