import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { activateDirection } from '../../../test/activate.ts';
import type { OpenTime } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import type { InputDescription } from '../../../shared/bundle/input_novelty.ts';
import { createRng } from '../../../shared/rng.ts';
import { openJournal, type SignalRow } from '../../../shared/store/journal.ts';
import { writeTinyDirection } from '../../../test/tiny_direction.ts';
import { PREDICTION_BIAS_LIMITS } from '../../learning/strategies/direction/gates/bias_limits.fixture.ts';
import pino from 'pino';
import { homePaths } from '../../../shared/home.ts';
import { barAt } from '../../../shared/bar_file/bar_file.ts';
import { tinySettings } from '../../../test/tiny_models.ts';
import type { RunRequest } from '../schedule/run.ts';
import { lookAtDirections, type LiveDirections } from './direction_look.ts';
import { lookAtModels } from './look.ts';
import { startMonitor } from './monitor.ts';

const DAYS = 40;
const START = 1_700_006_400;
const root = mkdtempSync(join(tmpdir(), 'minutehand-direction-look-'));
const models = join(root, 'models');
const version = writeTinyDirection(models, 'BTCUSDT', '1h');
activateDirection(models, version, root);
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** One bar per ten minutes of a random walk that moves 2 % in some hours. */
function walk(): BarColumns {
  const rng = createRng('live direction');
  const length = DAYS * 144;
  let price = 100;
  const close = Float64Array.from({ length }, () => (price *= Math.exp(0.004 * rng.normal())));
  const time = close.map((_, i) => START + i * 600 + 540);
  const volume = close.map(() => 1);
  return { symbol: 'BTCUSDT', length, time, open: close, high: close, low: close, close, volume, spread: null };
}

/** A journal whose signals call up in this share of the hours. */
function journalOf(
  name: string,
  ups: number,
  ofVersion = version,
  noveltyAt: (hour: number) => object = () => ({}),
): string {
  const path = join(root, `${name}.db`);
  const rng = createRng(name);
  const rows = Array.from({ length: DAYS * 24 }, (_, hour): SignalRow => {
    const [up, down] = rng.uniform() < ups ? [0.5, 0.2] : [0.2, 0.5];
    const body = {
      model_version: ofVersion,
      ml_up_prob: up,
      ml_down_prob: down,
      ml_range_prob: 0.3,
      ...noveltyAt(hour),
    };
    const time = (START + hour * 3600 + 3540) as OpenTime;
    return {
      bootId: 'b',
      seq: hour + 1,
      pairId: 'BTCUSDT@1h',
      time,
      signalId: String(hour),
      body: JSON.stringify(body),
      featuresCrc: null,
      riskProb: null,
      position: 'null',
      generatedAtMs: 0,
    };
  }).map((row) => ({ ...row, body: row.body.slice(0, -1) }));
  const journal = openJournal(path);
  journal.append([], rows);
  journal.close();
  return path;
}

function look(
  journal: string,
  instruments = ['BTCUSDT@1h'],
  noveltyMin?: number,
  modelsFolder = models,
): LiveDirections {
  return lookAtDirections({
    noveltyMin,
    instruments,
    modelsFolder,
    journals: [journal],
    bars: new Map([['BTCUSDT', walk()]]),
    limits: { ...PREDICTION_BIAS_LIMITS, buyRatio: [0.4, 0.6] },
  });
}

