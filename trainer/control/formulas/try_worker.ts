import '../../../shared/low_priority.ts';
import { serveTasks } from '../../learning/threads/thread_program.ts';
import { tryFormula } from './try_formula.ts';

/** The thread of a trial. */
serveTasks(tryFormula);
