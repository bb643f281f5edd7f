import { cpSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { minutes } from '../../shared/bar_file/bar_file.ts';
import { homePaths } from '../../shared/home.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { lookAtModels, type LookTask } from '../../trainer/control/monitor/look.ts';
import { activate, activateDirection } from '../activate.ts';
import { writeTinyDirection } from '../tiny_direction.ts';
import { tinySettings } from '../tiny_settings.ts';
import { livePlainly } from './home/daemon_life.ts';
import { loadLifeModels, releaseLifeModels } from './home/make_home.ts';
import type { GoldenPart } from './part.ts';
import { asValue, type Value } from './values.ts';
import { LEARNED_MINUTES, type Workshop } from './workshop.ts';

/** Minutes after the training that a daemon has answered: enough that outcomes of a day ahead are known. */
const LIVE_MINUTES = 2600;
const INSTRUMENT = 'XAUUSD@5m';

async function measure(workshop: Workshop): Promise<Value> {
  const settings = tinySettings({ minutehand: { instruments: [INSTRUMENT] } });
  const paths = homePaths({ MINUTEHAND_HOME: workshop.folder('monitor home') });
  const { path } = await workshop.fullTraining();
  const champion = basename(path);
  cpSync(path, join(paths.models, champion), { recursive: true });
  const direction = writeTinyDirection(paths.models, 'XAUUSD', '5m', new Date('2024-01-05T12:00:00Z'));
  const versions = { champion, challenger: champion, directions: { '5m': direction } };
  const models = await loadLifeModels({ paths }, settings, versions);
  const journalPath = paths.journal('simulated', 'main');
  mkdirSync(dirname(journalPath), { recursive: true });
  const journal = openJournal(journalPath);
  try {
    const market = [...minutes(workshop.firstBars(LEARNED_MINUTES + LIVE_MINUTES))];
    await livePlainly({ settings, market, models, journal, backfilled: LEARNED_MINUTES, change: () => undefined });
  } finally {
    journal.close();
    await releaseLifeModels(models);
  }
  const task: LookTask = {
    settings,
    modelsFolder: paths.models,
    journals: [journalPath],
    storeUrl: null,
    nowMs: Date.parse('2024-01-10T00:00:00Z'),
  };
  activateDirection(paths.models, direction, paths.home);
  const directionsAlone = asValue(await lookAtModels(task));
  activate(paths.models, champion);
  return { pairs: asValue(await lookAtModels(task)), directions: directionsAlone };
}

export const MONITOR_PARTS: readonly GoldenPart[] = [
  {
    name: 'monitor',
    what: 'a look of the monitor at the active models of pairs and of an instrument, and at those of the instrument alone',
    depth: 2,
    figures: ['pairs/performance/auc/live', 'pairs/kpi/total/trades', 'pairs/kpi/total/win_rate'],
    measure,
  },
];
