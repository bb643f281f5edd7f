import { existsSync } from 'node:fs';
import { availableParallelism, hostname } from 'node:os';
import { Option, type Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { ownIdentity } from '../../trainer/jobs/fleet/fit_identity.ts';
import { runWorker } from '../../trainer/jobs/fleet/fit_worker.ts';
import { buildText } from '../../trainer/jobs/fleet/fleet_view.ts';
import { RULE_SEARCH } from '../../trainer/jobs/fleet/search_task.ts';
import type { TaskQueue } from '../../trainer/jobs/fleet/task_queue.ts';
import { installedEngines } from '../../trainer/learning/learners/trees/engines/engines.ts';
import { openTaskChildren } from '../../trainer/jobs/fleet/child/task_children.ts';
import { TASK_PRIORITIES, type TaskPriority } from '../../trainer/jobs/fleet/child/task_process.ts';
import { durationMs, type DurationOption } from '../duration_option.ts';
import { requireFleet } from '../fleet_of_command.ts';
import type { Output } from '../output.ts';
import { parseInteger } from '../period.ts';
import { stopSignal } from '../stop_signal.ts';
import { usableMemoryBytes } from '../../shared/process/memory.ts';
import { lowerPriority } from '../../shared/process/process_priority.ts';

const MIB = 2 ** 20;
const LEADER_POLL_MS = 5000;
/** Of the worker itself, beside the data that it keeps. */
const OWN_MB = 256;
/** Less starts no child. */
const LEAST_TASK_MB = 256;

const TASK_TIME: DurationOption = { option: '--task-time', units: ['s', 'm', 'h', 'd'], example: '90s, 20m or 2h' };

interface WorkerFlags {
  readonly slots: string;
  readonly name: string;
  readonly memoryMb: string;
  readonly taskMemoryMb?: string;
  readonly cores?: string;
  readonly gpu: 'auto' | 'yes' | 'no';
  readonly taskTime: string;
  readonly priority: TaskPriority;
}

export function addWorker(program: Command, output: () => Output): void {
  program
    .command('worker')
    .description(
      'Does fits of trainings and generations of searches of rules that run elsewhere, as the trainer’s queue offers them, until Ctrl-C; those that it has are finished first. ' +
        'It needs MINUTEHAND_QUEUE, and for another machine MINUTEHAND_REDIS_URL and MINUTEHAND_BLOBS as the trainer has them. ' +
        'It reads no bars, keeps nothing, and decides nothing: whatever happens to it, the models are the same to the bit. ' +
        'Each task is done in a child process that yields to all others, so that a daemon beside it goes first. A child that takes more memory or time than it may is ended (TASK_MEMORY, TASK_TIME): its task is tried again, four times at most, and the worker goes on.',
    )
    .option('--slots <n>', 'tasks at the same time', String(availableParallelism()))
    .option('--name <text>', 'as `minutehand fleet` shows it', hostname())
    .option('--memory-mb <n>', 'data of trainings that is kept in memory', '1024')
    .option(
      '--task-memory-mb <n>',
      `resident memory of one task, at least ${LEAST_TASK_MB}; not given: that of the machine or container, less --memory-mb and ${OWN_MB}, by slots`,
    )
    .option('--cores <n>', 'that its tasks may use together; not given: those of the machine')
    .addOption(
      new Option(
        '--gpu <kind>',
        'whether it takes tasks that need a GPU; auto: where the machine has the device of one',
      )
        .choices(['auto', 'yes', 'no'])
        .default('auto'),
    )
    .option('--task-time <duration>', 'of one task, such as 90s, 20m or 2h', '1h')
    .addOption(
      new Option(
        '--priority <kind>',
        'idle: tasks use what all other processes of the machine leave, a daemon among them; low: they have the least share, also where others always want the cores',
      )
        .choices(TASK_PRIORITIES)
        .default('idle'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  MINUTEHAND_QUEUE=embedded minutehand worker --slots 1\n' +
        '  MINUTEHAND_QUEUE=bullmq MINUTEHAND_REDIS_URL=rediss://… MINUTEHAND_BLOBS=s3://bucket/minutehand minutehand worker\n' +
        '  minutehand worker --slots 4 --task-memory-mb 2048 --task-time 20m',
    )
    .action((flags: WorkerFlags) => work(flags, output()));
}

async function work(flags: WorkerFlags, output: Output): Promise<void> {
  const stopping = stopSignal();
  const slots = parseInteger(flags.slots, '--slots', 1);
  const memoryMb = parseInteger(flags.memoryMb, '--memory-mb', 1);
  const taskMemoryMb =
    flags.taskMemoryMb === undefined
      ? shareOfMemoryMb(slots, memoryMb)
      : parseInteger(flags.taskMemoryMb, '--task-memory-mb', LEAST_TASK_MB);
  const cores = flags.cores === undefined ? availableParallelism() : parseInteger(flags.cores, '--cores', 1);
  const timeMs = durationMs(flags.taskTime, TASK_TIME);
  const fleet = await requireFleet();
  const ending = new AbortController();
  void stopping.then((reason) => {
    output.print(`${reason}: the tasks that are running are finished first …`);
    ending.abort();
  });
  const facts = {
    name: `${flags.name}/${process.pid}`,
    learners: [...installedEngines(), RULE_SEARCH],
    slots,
    taskMemoryMb,
    taskCores: Math.max(1, Math.floor(cores / slots)),
    gpu: flags.gpu === 'auto' ? hasGpu() : flags.gpu === 'yes',
  };
  let mismatch: unknown = null;
  const look = (): void => {
    refuseOther(fleet.queue).catch((error: unknown) => {
      // The queue may be away for a moment; another build is another matter.
      if (!(error instanceof MinutehandError)) return;
      mismatch = error;
      ending.abort();
    });
  };
  const watch = setInterval(look, LEADER_POLL_MS);
  const children = openTaskChildren(slots, {
    memoryBytes: taskMemoryMb * MIB,
    timeMs,
    priority: flags.priority,
  });
  try {
    await refuseOther(fleet.queue);
    lowerPriority(process.pid);
    output.print(
      `Worker ${facts.name}: ${slots} slots of ${taskMemoryMb} MB and ${flags.taskTime}, ${facts.learners.join(', ')}; queue ${fleet.places[0]}${fleet.name === null ? '' : `, fleet ${fleet.name}`}.`,
    );
    const done = await runWorker(
      {
        facts,
        queue: fleet.queue,
        blobs: fleet.blobs,
        pool: children.pool,
        searches: children.searches,
        memoryBytes: memoryMb * MIB,
        leaseMs: fleet.leaseMs,
        print: (line) => output.note(line),
      },
      ending.signal,
    );
    if (mismatch !== null) throw mismatch;
    output.print(`${done} tasks done.`);
    output.result({ name: facts.name, done });
  } finally {
    clearInterval(watch);
    await children.close();
    await fleet.close();
  }
}

/** Another build could give other bits. @throws MinutehandError FLEET_MISMATCH */
async function refuseOther(queue: TaskQueue): Promise<void> {
  const leader = await queue.leader();
  const own = ownIdentity();
  if (leader === null || buildText(leader) === buildText(own)) return;
  throw new MinutehandError('FLEET_MISMATCH', { seen: `trainer ${buildText(leader)}, this worker ${buildText(own)}` });
}

/** Of what the machine or its container has, MB: an equal part for each slot. */
function shareOfMemoryMb(slots: number, keptMb: number): number {
  return Math.max(LEAST_TASK_MB, Math.floor((usableMemoryBytes() / MIB - keptMb - OWN_MB) / slots));
}

/** Devices of the drivers of NVIDIA and AMD. */
const GPU_DEVICES = ['/dev/nvidia0', '/dev/dxg', '/dev/kfd'];

function hasGpu(): boolean {
  return GPU_DEVICES.some((path) => existsSync(path));
}
