import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderBenchmarks } from '../bench/report.ts';
import type { BenchResult } from '../bench/parts.ts';
import { DEFAULT } from '../shared/core/features/features.fixture.ts';
import { renderErrorsDoc } from '../cli/docs/errors_doc.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';
import { renderEnginesDoc } from '../cli/docs/engines_doc.ts';
import { renderDegradationsDoc } from '../cli/docs/degradations_doc.ts';
import { renderNotificationsDoc } from '../cli/docs/notifications_doc.ts';
import { renderStorageDoc } from '../cli/docs/storage_doc.ts';
import { renderMetricsDoc } from '../cli/docs/metrics_doc.ts';
import { renderGatesDoc } from '../cli/docs/gates_doc.ts';
import { instrumentJsonSchema, signalJsonSchema } from '../cli/docs/signal_json_schema.ts';

const read = (name: string): string => readFileSync(join(packageRoot(), 'docs', name), 'utf8');

describe('generated documents (written by `npm run docs`)', () => {
  it('docs/reference/FEATURES.md, tested with the features, uses the windows of config/minutehand.yaml', () => {
    expect(loadSettings({ env: {} }).minutehand.windows).toEqual(DEFAULT);
  });

  it('docs/reference/ERRORS.md is the table of codes', () => {
    expect(read('reference/ERRORS.md')).toBe(renderErrorsDoc());
  });

  it('docs/reference/ENGINES.md is the list of engines', () => {
    expect(read('reference/ENGINES.md')).toBe(renderEnginesDoc());
  });

  it('docs/reference/GATES.md is the list of gates', () => {
    expect(read('reference/GATES.md')).toBe(renderGatesDoc());
  });

  it('docs/reference/BENCHMARKS.md shows the run on record, bench/results/latest.json', () => {
    const result = JSON.parse(
      readFileSync(join(packageRoot(), 'bench', 'results', 'latest.json'), 'utf8'),
    ) as BenchResult;
    expect(read('reference/BENCHMARKS.md')).toBe(renderBenchmarks(result));
  });

  it('docs/reference/NOTIFICATIONS.md is the list of events', () => {
    expect(read('reference/NOTIFICATIONS.md')).toBe(renderNotificationsDoc());
  });

  it('docs/reference/METRICS.md is the list of metrics', () => {
    expect(read('reference/METRICS.md')).toBe(renderMetricsDoc());
  });

  it('docs/reference/DEGRADATIONS.md is the list of degradations', () => {
    expect(read('reference/DEGRADATIONS.md')).toBe(renderDegradationsDoc());
  });

  it('docs/reference/STORAGE.md is the list of files and tables', () => {
    expect(read('reference/STORAGE.md')).toBe(renderStorageDoc());
  });

  it('docs/signal.schema.json is the schema that signals are verified with', () => {
    expect(JSON.parse(read('signal.schema.json'))).toEqual(JSON.parse(JSON.stringify(signalJsonSchema())));
    expect(JSON.parse(read('instrument.schema.json'))).toEqual(JSON.parse(JSON.stringify(instrumentJsonSchema())));
  });
});
