import type { OpenTime } from '../../shared/bar.ts';
import { clipBars, readBarFolder, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { realData } from '../../shared/bar_file/real_data.fixture.ts';
import { parsePair, symbolsOf } from '../../shared/pair.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { train } from '../../trainer/learning/training/pipeline.ts';
import { tinyTraining } from '../tiny_models.ts';
import { tinySettings } from '../tiny_settings.ts';
import { bundleValues } from './bundle_values.ts';
import { backtestValues, replayValues } from './decision_parts.ts';
import type { GoldenPart } from './part.ts';
import type { Value } from './values.ts';
import type { Workshop } from './workshop.ts';

const DATA = realData('m1');
const DAY = 86_400;
const at = (day: string): OpenTime => (Date.parse(`${day}T00:00:00Z`) / 1000) as OpenTime;
const LEARNED_FROM = at('2019-05-01');
const WARM_UP_FROM = at('2019-06-24');
const JULY = at('2019-07-01');
const AUGUST = at('2019-08-01');
const PAIRS = ['EURUSD_GBPUSD', 'AUDUSD_NZDUSD', 'XAUUSD_XAGUSD'];
const TREES = { rounds: 60, learning_rate: 0.1, leaves: 15, min_data_in_leaf: 100 };

/** With the delivered look-backs, rules and labels. */
function realSettings(): Settings {
  const { windows, decision, label } = loadSettings({ env: {} }).minutehand;
  const models = { ai1: TREES, ai2: TREES, ai3: TREES, max_rows: 40_000 };
  return tinySettings({ minutehand: { pairs: PAIRS, windows, decision, label, train: models } });
}

function cut(bars: ReadonlyMap<string, BarColumns>, from: OpenTime, to: OpenTime): Map<string, BarColumns> {
  return new Map([...bars].map(([symbol, columns]) => [symbol, clipBars(columns, from, to)]));
}

async function measure(workshop: Workshop): Promise<Value> {
  const settings = realSettings();
  const all = await readBarFolder(DATA!, symbolsOf(PAIRS.map(parsePair)));
  const bars = cut(all, LEARNED_FROM, JULY);
  const { path, dataset } = await train(tinyTraining(workshop.folder('real'), { settings, bars }));
  const july = cut(all, WARM_UP_FROM, AUGUST);
  return {
    dataset: dataset.snapshotId,
    bundle: bundleValues(path),
    backtest: await backtestValues(path, settings, july, JULY),
    replay: await replayValues({ settings, path, bars: july, from: JULY, every: DAY }),
  };
}

/** Recordings may not be passed on: the record has hashes and no figures, and nobody publishes a dump of this part. */
export const REAL_PARTS: readonly GoldenPart[] = [
  {
    name: 'real',
    what: 'real bars of 2019: training on two months, backtest and replay of July',
    depth: 2,
    skipped: DATA === null ? 'no real data here, set MINUTEHAND_TEST_DATA' : null,
    measure,
  },
];
