import type { Command } from 'commander';
import { differenceText, lookAtFleet } from '../../trainer/jobs/fleet/fleet_view.ts';
import type { LearnerTasks } from '../../trainer/jobs/fleet/task_queue.ts';
import { requireFleet } from '../fleet_of_command.ts';
import type { Output } from '../output.ts';

export function addFleet(program: Command, output: () => Output): void {
  program
    .command('fleet')
    .description(
      'The queue of fits and generations of rules, the workers that were heard of within a minute, and results that differ.',
    )
    .action(() => showFleet(output()));
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
      const { finished, seconds, known, retried, given_up } = totals;
      output.line(`        ${learner}: ${finished} done in ${Math.round(seconds)} s, ${known} known, ${retried} begun again, ${given_up} given up`); // prettier-ignore
    }
    if (view.workers.length === 0) output.line('Workers none. Start one: minutehand worker');
    for (const { name, slots, learners, done, silentMs, isOtherBuild } of view.workers) {
      const heard = `heard of ${Math.round(silentMs / 1000)} s ago`;
      output.line(`Worker  ${name}: ${slots} slots, ${done} done, ${learners.join(', ')}, ${heard}${isOtherBuild ? ', ANOTHER BUILD' : ''}`); // prettier-ignore
    }
    for (const difference of view.differences) {
      const agoMinutes = Math.round(difference.agoMs / 60_000);
      output.line(`DIFFERS ${differenceText(difference)}, ${agoMinutes} min ago; the first stays`);
    }
    output.result({ ...view, ...counts });
  } finally {
    await fleet.close();
  }
}
