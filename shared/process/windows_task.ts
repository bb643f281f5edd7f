import { join } from 'node:path';

/** Of the task of Windows' Task Scheduler that runs everything. */
export const TASK_NAME = 'minutehand';

/** The definition of the task that was installed for this home; absent without one. */
export function taskDefinition(home: string): string {
  return join(home, 'service', 'task.xml');
}
