import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SCAN_JOB } from '../../jobs/kinds/scan_job.fixture.ts';
import { bearer, openApiWorkplace } from '../api/api.fixture.ts';

/** Of proc_pid_stat(5): SCHED_OTHER and SCHED_IDLE. */
const OTHER = 0;
const IDLE = 5;
/** As `up` and services start the trainer. */
const LOWERED = 10;
/** An idle process waits for all others. */
const WAIT_MS = 120_000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-priority-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(process.platform !== 'linux')('jobs of the trainer', () => {
  it.each([
    { priority: 'idle', expected: `${Math.max(getPriority(), LOWERED)} ${IDLE}` },
    { priority: 'normal', expected: `${getPriority()} ${OTHER}` },
  ] as const)(
    'run as retrain_job_priority says: $priority',
    async ({ priority, expected }) => {
      mkdirSync(join(folder, 'seen'));
      // Nice value and scheduling policy, once the trainer has had time to lower them.
      const program = `sleep 0.5; cut -d ' ' -f 19,41 /proc/$$/stat > "$0/seen/$$.part" && mv "$0/seen/$$.part" "$0/seen/$$"; exit 3`;
      const overrides = { retrain: { retrain_job_priority: priority, retrain_retry_max: 0, retrain_min_free_mb: 0 } };
      const api = await openApiWorkplace(overrides, undefined, ['sh', '-c', program, folder]);
      try {
        const headers = bearer(await api.token('approver'));
        const seen = (): string[] =>
          readdirSync(join(folder, 'seen'))
            .filter((name) => !name.endsWith('.part'))
            .map((name) => readFileSync(join(folder, 'seen', name), 'utf8').trim());
        expect((await api.ask('POST', '/api/jobs', { headers, body: { job: SCAN_JOB } })).status).toBe(202);
        await vi.waitFor(() => expect(seen()).toEqual([expected]), WAIT_MS);
        expect((await api.ask('POST', '/retrain', { headers })).status).toBe(202);
        await vi.waitFor(() => expect(seen()).toEqual([expected, expected]), WAIT_MS);
      } finally {
        await api.close();
      }
    },
    2 * WAIT_MS + 60_000,
  );
});
