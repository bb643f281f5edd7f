import { describeError, MinutehandError } from '../../../shared/errors.ts';
import type { Fleet, QueueKind } from './open_fleet.ts';
import { ownIdentity } from './fit_identity.ts';
import type { SeenInstallation } from './installation.ts';
import type { FleetIdentity } from './fleet_identity.ts';
import { lackedFor, type TaskClass } from './task_needs.ts';
import type {
  AsideEntry,
  FailedTask,
  LearnerTasks,
  SeenDifference,
  SeenWorker,
  TaskDifference,
  TaskRetry,
  WaitingTasks,
} from './task_queue.ts';

/** Two different results of one task are a fault of the fleet for so long after they were last reported. */
export const DIFFERENCE_FAULT_MS = 86_400_000;

export interface ViewedWorker extends SeenWorker {
  /** It takes no tasks of the build that leads. */
  readonly isOtherBuild: boolean;
}

/** Waiting tasks that no worker can do, and what each of them lacks; without workers: nobody. */
export interface UnclaimedTasks extends WaitingTasks {
  readonly lacking: readonly { readonly worker: string; readonly lacks: readonly string[] }[];
}

/** A fleet as people see it: by command, in metrics, in checks of the trainer. */
export interface FleetView {
  readonly kind: QueueKind;
  /** null: the one without a name. */
  readonly name: string | null;
  /** Of the queue and of the blobs, without passwords. */
  readonly queue: string;
  readonly blobs: string;
  /** Of the trainer that enqueued last; null: none has. */
  readonly leader: FleetIdentity | null;
  readonly tasks: readonly LearnerTasks[];
  readonly workers: readonly ViewedWorker[];
  /** Tasks that none of these workers can do. */
  readonly unclaimed: readonly UnclaimedTasks[];
  /** Machines and their daemons. */
  readonly installations: readonly SeenInstallation[];
  /** Those that come next first; no more than a hundred. */
  readonly retries: readonly TaskRetry[];
  /** Newest first; no more than the last hundred. */
  readonly failures: readonly FailedTask[];
  /** Newest first. */
  readonly differences: readonly SeenDifference[];
  /** What could not be read, and was set aside. */
  readonly aside: readonly AsideEntry[];
}

/** @throws errors of the queue */
export async function lookAtFleet({ kind, name, places, queue }: Fleet): Promise<FleetView> {
  const [tasks, workers, installations, leader, differences, failures, retries, waiting, aside] = await Promise.all([
    queue.tasks(),
    queue.workers(),
    queue.installations(),
    queue.leader(),
    queue.differences(),
    queue.failures(),
    queue.retries(),
    queue.waiting(),
    queue.aside(),
  ]);
  const viewed = workers.map((worker) => ({
    ...worker,
    isOtherBuild: leader !== null && buildText(worker.identity) !== buildText(leader),
  }));
  return {
    kind,
    name,
    queue: places[0],
    blobs: places[1],
    leader,
    tasks,
    workers: viewed,
    unclaimed: unclaimedBy(viewed, waiting),
    installations,
    retries,
    failures,
    differences,
    aside,
  };
}

function unclaimedBy(workers: readonly ViewedWorker[], waiting: readonly WaitingTasks[]): UnclaimedTasks[] {
  return waiting
    .map((tasks) => ({
      ...tasks,
      lacking: workers.map((worker) => ({
        worker: worker.name,
        lacks: worker.isOtherBuild ? ['the build that leads'] : lackedFor(tasks.needs, worker),
      })),
    }))
    .filter(({ lacking }) => lacking.every(({ lacks }) => lacks.length > 0));
}

/** What tasks need, for people. */
export function needsText({ learner, memoryMb, cores = 1, gpu = false }: TaskClass): string {
  return [
    learner,
    ...(memoryMb === undefined ? [] : [`${memoryMb} MB`]),
    ...(cores === 1 ? [] : [`${cores} cores`]),
    ...(gpu ? ['a GPU'] : []),
  ].join(', ');
}

/** One build, as people compare it. */
export function buildText({ version, code, node, architecture }: FleetIdentity = ownIdentity()): string {
  return `${version} (build ${code.slice(0, 12)}), Node ${node}, ${architecture}`;
}

/** Names both makers. */
export function differenceText({ key, learner, kept, other }: TaskDifference): string {
  return `task ${key} of ${learner}: ${kept.maker} made ${kept.hash}, ${other.maker} made ${other.hash}`;
}

/** As a line for a person, with the code and what to do. */
export function differenceLine(difference: TaskDifference): string {
  const error = new MinutehandError('TASK_DIFFERS', { seen: differenceText(difference) });
  const { code, message, next } = describeError(error);
  return `${code}: ${message} ${next}`;
}

/** @throws MinutehandError TASK_DIFFERS while two results of one task have differed lately */
export function refuseDifferences({ differences }: Pick<FleetView, 'differences'>): void {
  const recent = differences.filter(({ agoMs }) => agoMs < DIFFERENCE_FAULT_MS);
  const newest = recent[0];
  if (newest === undefined) return;
  const others = recent.length === 1 ? '' : `; ${recent.length} such in the last day`;
  throw new MinutehandError('TASK_DIFFERS', { seen: `${differenceText(newest)}${others}` });
}
