import { serveTasks } from '../../../threads/thread_program.ts';
import { readSymbol } from './folder_bars.ts';

/** A thread of `readFolderBars`. */
serveTasks(readSymbol);
