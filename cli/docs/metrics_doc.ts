import type { Metric } from '../../shared/metrics/metric.ts';
import { DAEMON_METRICS, PROCESS_METRICS } from '../../daemon/metrics/metrics.ts';
import { TRAINER_METRICS } from '../../trainer/control/metrics/metrics.ts';
import { table } from './table.ts';

/** docs/reference/METRICS.md: the list of metrics. */
export function renderMetricsDoc(): string {
  return `# Metrics

Generated from \`{daemon,trainer}/metrics/metrics.ts\` by \`npm run docs\`. Do not edit. \`GET /metrics\`; times and ages
are in seconds, histograms of times have buckets from 1 µs to 1 s. Alerts: [OPERATE.md](../guides/OPERATE.md#metrics).

## Of a daemon

${metricTable(DAEMON_METRICS)}

## Of its process

${metricTable(PROCESS_METRICS)}

## Of a trainer

${metricTable(TRAINER_METRICS)}
`;
}

function metricTable(metrics: readonly Metric<never>[]): string {
  const rows = metrics.map(({ name, labels = [], type, help }) => {
    const withLabels = labels.length === 0 ? name : `${name}{${labels.join()}}`;
    return [`\`${withLabels}\``, type, help];
  });
  return table(['metric', 'type', 'meaning'], rows);
}
