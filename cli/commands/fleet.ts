import type { Command } from 'commander';
import { buildText, requireFleet } from '../fleet_of_command.ts';
import type { Output } from '../output.ts';

export function addFleet(program: Command, output: () => Output): void {
  program
    .command('fleet')
    .description('The queue of fits, and the workers that were heard of within a minute.')
    .action(() => showFleet(output()));
}

async function showFleet(output: Output): Promise<void> {
  const fleet = await requireFleet();
  try {
    const [counts, workers, leader] = await Promise.all([
      fleet.queue.counts(),
      fleet.queue.workers(),
      fleet.queue.leader(),
    ]);
    output.line(`Queue   ${fleet.kind}, ${fleet.places[0]}; blobs ${fleet.places[1]}`);
    output.line(`Fits    ${counts.waiting} waiting, ${counts.running} running, ${counts.failed} failed`);
    if (workers.length === 0) output.line('Workers none. Start one: minutehand worker');
    for (const { name, slots, learners, done, silentMs, identity } of workers) {
      const isOther = leader !== null && buildText(identity) !== buildText(leader);
      const heard = `heard of ${Math.round(silentMs / 1000)} s ago`;
      output.line(`Worker  ${name}: ${slots} slots, ${done} done, ${learners.join(', ')}, ${heard}${isOther ? ', ANOTHER BUILD' : ''}`); // prettier-ignore
    }
    output.result({ kind: fleet.kind, queue: fleet.places[0], blobs: fleet.places[1], ...counts, leader, workers });
  } finally {
    await fleet.close();
  }
}
