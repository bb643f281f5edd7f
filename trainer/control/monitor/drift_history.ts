import type { MarketKind } from '../../../shared/signal/signal.ts';
import { utcDay } from '../../../shared/utc_day.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openStore, storeUrl, type Store } from '../../store/store.ts';
import { isSkipped } from '../../learning/profile/part.ts';
import type { MonitorReport } from './report.ts';

/** Stores the drift of a check for reports. @throws MinutehandError STORE_UNUSABLE */
export async function keepDrift(
  { settings, paths }: { readonly settings: Settings; readonly paths: HomePaths },
  report: Pick<MonitorReport, 'version' | 'drift'>,
  lookedMs: number,
): Promise<void> {
  if (isSkipped(report.drift)) return;
  const store = await openStore(storeUrl(process.env, paths));
  try {
    await writeDrift(store, settings.minutehand.market, report, lookedMs);
  } finally {
    await store.close();
  }
}

/** The last check of a UTC day replaces earlier ones. */
export async function writeDrift(
  { db }: Store,
  market: MarketKind,
  { version: model_version, drift }: Pick<MonitorReport, 'version' | 'drift'>,
  looked_ms: number,
): Promise<void> {
  if (isSkipped(drift) || drift.features.length === 0) return;
  const day = utcDay(looked_ms);
  const rows = drift.features.map(({ name: feature, psi, psi_noise }) => ({
    market,
    model_version,
    day,
    feature,
    psi,
    looked_ms,
    psi_noise: Number.isFinite(psi_noise) ? psi_noise : null,
  }));
  await db
    .insertInto('core.drift_figures')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['market', 'model_version', 'day', 'feature']).doUpdateSet(({ ref }) => ({
        psi: ref('excluded.psi'),
        psi_noise: ref('excluded.psi_noise'),
        looked_ms: ref('excluded.looked_ms'),
      })),
    )
    .execute();
}
