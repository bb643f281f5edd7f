import { serveTasks } from '../threads/thread_program.ts';
import { buffersOf, placeboRowsOf } from './placebo_rows.ts';

/** A thread of `placeboMarkets`. */
serveTasks(placeboRowsOf, buffersOf);
