import { directionFolder, liveInstrumentSchema } from '../../shared/bundle/direction/active_direction.ts';
import { loadDirectionModel, type DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { homePaths } from '../../shared/home.ts';
import { bundleByName } from '../bundle_name.ts';
import { readBarFolder, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { checkTimeframes } from '../../shared/bar_file/own_timeframe.ts';
import { legBars } from '../../shared/bar_file/resampled_bars.ts';
import { screenBars } from '../../shared/bar_file/screened_bars.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { barSecondsOf, INSTRUMENT_ID, parseInstrument, parsePair, timeframeOf, type Pair } from '../../shared/pair.ts';
import { pairCosts, tradingCosts, type CostModel } from '../../shared/policy/costs.ts';
import { screenPolicy, type Settings } from '../../shared/policy/policy.ts';
import type { StrategySubject } from '../../shared/policy/strategy_file.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { spellSubject } from '../../shared/symbol/symbol.ts';
import { DIRECTION_DEFAULTS } from '../../trainer/jobs/kinds/direction_defaults.ts';
import { readInstallationBars, withOwnPrices } from '../../trainer/jobs/bars/installation_bars.ts';
import { withFolderSeries } from '../../trainer/jobs/bars/known_series.ts';
import { readInstruments } from '../../trainer/jobs/bars/instruments.ts';
import { refuseLaggingLegs } from '../../trainer/learning/data_quality/lagging_legs.ts';
import { instrumentSubject, pairSubject, type RuleSubject } from '../../trainer/learning/formula_rules/rule_subject.ts';
import { seriesFolder } from '../direction_source.ts';
import type { Period } from '../period.ts';

/** Options that name what a rule is run on. */
export interface SubjectFlags {
  readonly pair?: string;
  readonly symbol?: string;
  readonly data?: string;
  readonly series?: string;
  readonly costs: CostModel;
  readonly feeBps?: string;
  readonly slippageBps?: string;
  readonly direction?: string;
}

/**
 * The bars, prices and costs of the pair or instrument that the options name.
 * @param kind what the file is written for
 * @param to bars from here on are left out
 * @throws MinutehandError USAGE, DATA_MISSING, DATA_FORMAT, LEG_LAGS
 */
export async function readRuleSubject(
  flags: SubjectFlags,
  kind: StrategySubject,
  given: Settings,
  to: Period['to'],
  onProgress: (done: number, total: number) => void,
): Promise<RuleSubject> {
  const settings = await withOwnPrices(given, flags.data);
  const subject = subjectOf(flags, kind, settings);
  if (kind === 'pair') return await readPair(subject, flags, settings, to, onProgress);
  const [instrument] = await readInstruments(
    {
      folder: flags.data ?? null,
      series: seriesFolder(flags),
      symbols: [subject.a],
      timeframe: timeframeOf(barSecondsOf(subject)),
      window: to === undefined ? null : { from: null, to: new Date(to * 1000).toISOString(), days: null },
      settings,
    },
    onProgress,
  );
  const direction = flags.direction === undefined ? null : await readDirection(flags.direction, subject);
  return instrumentSubject(instrument!, subject, instrumentCosts(subject.a, flags, settings), direction);
}

/** @throws MinutehandError MODEL_MISSING, USAGE; as loadDirectionModel */
async function readDirection(name: string, instrument: Pair): Promise<DirectionModel> {
  const barSeconds = barSecondsOf(instrument);
  const folder = bundleByName([directionFolder(homePaths().models)], name);
  const model = await loadDirectionModel(folder, liveInstrumentSchema(barSeconds), 1);
  if (model.manifest.timeframe === barSeconds) return model;
  throw new MinutehandError('USAGE', {
    seen: `--direction ${name} of ${timeframeOf(model.manifest.timeframe)} bars`,
    expected: `a direction model of ${timeframeOf(barSeconds)} bars`,
  });
}

/** @throws MinutehandError USAGE */
function subjectOf({ pair, symbol }: SubjectFlags, kind: StrategySubject, settings: Settings): Pair {
  const given = kind === 'pair' ? pair : symbol;
  const other = kind === 'pair' ? symbol : pair;
  if (given === undefined || other !== undefined)
    throw new MinutehandError('USAGE', {
      seen:
        [
          ...(pair === undefined ? [] : [`--pair ${pair}`]),
          ...(symbol === undefined ? [] : [`--symbol ${symbol}`]),
        ].join(' ') || 'neither --pair nor --symbol',
      expected:
        kind === 'pair'
          ? '--pair, such as XAUUSD_XAGUSD@1h: the file has subject: pair'
          : '--symbol, such as BTCUSDT@1h: the file has subject: instrument',
    });
  const id = spellSubject(given, symbolNames(settings), kind);
  try {
    return kind === 'pair' ? parsePair(id) : parseInstrument(id);
  } catch (cause) {
    throw new MinutehandError('USAGE', {
      seen: `--${kind === 'pair' ? 'pair' : 'symbol'} ${given}`,
      expected: kind === 'pair' ? 'such as XAUUSD_XAGUSD@1h' : `such as BTCUSDT@1h (${INSTRUMENT_ID.source})`,
      cause,
    });
  }
}

async function readPair(
  pair: Pair,
  flags: SubjectFlags,
  settings: Settings,
  to: Period['to'],
  onProgress: (done: number, total: number) => void,
): Promise<RuleSubject> {
  const unusable = (['feeBps', 'slippageBps', 'series', 'direction'] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (unusable !== undefined)
    throw new MinutehandError('USAGE', {
      seen: `--${unusable.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)} with a pair`,
      expected: 'costs of config/minutehand.yaml, symbols',
    });
  const costs = tradingCosts(settings, flags.costs);
  const without = [pair.a, pair.b].find((symbol) => costs[symbol] === undefined);
  if (without !== undefined)
    throw new MinutehandError('USAGE', {
      seen: `--pair ${pair.id}: ${without} has no costs`,
      expected: `symbols of config/minutehand.yaml: ${Object.keys(costs).join(', ')}`,
    });
  const bars = await readLegs(pair, flags.data, settings, to, onProgress);
  const { windows } = settings.minutehand;
  return pairSubject(pair, legBars(bars, pair, 'a')!, legBars(bars, pair, 'b')!, windows, pairCosts(costs, pair));
}

async function readLegs(
  pair: Pair,
  data: string | undefined,
  settings: Settings,
  to: Period['to'],
  onProgress: (done: number, total: number) => void,
): Promise<ReadonlyMap<string, BarColumns>> {
  const period = to === undefined ? {} : { to };
  const symbols = [pair.a, pair.b];
  const bars =
    data === undefined
      ? await readInstallationBars(settings, symbols, period, onProgress)
      : await withFolderSeries(screenBars(await readBarFolder(data, symbols, period), screenPolicy(settings)), data);
  const missing = symbols.filter((symbol) => (bars.get(symbol)?.length ?? 0) === 0);
  if (missing.length > 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no bars of ${missing.join(' and ')}${data === undefined ? '' : ` in ${data}`}`,
    });
  checkTimeframes([pair], bars);
  refuseLaggingLegs([pair], bars);
  return bars;
}

/** Fees of the options, else the costs of the configuration, else those of a direction training. */
function instrumentCosts(symbol: string, { feeBps, slippageBps, costs }: SubjectFlags, settings: Settings) {
  const configured = tradingCosts(settings, costs)[symbol];
  if (configured !== undefined && feeBps === undefined && slippageBps === undefined) return configured;
  return {
    spread_bps: 0,
    commission_bps: bps(feeBps, '--fee-bps', DIRECTION_DEFAULTS.taker_fee_bps),
    slippage_bps: bps(slippageBps, '--slippage-bps', DIRECTION_DEFAULTS.slippage_bps),
  };
}

function bps(text: string | undefined, option: string, usual: number): number {
  if (text === undefined) return usual;
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= 0 && value < Infinity))
    throw new MinutehandError('USAGE', { seen: `${option} ${text}`, expected: 'a number ≥ 0' });
  return value;
}
