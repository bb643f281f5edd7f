import { triggerText } from '../../../shared/run_trigger/trigger_text.ts';
import type { TrainerOptions } from '../trainer_options.ts';
import type { RetrainRun } from './run.ts';
import type { RunRecords } from './run_records.ts';
import type { RunSettlement } from './run_settlement.ts';
import { trainingWords } from './training_process.ts';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const END_MS = 5000;
const LOOK_MS = 50;

/**
 * Ends a training process whose trainer has ended: otherwise it would train beside the next one and adopt its models.
 * Only where the system reports the command of a process (Linux): the process id may belong to another program now.
 * @param words which its command line must contain
 * @returns whether there was one
 */
async function endOrphan(pid: number, words: readonly string[]): Promise<boolean> {
  if (!isRunning(pid, words)) return false;
  process.kill(pid, 'SIGTERM');
  for (let waited = 0; waited < END_MS && isRunning(pid, words); waited += LOOK_MS) await sleep(LOOK_MS);
  if (isRunning(pid, words)) process.kill(pid, 'SIGKILL');
  return true;
}

function isRunning(pid: number, words: readonly string[]): boolean {
  try {
    const given = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.every((word) => given.includes(word));
  } catch {
    return false;
  }
}

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
