import { MinutehandError } from '../../../shared/errors.ts';
import type { Claim, TaskQueue } from './task_queue.ts';

/** What a worker asks of its queue. */
export type WorkerQueue = Pick<TaskQueue, 'claim' | 'greet' | 'tally' | 'report'>;

/** A queue that is restarted within this time still takes what a side that ends has to say. */
export const LAST_ANSWER_MS = 5000;

/**
 * Waits for an answer of a queue for as long as it takes, since a server that was restarted answers later; but once
 * this side is to end, for no more than `LAST_ANSWER_MS`.
 * @param ending aborted when this side is to end
 * @throws MinutehandError QUEUE_UNREACHABLE; the error of `answer`
 */
export function lastAnswer<Value>(answer: Promise<Value>, ending: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    const giveUp = (): void =>
      reject(new MinutehandError('QUEUE_UNREACHABLE', { seen: `no answer in ${LAST_ANSWER_MS / 1000} s, at the end` }));
    const begin = (): void => {
      timer = setTimeout(giveUp, LAST_ANSWER_MS);
    };
    if (ending.aborted) begin();
    else ending.addEventListener('abort', begin, { once: true });
    const forget = (): void => {
      clearTimeout(timer);
      ending.removeEventListener('abort', begin);
    };
    answer.finally(forget).then(resolve, reject);
  });
}

/** The queue of a worker, which waits for each answer as `lastAnswer` does. */
export function patientQueue(queue: WorkerQueue, ending: AbortSignal): WorkerQueue {
  const patient = (claim: Claim): Claim => ({
    task: claim.task,
    attempt: claim.attempt,
    progress: (done, total) => lastAnswer(claim.progress(done, total), ending),
    extend: () => lastAnswer(claim.extend(), ending),
    complete: () => lastAnswer(claim.complete(), ending),
    fail: (error, mayRetry) => lastAnswer(claim.fail(error, mayRetry), ending),
  });
  return {
    async claim(worker, has) {
      const claim = await lastAnswer(queue.claim(worker, has), ending);
      return claim === null ? null : patient(claim);
    },
    greet: (worker, state) => lastAnswer(queue.greet(worker, state), ending),
    tally: (learner, more) => lastAnswer(queue.tally(learner, more), ending),
    report: (difference) => lastAnswer(queue.report(difference), ending),
  };
}
