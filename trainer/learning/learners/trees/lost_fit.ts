import { MinutehandError, type ErrorCode } from '../../../../shared/errors.ts';

/** What says nothing about the data or the parameters of a fit: another attempt may succeed. */
const LOSSES: readonly ErrorCode[] = [
  'LEARNER_THREAD',
  'LEARNER_PROCESS',
  'BLOB_MISSING',
  'BLOB_DAMAGED',
  'BLOBS_UNREACHABLE',
  'TASK_LOST',
  'TASK_MEMORY',
  'TASK_TIME',
];

/** Whether a learner or its data refuses a fit: the same fit would be refused again, on any machine. */
export function isRefusedFit(error: unknown): error is MinutehandError {
  return error instanceof MinutehandError && !LOSSES.includes(error.code);
}
