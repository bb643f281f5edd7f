import { daemonMetrics } from '../../../shared/process/daemon_metrics.ts';

const BUCKETS = /^minutehand_bar_to_signal_seconds_bucket\{transport="websocket",le="([^"]+)"\} (\d+)$/gm;

/** Figures of a daemon's `/metrics`; null where unknown. */
export interface DaemonFigures {
  readonly latency_us_p50: number | null;
  readonly latency_us_p99: number | null;
  readonly bars_total: number | null;
}

/** Reads a daemon's metrics. Never rejects. */
export async function readDaemonFigures(url: string | null): Promise<DaemonFigures> {
  return figuresOf(url === null ? '' : await daemonMetrics(url));
}

/** @param text in Prometheus text format */
export function figuresOf(text: string): DaemonFigures {
  const accepted = /^minutehand_bars_total\{outcome="accepted"\} (\d+)$/m.exec(text);
  const buckets = [...text.matchAll(BUCKETS)];
  const bounds = buckets.map(([, le, count]) => ({ le: le === '+Inf' ? Infinity : Number(le), count: Number(count) }));
  const us = (share: number): number | null => {
    const seconds = quantileOf(bounds, share);
    return seconds === null ? null : Math.round(seconds * 1e6);
  };
  return {
    latency_us_p50: us(0.5),
    latency_us_p99: us(0.99),
    bars_total: accepted === null ? null : Number(accepted[1]),
  };
}

/** Linear interpolation within a bucket, as in Prometheus' histogram_quantile. Counts are cumulative. */
function quantileOf(bounds: readonly { readonly le: number; readonly count: number }[], share: number): number | null {
  const total = bounds.at(-1)?.count ?? 0;
  if (total === 0) return null;
  const rank = share * total;
  const at = bounds.findIndex(({ count }) => count >= rank);
  const below = bounds[at - 1] ?? { le: 0, count: 0 };
  const found = bounds[at]!;
  if (found.le === Infinity) return below.le;
  return below.le + ((found.le - below.le) * (rank - below.count)) / (found.count - below.count);
}