it('compares the published probabilities of the active direction model with the outcomes', () => {
  const balanced = look(journalOf('balanced', 0.5))['1h'];
  const bullish = look(journalOf('bullish', 1))['1h'];
  if ('skipped' in balanced! || 'skipped' in bullish!) throw new Error(JSON.stringify([balanced, bullish]));
  // Without the week that warms the features and the hours whose label is not known yet.
  expect(balanced!.bars).toBeGreaterThan((DAYS - 9) * 24);
  expect(balanced).toMatchObject({ version, bias: { biased: [] } });
  // It has learned from bars up to March 2020: all of these are new, and each hour but the last day has an outcome.
  const { age_days, new_bars, drift, win_rate } = balanced!;
  expect(new_bars).toBe(balanced!.bars);
  const lastBarDays = START / 86_400 + DAYS - Date.parse('2020-03-01T00:00Z') / 86_400_000;
  expect(age_days).toBeLessThan(lastBarDays);
  expect(age_days).toBeGreaterThanOrEqual(lastBarDays - 1.1);
  expect(drift).toEqual({ skipped: 'the bundle has no reference: it was made before there was one' });
  // As published, whatever the model would answer: its trades alternate at random.
  expect(win_rate.live_count).toBeGreaterThan(20);
  expect(win_rate).toMatchObject({ bundle: null, gap: null });
  expect(Math.abs(win_rate.live! - 0.4)).toBeLessThan(0.3);
  expect(bullish!.bias.buy_sell_ratio).toBe(1);
  expect(bullish!.bias.overall.base_rate).toBeGreaterThan(0.3);
  expect(bullish!.bias.overall.base_rate).toBeLessThan(0.7);
  expect(bullish!.bias.biased).toContain('prediction mean');
  expect(bullish!.bias.biased).toContain('buy ratio');
});

/** Live trades by the published probabilities. */
function tradesIn(directions: LiveDirections): number {
  const own = directions['1h']!;
  if ('skipped' in own) throw new Error(own.skipped);
  return own.win_rate.live_count;
}

it('counts no trade that a limit of novelty refuses, by the novelty that was published', () => {
  const half = (hour: number) => ({ novelty: hour < DAYS * 12 ? 0.005 : 0.5 });
  const journal = journalOf('half novel', 0.5, version, half);
  const all = tradesIn(look(journal));
  const limited = tradesIn(look(journal, undefined, 0.01));
  expect(limited).toBeGreaterThan(20);
  expect(limited).toBeLessThan(0.7 * all);
  const novel = journalOf('all novel', 0.5, version, () => ({ novelty: 0.005 }));
  expect(tradesIn(look(novel, undefined, 0.01))).toBe(0);
  expect(tradesIn(look(novel, undefined, 0.001))).toBe(tradesIn(look(novel)));
  // What was not published refuses nothing, as live.
  expect(tradesIn(look(journalOf('unknown novelty', 0.5), undefined, 0.5))).toBeGreaterThan(20);
});

it('measures all bars since the training, called or not, by what the active bundle describes', () => {
  const journal = journalOf('measured', 0.5);
  const before = look(journal)['1h'];
  expect(before).toMatchObject({ novelty: { skipped: 'the bundle does not describe its training rows' } });
  const described = (columns: readonly string[], distances: readonly number[]): InputDescription => ({
    columns: [...columns],
    median: columns.map(() => 0),
    scale: columns.map(() => 0.004),
    missing: columns.map(() => 0),
    centers: [columns.map(() => 0)],
    distances: [...distances],
    farther: [1, 0],
  });
  const noveltyBy = (inputs: InputDescription) => {
    const own = writeTinyDirection(join(root, 'described'), 'BTCUSDT', '1h', new Date(), { inputs });
    activateDirection(join(root, 'described'), own, root);
    const found = look(journalOf(`by ${own}`, 0.5, own), undefined, undefined, join(root, 'described'))['1h']!;
    if ('skipped' in found) throw new Error(found.skipped);
    expect(found.new_bars).toBe(found.bars);
    return { all: found.bars, novelty: found.novelty };
  };
  // Moves of an hour, about 1 %, in units of 0.4 %.
  const { all, novelty } = noveltyBy(described(['return_1'], [0, 8]));
  if ('skipped' in novelty) throw new Error(novelty.skipped);
  expect(novelty.bars).toBe(all);
  expect(novelty.novelties.reduce((sum, count) => sum + count)).toBe(all);
  expect(novelty.novelties.filter((count) => count > 0).length).toBeGreaterThan(3);
  // Beyond all of the described rows.
  expect(noveltyBy(described(['return_1'], [0, 1e-9])).novelty).toMatchObject({
    novelties: [all, 0, 0, 0, 0, 0, 0, 0],
  });
  expect(noveltyBy(described(['return_1', 'funding_rate'], [0, 8])).novelty).toEqual({
    skipped: expect.stringContaining('funding_rate') as string,
  });
});

