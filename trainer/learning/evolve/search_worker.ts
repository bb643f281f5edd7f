import { serveTasks } from '../threads/thread_program.ts';
import { makeGeneration } from './make_generation.ts';

serveTasks(makeGeneration);
