import { loadSettings } from '../../shared/policy/policy.ts';
import { openStore } from '../../trainer/store/store.ts';
import { tinyBars, tinySettings } from '../tiny_models.ts';

const { pairs, windows, decision, label } = loadSettings({ env: {} }).minutehand;
const SHORT = { rounds: 10, learning_rate: 0.1, leaves: 7, min_data_in_leaf: 100 };
const MINUTES = 8000;

/** The smallest training that passes every gate, and a second one of the same bars that is as good as the first. */
export const SMALL_SETTINGS = tinySettings({
  core: { theta_step: 0.1 },
  retrain: { quality_min_samples: 1000, monitor_minutes: 10_080 },
  minutehand: {
    pairs: pairs.slice(0, 3),
    windows,
    decision,
    label,
    train: { ai1: SHORT, ai2: SHORT, ai3: SHORT, folds: 2, max_rows: 10_000 },
    search: { trials: 0, theta_evaluations: 0 },
    simulated: { seed: 2, bar_interval_ms: 500, history_bars: 600 },
    log: { level: 'info' },
  },
});

/** Puts the bars that such a training learns from into the store of a home. */
export async function storeSmallBars(path: string): Promise<void> {
  const store = await openStore(path);
  for (const columns of tinyBars(SMALL_SETTINGS, MINUTES).values()) await store.bars.put('simulated', columns);
  await store.close();
}