it('says why there is no figure', () => {
  expect(look(journalOf('other', 1, 'another'))['1h']).toEqual({
    skipped: 'no published probability has a known outcome yet',
  });
  const journal = journalOf('unknown', 1);
  expect(look(journal, ['BTCUSDT@4h'])['4h']).toEqual({ skipped: 'no direction model is active' });
  expect(look(journal, ['ETHUSDT@1h'])['1h']).toEqual({ skipped: 'no bar has come' });
});

describe('a home without models of pairs', () => {
  const settings = tinySettings({
    minutehand: { pairs: [], instruments: ['BTCUSDT@1h'] },
    retrain: { monitor_days: DAYS, adopt_min_candidates: 100 },
  });
  const { market } = settings.minutehand;

  /** A journal of bars and of signals that all call up. */
  function bullishHome(name: string, noveltyAt?: (hour: number) => object) {
    const paths = { ...homePaths({ MINUTEHAND_HOME: join(root, name) }), models };
    mkdirSync(dirname(paths.journal(market, 'main')), { recursive: true });
    const path = paths.journal(market, 'main');
    renameSync(journalOf(`${name}_bullish`, 1, version, noveltyAt), path);
    const bars = walk();
    const journal = openJournal(path);
    journal.append(
      Array.from({ length: bars.length }, (_, i) => {
        const bar = barAt(bars, i);
        return { kind: 'bar', subject: bars.symbol, time: bar.time, bar, backfill: false } as const;
      }),
      [],
    );
    journal.close();
    return paths;
  }

  it('has its direction models checked all the same, with their findings', async () => {
    const paths = bullishHome('looked_at');
    const journals = [paths.journal(market, 'main')];
    const report = await lookAtModels({ settings, modelsFolder: models, journals, storeUrl: null, nowMs: 0 });
    expect(report).toMatchObject({ version: null, skipped: 'no models are active' });
    expect(report.direction['1h']).toMatchObject({
      version,
      bias: { biased: expect.arrayContaining(['buy ratio']) as string[] },
    });
    expect(report.findings.map(({ trigger, retrains }) => [trigger, retrains])).toContainEqual([
      'direction bias',
      { direction: '1h' },
    ]);
  });

  it('has no trade that novelty_min of the policy refuses', async () => {
    const paths = bullishHome('novel', () => ({ novelty: 0.005 }));
    const task = { modelsFolder: models, journals: [paths.journal(market, 'main')], storeUrl: null, nowMs: 0 };
    const tradesAt = async (novelty_min: number | null) => {
      const own = { ...settings, core: { ...settings.core, novelty_min } };
      return tradesIn((await lookAtModels({ ...task, settings: own })).direction);
    };
    expect(await tradesAt(null)).toBeGreaterThan(20);
    expect(await tradesAt(0.01)).toBe(0);
  });

  it('has no bar to judge by before the first', async () => {
    const task = { settings, modelsFolder: models, journals: [], storeUrl: null, nowMs: 0 };
    expect(await lookAtModels(task)).toMatchObject({
      direction: { '1h': { skipped: 'no bar has come' } },
      findings: [],
    });
  });

  it('gets a training of the model that a finding is about, and one alert', async () => {
    const wanted: RunRequest[] = [];
    const raised: (string | null | undefined)[] = [];
    const printed: string[] = [];
    const monitor = startMonitor({
      settings,
      paths: bullishHome('watched'),
      log: pino({ level: 'silent' }),
      print: (line) => printed.push(line),
      notifier: {
        raise: (notice) => Promise.resolve(void raised.push(notice.key)),
        clear: () => Promise.resolve(),
      },
      retrainer: {
        runs: () => [],
        caused: () => Promise.resolve([]),
        startOrWait: (request: RunRequest) => Promise.resolve(wanted.push(request) > 0),
      } as unknown as Parameters<typeof startMonitor>[0]['retrainer'],
    });
    await monitor.look();
    await monitor.stop();
    expect(wanted).toMatchObject([{ kind: 'direction', parameters: { symbols: ['BTCUSDT'], timeframe: '1h' } }]);
    expect(raised).toEqual(['drift']);
    expect(printed[0]).toContain(`Models ${version}: `);
  });
});
