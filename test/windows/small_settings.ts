import { ADOPTABLE, ADOPTABLE_SAMPLES } from '../adoptable_settings.ts';
import { tinySettings } from '../tiny_models.ts';

/** The smallest training that passes every gate, and a second one of the same bars that is as good as the first. */
export const SMALL_SETTINGS = tinySettings({
  core: ADOPTABLE.core,
  retrain: { quality_min_samples: ADOPTABLE_SAMPLES, monitor_minutes: 10_080 },
  minutehand: {
    ...ADOPTABLE.minutehand,
    simulated: { seed: 2, bar_interval_ms: 500, history_bars: 600 },
    log: { level: 'info' },
  },
});
