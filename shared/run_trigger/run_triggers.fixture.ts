import type { RunTrigger, ScheduleName } from './run_trigger.ts';

/** What asks for runs in tests. */
export const REQUESTED: RunTrigger = { code: 'request', values: { door: 'retrain', options: {}, settings: {} } };
export const REQUESTED_BY_API: RunTrigger = { code: 'request', values: { door: 'api', options: {}, settings: {} } };

export const scheduled = (schedule: ScheduleName = 'full'): RunTrigger => ({ code: 'schedule', values: { schedule } });

/** @param more tells one from another */
export const monitored = (more = 0): RunTrigger => ({ code: 'monitor', values: { findings: [], more } });
