import { serveTasks } from '../threads/thread_program.ts';
import { scanPair } from './scan_pair.ts';

serveTasks(scanPair);
