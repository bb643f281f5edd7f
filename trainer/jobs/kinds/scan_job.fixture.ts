import type { ScanJob } from './scan_job.ts';

/** A scan of the simulated market, as `scan --print-job` writes it. */
export const SCAN_JOB: ScanJob = {
  kind: 'scan',
  market: 'simulated',
  period: { from: null, to: null },
  symbols: null,
  source: { folder: null },
  seed: 0,
  parameters: {
    timeframes: ['5m'],
    windows: null,
    holdout_from: null,
    costs: 'profile',
    level: 0.05,
    resamples: 200,
  },
  output: { folder: null },
  resources: { workers: 1 },
  trigger: { code: 'command', values: { command: 'scan' } },
};
