import { loadSettings } from '../shared/policy/policy.ts';
import { openStore } from '../trainer/store/store.ts';
import { tinyBars, type SettingsOverrides } from './tiny_settings.ts';
import type { Settings } from '../shared/policy/policy.ts';

const { pairs, windows, decision, label } = loadSettings({ env: {} }).minutehand;
const SHORT = { rounds: 10, learning_rate: 0.1, leaves: 7, min_data_in_leaf: 100 };
/** `quality_min_samples` */
export const ADOPTABLE_SAMPLES = 1000;
/** Bars of each symbol that such a training needs. */
export const ADOPTABLE_MINUTES = 8000;

/**
 * The smallest training that passes every gate: look-backs as delivered, three pairs, 8,000 minutes. Without a search,
 * so that a second training on the same bars gives the same models, which are not worse than the first.
 */
export const ADOPTABLE = {
  core: { theta_step: 0.1 },
  retrain: {
    quality_min_samples: ADOPTABLE_SAMPLES,
    // The monitor looks at minutes of the market, which passes quickly here.
    monitor_minutes: 10_080,
    // Both arms decide entries at once.
    deployment_stages: [
      { name: 'test', allocation: 0.5, duration: '24h' },
      { name: 'pilot', allocation: 0.6, duration: '3d' },
      { name: 'rollout', allocation: 0.7, duration: '7d' },
      { name: 'full', allocation: 1, duration: 'ongoing' },
    ],
  },
  minutehand: {
    pairs: pairs.slice(0, 3),
    windows,
    decision,
    label,
    train: { ai1: SHORT, ai2: SHORT, ai3: SHORT, folds: 2, max_rows: 10_000 },
    search: { trials: 0, theta_evaluations: 0 },
    simulated: { seed: 2, bar_interval_ms: 100, history_bars: 600 },
  },
} satisfies SettingsOverrides;

/**
 * Puts the first minutes of the bars of a simulated market into a store.
 * @param url of the store, or the path of its file
 */
export async function storeBars(url: string, settings: Settings, minutes = ADOPTABLE_MINUTES): Promise<void> {
  const store = await openStore(url);
  for (const columns of tinyBars(settings, minutes).values()) await store.bars.put('simulated', columns);
  await store.close();
}
