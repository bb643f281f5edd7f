import { mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { directionFolder, liveInstrumentSchema } from '../../../shared/bundle/direction/active_direction.ts';
import { loadDirectionModel, type DirectionModel } from '../../../shared/bundle/direction/direction_model.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../../../shared/bundle/model_set.ts';
import { homePaths } from '../../../shared/home.ts';
import { TIMEFRAMES, type Timeframe } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { train } from '../../../trainer/learning/training/pipeline.ts';
import { writeConfig } from '../../cli_process.ts';
import { writeTinyDirection } from '../../tiny_direction.ts';
import { tinyTraining } from '../../tiny_models.ts';
import { tinyBars, tinySettings, type SettingsOverrides } from '../../tiny_settings.ts';
import { groupTraining } from '../group_training.ts';
import { LIFE_MINUTES, liveThrough, type LifeModels } from './daemon_life.ts';
import { COIN, marketMinutes } from './old_market.ts';
import type { Place } from './place.ts';
import { fillStore } from './store_life.ts';

export function placeIn(folder: string): Place {
  return { config: join(folder, 'config'), paths: homePaths({ MINUTEHAND_HOME: join(folder, 'home') }) };
}

/** Minutes that the champion is trained on. */
const LEARNED_MINUTES = 2400;

function homeSettings(overrides: SettingsOverrides = {}): Settings {
  const { core = {}, minutehand = {} } = overrides;
  return tinySettings({
    core,
    minutehand: {
      instruments: [COIN, 'XAUUSD@5m'],
      feed: { silence_degraded_intervals: 2.5, silence_halt_intervals: 5 },
      ...minutehand,
    },
  });
}

/** One policy between two bars, another one between two processes. */
function laterPolicies(): [Settings, Settings] {
  const drawdown: [number, number][] = [[0.0005, 0.5]];
  return [
    homeSettings({ core: { leverage_reduction_rate: { drawdown, risk_score: [] } } }),
    homeSettings({ minutehand: { decision: { z_entry: 1.6 } } }),
  ];
}

async function makeBundles(models: string, settings: Settings): Promise<{ champion: string; challenger: string }> {
  const champion = await train({
    ...tinyTraining(models, { settings, target: 'net', created: new Date('2024-01-05T12:00:00Z') }),
    bars: tinyBars(settings, LEARNED_MINUTES),
  });
  const challenger = await train(groupTraining(models, new Date('2024-01-06T12:00:00Z')));
  return { champion: champion.path, challenger: challenger.path };
}

const DIRECTIONS: readonly (readonly [timeframe: Timeframe, symbol: string])[] = [
  ['1m', COIN],
  ['5m', 'XAUUSD'],
];

/** Versions of models of a life. */
export interface LifeVersions {
  readonly champion: string;
  readonly challenger: string;
  readonly directions: Readonly<Partial<Record<Timeframe, string>>>;
}

/** Opens models of a home for a life of the daemon. */
export async function loadLifeModels(
  { paths }: Pick<Place, 'paths'>,
  settings: Settings,
  versions: LifeVersions,
): Promise<LifeModels> {
  const { windows, pairs } = settings.minutehand;
  const load = (version: string) => loadModelSet(join(paths.models, version), featureSchema(windows), pairs.length);
  const champion = await load(versions.champion);
  const challenger = await load(versions.challenger);
  const directions: Partial<Record<Timeframe, DirectionModel>> = {};
  for (const [timeframe, version] of Object.entries(versions.directions) as [Timeframe, string][])
    directions[timeframe] = await loadLifeDirection({ paths }, timeframe, version);
  return { champion, challenger, directions };
}

export function loadLifeDirection(
  { paths }: Pick<Place, 'paths'>,
  timeframe: Timeframe,
  version: string,
): Promise<DirectionModel> {
  const path = join(directionFolder(paths.models), version);
  return loadDirectionModel(path, liveInstrumentSchema(TIMEFRAMES[timeframe]), 1);
}

export async function releaseLifeModels({ champion, challenger }: LifeModels): Promise<void> {
  await champion.release();
  await challenger.release();
}

/**
 * Makes the home of an installation that has lived: configuration, bundles, a journal with every kind of input, a
 * store. The same code makes the same, up to random ids of the store.
 */
export async function makeHome(folder: string): Promise<Place> {
  const place = placeIn(folder);
  const { config, paths } = place;
  const settings = homeSettings();
  mkdirSync(paths.models, { recursive: true });
  writeConfig(config, settings);
  const bundles = await makeBundles(paths.models, settings);
  const directions = DIRECTIONS.map(([timeframe, symbol], index) => {
    const created = new Date(Date.UTC(2024, 0, 7 + index, 12));
    return [timeframe, writeTinyDirection(paths.models, symbol, timeframe, created)] as const;
  });
  const models = await loadLifeModels(place, settings, {
    champion: basename(bundles.champion),
    challenger: basename(bundles.challenger),
    directions: Object.fromEntries(directions),
  });
  const path = paths.journal('simulated', 'main');
  mkdirSync(dirname(path), { recursive: true });
  const journal = openJournal(path);
  try {
    await liveThrough({
      settings,
      laterPolicies: laterPolicies(),
      market: marketMinutes(settings, LIFE_MINUTES),
      models,
      journal,
    });
  } finally {
    journal.close();
    await releaseLifeModels(models);
  }
  await fillStore(place, settings);
  return place;
}
