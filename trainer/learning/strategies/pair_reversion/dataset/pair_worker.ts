import { serveTasks } from '../../../threads/thread_program.ts';
import { buildPair } from './pair_build.ts';
import { buffersOf } from './pair_columns.ts';

/** A thread of `buildPairs`. */
serveTasks(buildPair, buffersOf);
