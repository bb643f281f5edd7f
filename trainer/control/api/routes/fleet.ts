import type * as z from 'zod';
import { endWorker, forgetTask, retryTask } from '../../../jobs/fleet/fleet_actions.ts';
import { buildText, type FleetView } from '../../../jobs/fleet/fleet_view.ts';
import { subjectsWithin } from '../../../jobs/fleet/installation.ts';
import type { Api, ApiContext } from '../context.ts';
import { fleetRoutes, fleetSchema } from '../../schema/fleet.ts';

const NO_FLEET = {
  queue: null,
  tasks: [],
  workers: [],
  installations: [],
  unclaimed: [],
  retries: [],
  failures: [],
  differences: [],
  aside: [],
};

/** `GET /api/fleet`, and what a person does about it. */
export function addFleetRoutes(api: Api, { fleet }: ApiContext): void {
  api.route({
    ...fleetRoutes['GET /api/fleet'],
    handler: async () => (fleet.isUsed ? documentOf(await fleet.now()) : NO_FLEET),
  });

  for (const [name, act] of [
    ['POST /api/fleet/tasks/retry', retryTask],
    ['POST /api/fleet/tasks/forget', forgetTask],
  ] as const)
    api.route({
      ...fleetRoutes[name],
      async handler(request) {
        const { key } = request.body;
        request.written = { target: key };
        await fleet.ask((queue) => act(queue, key));
        return { key };
      },
    });

  api.route({
    ...fleetRoutes['POST /api/fleet/workers/end'],
    async handler(request) {
      const { worker } = request.body;
      request.written = { target: worker };
      await fleet.ask((queue) => endWorker(queue, worker));
      return { worker };
    },
  });
}

function documentOf(view: FleetView): z.infer<typeof fleetSchema> {
  const {
    kind,
    name,
    queue,
    blobs,
    leader,
    tasks,
    workers,
    installations,
    unclaimed,
    retries,
    failures,
    differences,
    aside,
  } = view;
  return {
    queue: { kind, name, place: queue, blobs, leader },
    tasks: tasks.map(({ totals, ...counts }) => ({ ...counts, ...totals })),
    workers: workers.map(({ freeMemoryMb, silentMs, isOtherBuild, isEnding, running, learners, ...worker }) => ({
      name: worker.name,
      slots: worker.slots,
      cores: worker.cores,
      done: worker.done,
      identity: worker.identity,
      task_memory_mb: worker.taskMemoryMb ?? null,
      task_cores: worker.taskCores ?? null,
      gpu: worker.gpu ?? false,
      learners: [...learners],
      free_memory_mb: freeMemoryMb,
      running: running.map(({ runningMs, ...task }) => ({ ...task, running_ms: runningMs })),
      silent_ms: silentMs,
      is_other_build: isOtherBuild,
      is_ending: isEnding,
    })),
    installations: installations.map(
      ({ identity, freeMemoryMb, silentMs, hasTrainer = true, daemons, ...installation }) => ({
        ...installation,
        identity,
        has_trainer: hasTrainer,
        is_other_build: leader !== null && buildText(identity) !== buildText(leader),
        free_memory_mb: freeMemoryMb,
        silent_ms: silentMs,
        daemons: daemons.map((daemon) => ({
          shard: daemon.shard,
          presence: daemon.presence,
          role: daemon.role,
          has_standby: daemon.hasStandby,
          subjects: daemon.subjects,
          degradations: [...daemon.degradations],
          signal_us: daemon.signalUs,
          subjects_within_budget: subjectsWithin(daemon),
        })),
      }),
    ),
    unclaimed: unclaimed.map(({ needs: { learner, memoryMb = null, cores = 1, gpu = false }, waiting, lacking }) => ({
      learner,
      memory_mb: memoryMb,
      cores,
      gpu,
      waiting,
      lacking: lacking.map(({ worker, lacks }) => ({ worker, lacks: [...lacks] })),
    })),
    retries: retries.map(({ error, inMs, ...task }) => ({ ...task, ...error, in_ms: inMs })),
    failures: failures.map(({ error, agoMs, ...task }) => ({ ...task, ...error, ago_ms: agoMs })),
    differences: differences.map(({ agoMs, ...difference }) => ({ ...difference, ago_ms: agoMs })),
    aside: [...aside],
  };
}
