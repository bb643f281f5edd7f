import type * as z from 'zod';
import type { Market } from '../../../../shared/bar_file/bar_sink.ts';
import { symbolsOf } from '../../../../shared/pair.ts';
import { screenPolicy, shardsOf, shardSubjects } from '../../../../shared/policy/policy.ts';
import { scanOnThread } from '../../data_quality/coverage_thread.ts';
import { storeUrlIfThere } from '../../../store/store.ts';
import type { Api, ApiContext } from '../context.ts';
import { dataRoutes, dataProgressSchema, dataSchema } from '../../schema/data.ts';

const KEPT_MS = 5 * 60_000;

type Scan = z.infer<typeof dataSchema>;
type Progress = z.infer<typeof dataProgressSchema>;

/** `GET /api/data` and `GET /api/data/progress`. */
export function addDataRoutes(api: Api, context: ApiContext): void {
  const configured = context.settings.minutehand.market;
  const scans = new Map<Market, MarketScans>();
  const scansOf = (market: Market = configured): MarketScans => {
    const own = scans.get(market) ?? new MarketScans(context, market);
    scans.set(market, own);
    return own;
  };

  api.route({
    ...dataRoutes['GET /api/data'],
    handler: ({ query: { market } }) => scansOf(market).newest(),
  });
  api.route({
    ...dataRoutes['GET /api/data/progress'],
    handler: ({ query: { market } }) => scansOf(market).progress,
  });
}

/** Scans of the bars of one market, one at a time. */
class MarketScans {
  progress: Progress = { scan: null };
  readonly #context: ApiContext;
  readonly #market: Market;
  #kept: { readonly scan: Scan; readonly revision: string } | null = null;
  #scanning: Promise<Scan> | null = null;

  constructor(context: ApiContext, market: Market) {
    this.#context = context;
    this.#market = market;
  }

  /** The last scan; an outdated one is returned while it is being renewed, unless bars were imported or removed. */
  async newest(): Promise<Scan> {
    const revision = await revisionOf(this.#context, this.#market);
    const kept = this.#kept?.revision === revision ? this.#kept.scan : null;
    if (kept === null || this.#context.clock.nowMs() - Date.parse(kept.scanned_at) > KEPT_MS)
      this.#scanning ??= this.#scan(revision);
    if (kept === null) return await this.#scanning!;
    this.#scanning?.catch(() => undefined);
    return kept;
  }

  async #scan(revision: string): Promise<Scan> {
    try {
      const found = await scan(this.#context, this.#market, (done, total) => {
        this.progress = { scan: { done, total } };
      });
      this.#kept = { scan: found, revision };
      return found;
    } finally {
      this.#scanning = null;
      this.progress = { scan: null };
    }
  }
}

/** As `ImportRuns.revision`; empty without a store. */
async function revisionOf({ store, paths }: ApiContext, market: Market): Promise<string> {
  if (storeUrlIfThere(process.env, paths) === null) return '';
  return await (await store()).importRuns.revision(market);
}

async function scan(
  { settings, paths, clock }: ApiContext,
  market: Market,
  onSymbol: (done: number, total: number) => void,
): Promise<Scan> {
  const shards = shardsOf(settings.minutehand);
  const beganUs = clock.monotonicUs();
  const scannedAt = new Date(clock.nowMs()).toISOString();
  const task = {
    symbols: symbolsOf(shards.flatMap(({ name }) => shardSubjects(settings.minutehand, name))),
    market,
    journals: shards.map(({ name }) => paths.journal(market, name)),
    storeUrl: storeUrlIfThere(process.env, paths),
    screening: screenPolicy(settings),
  };
  const symbols = await scanOnThread(task, onSymbol);
  return {
    scanned_at: scannedAt,
    duration_ms: Math.round((clock.monotonicUs() - beganUs) / 1000),
    symbols: symbols.map(({ days, longest_gaps, greatest_spikes, ...rest }) => ({
      ...rest,
      days: [...days],
      longest_gaps: [...longest_gaps],
      greatest_spikes: [...greatest_spikes],
    })),
  };
}
