import { linesOf } from '../../../shared/metrics/metric.ts';
import { TRAINER_METRICS, type TrainerMetricsSource } from './metrics.ts';

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Text of `/metrics` of a trainer, for Prometheus. */
export async function metricsText(source: TrainerMetricsSource): Promise<string> {
  const lines: string[] = [];
  for (const metric of TRAINER_METRICS) lines.push(...linesOf(metric, await metric.read(source)));
  return `${lines.join('\n')}\n`;
}
