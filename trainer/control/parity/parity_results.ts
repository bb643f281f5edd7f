import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { Store } from '../../store/store.ts';

/** What a certificate has for reports. */
export interface ParityOfDay {
  readonly market: string;
  readonly shard: string;
  readonly day: string;
  readonly verdict: string;
  readonly replay: {
    readonly signals: number;
    readonly equal: number;
    readonly different: number;
    readonly unanswered?: number;
  };
  readonly decisions: Readonly<Record<string, { readonly mismatches: number }>>;
}

/** Stores the result of a day; a later one of the same day replaces it. */
export async function keepParityResult({ db }: Store, certificate: ParityOfDay, nowMs: number): Promise<void> {
  const { shard, day, verdict, replay, decisions } = certificate;
  const decided = Object.values(decisions).reduce((sum, { mismatches }) => sum + mismatches, 0);
  const result = {
    verdict,
    signals: replay.signals - (replay.unanswered ?? 0),
    equal_signals: replay.equal,
    certified_ms: nowMs,
    mismatches: replay.different + decided,
  };
  await db
    .insertInto('core.parity_results')
    .values({ market: certificate.market as Market, shard, day, ...result })
    .onConflict((conflict) => conflict.columns(['market', 'shard', 'day']).doUpdateSet(result))
    .execute();
}
