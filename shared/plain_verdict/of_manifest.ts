import type { Manifest } from '../bundle/manifest.ts';
import { plainVerdict, type PlainVerdict } from './plain_verdict.ts';

const DAY_MS = 86_400_000;

/** Days between two instants, ISO 8601, rounded, at least 1. */
export function daysBetween(from: string, to: string): number {
  return Math.max(1, Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS));
}

/** What the holdout of a bundle of pairs says of its trades. */
export function verdictOfManifest({ edge, period }: Pick<Manifest, 'edge' | 'period'>): PlainVerdict {
  const proven = Object.entries(edge).map(([subject, own]) => ({
    subject,
    has_edge: !own.no_edge,
    trades: own.trades,
    gross_bps: own.mean_gross_bps,
    net_bps: own.mean_net_bps,
    break_even_cost_bps: own.break_even_cost_bps ?? null,
  }));
  return plainVerdict(proven, daysBetween(period.holdout_from, period.to));
}
