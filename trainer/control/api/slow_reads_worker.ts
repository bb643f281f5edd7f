import { workerData } from 'node:worker_threads';
import { serveTasks } from '../../learning/threads/thread_program.ts';
import { openSlowReads, type ReadPlace } from './slow_reads.ts';

/** The thread of slow reads. */
serveTasks(openSlowReads(workerData as ReadPlace).answer);
