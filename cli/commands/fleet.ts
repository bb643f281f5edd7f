import { Argument, type Command } from 'commander';
import { homePaths } from '../../shared/home.ts';
import { installationOf } from '../../shared/owner/owner.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { announceMachine } from '../../trainer/control/fleet/announcer.ts';
import { endWorker, forgetTask, retryTask } from '../../trainer/jobs/fleet/fleet_actions.ts';
import { differenceText, lookAtFleet, needsText } from '../../trainer/jobs/fleet/fleet_view.ts';
import { subjectsWithin, type FleetDaemon, type SeenInstallation } from '../../trainer/jobs/fleet/installation.ts';
import type { LearnerTasks, TaskQueue } from '../../trainer/jobs/fleet/task_queue.ts';
import { counted } from '../../shared/counted.ts';
import { requireFleet } from '../fleet_of_command.ts';
import type { Output } from '../output.ts';
import { stopSignal } from '../stop_signal.ts';

export function addFleet(program: Command, output: () => Output): void {
  const fleet = program
    .command('fleet')
    .description(
      'The queue of fits and generations of rules, machines with their daemons, the workers that were heard of within a minute and what they do, tasks that were given up, and results that differ.',
    )
    .action(() => showFleet(output()));
  const task = (): Argument => new Argument('<task>', 'key of a failed task, as `minutehand fleet` shows it');
  fleet
    .command('retry')
    .addArgument(task())
    .description('puts a failed task in again, with all its attempts: the next training finds its result')
    .action((key: string) => change(output(), key, retryTask, `Task ${key} waits again.`));
  fleet
    .command('forget')
    .addArgument(task())
    .description('deletes a failed task; the next training that needs it enqueues it again')
    .action((key: string) => change(output(), key, forgetTask, `Task ${key} is dropped.`));
  fleet
    .command('end')
    .addArgument(new Argument('<worker>', 'its name, `host/process`, as `minutehand fleet` shows it'))
    .description('asks a worker, on whatever machine, to end once its tasks are done; it hears of it within 5 s')
    .action((name: string) => change(output(), name, endWorker, `Worker ${name} was asked to end.`));
  fleet
    .command('announce')
    .description(
      'says to the fleet once a minute what this machine and its daemons have, until Ctrl-C: for a machine without a trainer, which does so itself, as does `minutehand models receive --watch`',
    )
    .action(() => announce(output()));
}

async function announce(output: Output): Promise<void> {
  // A fleet that is not there, or does not answer at all, is a mistake in the environment.
  const fleet = await requireFleet();
  await fleet.close();
  const paths = homePaths();
  const ending = new AbortController();
  const stopping = stopSignal().then((reason) => {
    ending.abort();
    return reason;
  });
  const name = installationOf(paths.home);
  output.line(`The fleet hears of ${name} once a minute.`);
  const note = (line: string): void => output.note(line);
  const said = await announceMachine({ settings: loadSettings, paths, env: process.env, note }, ending.signal);
  output.line(`Ended: ${await stopping}. Said ${counted(said, 'time')}.`);
  output.result({ name, said });
}

type Act = (queue: TaskQueue, target: string) => Promise<void>;

async function change(output: Output, target: string, act: Act, said: string): Promise<void> {
  const fleet = await requireFleet();
  try {
    await act(fleet.queue, target);
    output.written({ target });
    output.line(said);
    output.result({ target });
  } finally {
    await fleet.close();
  }
}

