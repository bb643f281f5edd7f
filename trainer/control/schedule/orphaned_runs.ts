import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import { endOrphan } from './orphan.ts';
import type { RetrainRun } from './run.ts';
import type { RunRecords } from './run_records.ts';
import type { RunSettlement } from './run_settlement.ts';
import { trainingWords } from './training_process.ts';

/** Counts runs whose trainer has ended as failed attempts, and ends their processes. */
export async function settleOrphans(
  { log, print, command }: TrainerOptions,
  records: RunRecords,
  settlement: RunSettlement,
): Promise<readonly RetrainRun[]> {
  const orphans = await records.queue.orphans();
  for (const { run, workerPid } of orphans) {
    if (workerPid !== null && (await endOrphan(workerPid, trainingWords(command))))
      log.warn({ pid: workerPid }, 'an orphaned training process was ended');
    run.finished_at = new Date().toISOString();
    run.error = 'the trainer ended during the run';
    log.error(run, 'training was killed');
    print(`Training run ${run.run_id} (${triggerText(run.trigger)}) was interrupted when its trainer ended.`);
    await settlement.fail(run, 'killed');
    await records.keep(run);
  }
  return orphans.map(({ run }) => run);
}