async function showFleet(output: Output): Promise<void> {
  const fleet = await requireFleet();
  try {
    const view = await lookAtFleet(fleet);
    const sum = (count: (tasks: LearnerTasks) => number): number =>
      view.tasks.reduce((total, tasks) => total + count(tasks), 0);
    const counts = {
      waiting: sum(({ waiting }) => waiting),
      running: sum(({ running }) => running),
      failed: sum(({ failed }) => failed),
    };
    if (view.name !== null) output.line(`Fleet   ${view.name}`);
    output.line(`Queue   ${view.kind}, ${view.queue}; blobs ${view.blobs}`);
    output.line(`Tasks   ${counts.waiting} waiting, ${counts.running} running, ${counts.failed} failed`);
    for (const { learner, totals } of view.tasks) {
      const { finished, seconds, known, retried, given_up, over_memory, over_time, child_lost } = totals;
      output.line(
        `        ${learner}: ${finished} done in ${Math.round(seconds)} s, ${known} known, ${retried} begun again, ${given_up} given up`,
      );
      if (over_memory + over_time + child_lost > 0)
        output.line(
          `        attempts ended: ${over_memory} over their memory, ${over_time} over their time, ${child_lost} lost their process`,
        );
    }
    for (const installation of view.installations) showInstallation(installation, output);
    if (view.workers.length === 0) output.line('Workers none. Start one: minutehand worker');
    for (const {
      name,
      slots,
      learners,
      done,
      silentMs,
      isOtherBuild,
      isEnding,
      running,
      cores,
      freeMemoryMb,
      taskMemoryMb,
      taskCores,
      gpu,
    } of view.workers) {
      const heard = `heard of ${Math.round(silentMs / 1000)} s ago`;
      const marks = `${isOtherBuild ? ', ANOTHER BUILD' : ''}${isEnding ? ', ENDING' : ''}`;
      output.line(`Worker  ${name}: ${slots} slots, ${done} done, ${learners.join(', ')}, ${heard}${marks}`);
      const each = [
        ...(taskMemoryMb === undefined ? [] : [`${taskMemoryMb} MB`]),
        ...(taskCores === undefined ? [] : [`${taskCores} cores`]),
        ...(gpu === true ? ['GPU'] : []),
      ];
      const ofTask = each.length === 0 ? '' : `; each task: ${each.join(', ')}`;
      if (cores !== null) output.line(`        ${cores} cores, ${freeMemoryMb} MB of memory free${ofTask}`);
      for (const { learner, key, runningMs, share } of running) {
        const far = share === null ? '' : `, ${Math.floor(100 * share)} % of its rounds`;
        output.line(`        does ${learner} ${key}, ${Math.round(runningMs / 1000)} s so far${far}`);
      }
    }
    for (const { needs, waiting, lacking } of view.unclaimed) {
      output.line(
        `NOBODY  can do ${counted(waiting, 'waiting task')}: ${needsText(needs)}. Start a worker that has this`,
      );
      for (const { worker, lacks } of lacking) output.line(`        ${worker} lacks ${lacks.join(', ')}`);
    }
    for (const { key, learner, attempt, error, inMs } of view.retries)
      output.line(
        `RETRY   ${key} of ${learner}: attempt ${attempt} in ${Math.ceil(inMs / 1000)} s, after ${error.code}: ${error.message}`,
      );
    for (const { key, learner, error, agoMs } of view.failures) {
      const when = agoMs === null ? '' : `, ${Math.round(agoMs / 60_000)} min ago`;
      output.line(
        `FAILED  ${key} of ${learner}: ${error.code}${error.message === '' ? '' : `: ${error.message}`}${when}`,
      );
    }
    for (const difference of view.differences) {
      const agoMinutes = Math.round(difference.agoMs / 60_000);
      output.line(`DIFFERS ${differenceText(difference)}, ${agoMinutes} min ago; the first stays`);
    }
    for (const { place, text } of view.aside) output.line(`ASIDE   ${place}, which cannot be read: ${text}`);
    output.result({ ...view, ...counts });
  } finally {
    await fleet.close();
  }
}

function showInstallation(installation: SeenInstallation, output: Output): void {
  const { name, market, identity, cores, load, freeMemoryMb, silentMs, hasTrainer = true, daemons } = installation;
  const heard = `heard of ${Math.round(silentMs / 1000)} s ago`;
  output.line(
    `Machine ${name}: ${hasTrainer ? 'trainer' : 'no trainer'}, ${market} market, version ${identity.version}, Node ${identity.node}, ${heard}`,
  );
  output.line(`        ${cores} cores, load ${load.toFixed(1)}, ${freeMemoryMb} MB of memory free`);
  for (const daemon of daemons) output.line(`Daemon  ${daemonText(daemon)}`);
}

function daemonText(daemon: FleetDaemon): string {
  const { shard, presence, role, hasStandby, subjects, degradations, signalUs, budgetMs } = daemon;
  const parts = [
    presence === 'up' ? role : presence === 'mute' ? 'DOES NOT ANSWER' : 'DOWN',
    `${subjects} subjects`,
    ...(hasStandby ? ['a standby waits'] : []),
    ...(signalUs === null
      ? []
      : [`${Math.round(signalUs)} µs a signal: ${subjectsWithin(daemon)} subjects would take its ${budgetMs} ms`]),
    ...(degradations.length === 0 ? [] : [`DEGRADED: ${degradations.join(', ')}`]),
  ];
  return `${shard}: ${parts.join(', ')}`;
}
