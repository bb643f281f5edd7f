import { basename } from 'node:path';
import { liveInstrumentSchema } from '../../../shared/bundle/direction/active_direction.ts';
import { loadDirectionModel } from '../../../shared/bundle/direction/direction_model.ts';
import { isAtOnce } from '../../../shared/bundle/scoring_engine.ts';
import type { OpenTime } from '../../../shared/bar.ts';
import { readBarFolder, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { checkTimeframes } from '../../../shared/bar_file/own_timeframe.ts';
import { legBars } from '../../../shared/bar_file/resampled_bars.ts';
import { acceptedNotes, refuseFaultyBars } from '../../../shared/bar_file/verdict/folder_verdicts.ts';
import { screenBars } from '../../../shared/bar_file/screened_bars.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import {
  barSecondsOf,
  INSTRUMENT_ID,
  parseInstrument,
  parsePair,
  timeframeOf,
  type Pair,
} from '../../../shared/pair.ts';
import {
  areTooSmall,
  believedCosts,
  costNotes,
  EXCHANGE_FEES,
  refuseUnknownCosts,
  tooSmallNote,
} from '../../../shared/policy/believed_costs.ts';
import { pairCosts, tradingCosts } from '../../../shared/policy/costs.ts';
import { screenPolicy, type Settings } from '../../../shared/policy/policy.ts';
import type { StrategySubject } from '../../../shared/policy/strategy_file.ts';
import { symbolNames } from '../../../shared/policy/symbol_names.ts';
import { spellSubject } from '../../../shared/symbol/symbol.ts';
import { refuseUnsoundLegs } from '../../learning/data_quality/unsound_legs.ts';
import type { Instrument } from '../../learning/strategies/direction/instrument_rows.ts';
import { refuseForeseeingSeries } from '../../learning/strategies/direction/series_foresight.ts';
import {
  answeredAtOnce,
  answeredBefore,
  type KnownDirection,
} from '../../learning/strategies/direction/known_answers.ts';
import { laterSeries } from '../../learning/formula_rules/later_series.ts';
import { barsOfPeriod } from '../../learning/formula_rules/rule_report.ts';
import { instrumentSubject, pairSubject, type RuleSubject } from '../../learning/formula_rules/rule_subject.ts';
import { refuseForeseeingLegs } from '../../learning/feature_checks/leg_series.ts';
import { barNotes, toStandardError, type OnNote } from '../bars/bar_notes.ts';
import { readInstallationBars, withOwnPrices } from '../bars/installation_bars.ts';
import { readInstruments } from '../bars/instruments.ts';
import { withFolderSeries } from '../bars/known_series.ts';
import { openTimeOf } from '../job_fields.ts';
import type { RuleMarket } from './rule_market.ts';

/** What a rule is run on, and the bars that are decided on: indexes of its history, [from, to). */
export interface RuleBars {
  readonly subject: RuleSubject;
  readonly from: number;
  readonly to: number;
}

/**
 * The bars, prices and costs of a pair or an instrument.
 * @param kind what the rule is written for
 * @throws MinutehandError USAGE, DATA_MISSING, DATA_FORMAT, LEG_LAGS, SERIES_FORESIGHT; as loadDirectionModel
 */
export async function readRuleSubject(
  market: RuleMarket,
  kind: StrategySubject,
  given: Settings,
  onProgress: (done: number, total: number) => void,
  onNote: OnNote = toStandardError,
): Promise<RuleBars> {
  const { source, window } = market;
  const settings = await withOwnPrices(given, source.folder ?? undefined);
  const named = subjectOf(market.subject, kind, settings);
  const subject =
    kind === 'pair'
      ? await readPair(named, market, settings, onProgress, onNote)
      : await readInstrument(named, market, settings, onProgress, onNote);
  const from = window.from === null ? -Infinity : openTimeOf(window.from);
  const to = window.to === null ? Infinity : openTimeOf(window.to);
  return { subject, ...barsOfPeriod(subject, from, to) };
}

/** @throws MinutehandError DATA_TOO_SHORT with fewer than two bars to decide on */
export function refuseFewBars({ subject, from, to }: RuleBars): void {
  if (to - from >= 2) return;
  throw new MinutehandError('DATA_TOO_SHORT', {
    seen: `${to - from} bars of ${subject.id} in this period whose features are warm`,
    expected: 'two at least',
  });
}

async function readInstrument(
  instrument: Pair,
  { source, window, direction, costs }: RuleMarket,
  settings: Settings,
  onProgress: (done: number, total: number) => void,
  onNote: OnNote,
): Promise<RuleSubject> {
  const [bars] = await readInstruments(
    {
      ...source,
      symbols: [instrument.a],
      timeframe: timeframeOf(barSecondsOf(instrument)),
      window: window.to === null ? null : { from: null, to: window.to, days: null },
      settings,
    },
    onProgress,
    onNote,
  );
  refuseForeseeingSeries([bars!]);
  const model = direction === null ? null : await readDirection(direction, instrument, bars!);
  const own = instrumentCosts(instrument.a, costs, settings, onNote);
  return instrumentSubject(bars!, instrument, own, model, settings.core.novelty_min ?? undefined);
}

/** @throws MinutehandError USAGE; as loadDirectionModel */
async function readDirection(folder: string, instrument: Pair, bars: Instrument): Promise<KnownDirection> {
  const barSeconds = barSecondsOf(instrument);
  const model = await loadDirectionModel(folder, liveInstrumentSchema(barSeconds), 1);
  if (model.manifest.timeframe !== barSeconds) {
    await model.release();
    throw new MinutehandError('USAGE', {
      seen: `the direction model ${basename(folder)} of ${timeframeOf(model.manifest.timeframe)} bars`,
      expected: `a direction model of ${timeframeOf(barSeconds)} bars`,
    });
  }
  if (isAtOnce(model.engine)) return answeredAtOnce(model);
  try {
    const later = laterSeries(bars.series, barSeconds);
    return await answeredBefore(model, bars.bars, { known: bars.series, later });
  } finally {
    await model.release();
  }
}

/** @throws MinutehandError USAGE */
function subjectOf(given: string, kind: StrategySubject, settings: Settings): Pair {
  const id = spellSubject(given, symbolNames(settings), kind);
  try {
    return kind === 'pair' ? parsePair(id) : parseInstrument(id);
  } catch (cause) {
    throw new MinutehandError('USAGE', {
      seen: `the ${kind === 'pair' ? 'pair' : 'symbol'} ${given}`,
      expected: kind === 'pair' ? 'such as XAUUSD_XAGUSD@1h' : `such as BTCUSDT@1h (${INSTRUMENT_ID.source})`,
      cause,
    });
  }
}

async function readPair(
  pair: Pair,
  market: RuleMarket,
  settings: Settings,
  onProgress: (done: number, total: number) => void,
  onNote: OnNote,
): Promise<RuleSubject> {
  refuseOfInstruments(market);
  const costs = tradingCosts(settings, market.costs.model);
  const without = [pair.a, pair.b].find((symbol) => costs[symbol] === undefined);
  if (without !== undefined)
    throw new MinutehandError('USAGE', {
      seen: `the pair ${pair.id}: ${without} has no costs`,
      expected: `symbols of config/minutehand.yaml: ${Object.keys(costs).join(', ')}`,
    });
  const bars = await readLegs(pair, market, settings, onProgress, onNote);
  for (const note of barNotes(bars.values(), settings.minutehand.symbols)) onNote(note);
  const { windows } = settings.minutehand;
  return pairSubject(pair, legBars(bars, pair, 'a')!, legBars(bars, pair, 'b')!, windows, pairCosts(costs, pair));
}

/** @throws MinutehandError USAGE for a value that would not act on a pair */
function refuseOfInstruments({ costs, direction }: RuleMarket): void {
  const given = {
    'a fee per fill': costs.fee_bps,
    'slippage per fill': costs.slippage_bps,
    'a direction model': direction,
  };
  const unusable = Object.entries(given).find(([, value]) => value !== null);
  if (unusable === undefined) return;
  throw new MinutehandError('USAGE', {
    seen: `${unusable[0]} with a pair`,
    expected: 'costs of config/minutehand.yaml, symbols',
  });
}

async function readLegs(
  pair: Pair,
  { source: { folder }, window }: RuleMarket,
  settings: Settings,
  onProgress: (done: number, total: number) => void,
  onNote: OnNote,
): Promise<ReadonlyMap<string, BarColumns>> {
  const period = window.to === null ? {} : { to: openTimeOf(window.to) };
  const symbols = [pair.a, pair.b];
  const bars =
    folder === null
      ? await readInstallationBars(settings, symbols, period, onProgress, onNote)
      : await readLegsOf(folder, symbols, period, settings);
  for (const note of folder === null ? [] : acceptedNotes(folder, symbols)) onNote(note);
  const missing = symbols.filter((symbol) => (bars.get(symbol)?.length ?? 0) === 0);
  if (missing.length > 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no bars of ${missing.join(' and ')}${folder === null ? '' : ` in ${folder}`}`,
    });
  checkTimeframes([pair], bars);
  refuseUnsoundLegs([pair], bars);
  refuseForeseeingLegs(symbols, bars);
  return bars;
}

/** @throws MinutehandError DATA_MISSING, DATA_FORMAT, BARS_REFUSED */
async function readLegsOf(
  folder: string,
  symbols: readonly string[],
  period: { readonly to?: OpenTime },
  settings: Settings,
): Promise<Map<string, BarColumns>> {
  const screened = screenBars(await readBarFolder(folder, symbols, period), screenPolicy(settings));
  refuseFaultyBars(folder, screened.values());
  return await withFolderSeries(screened, folder);
}

/**
 * Fees of the job, else the costs of the configuration, else those of an exchange. Fees that are too small to be those
 * of the symbol count as not given.
 * @throws MinutehandError COSTS_UNKNOWN
 */
function instrumentCosts(
  symbol: string,
  { model, fee_bps, slippage_bps }: RuleMarket['costs'],
  settings: Settings,
  onNote: OnNote,
) {
  const configured = tradingCosts(settings, model)[symbol];
  if (configured !== undefined && fee_bps === null && slippage_bps === null) return configured;
  const given = {
    spread_bps: 0,
    commission_bps: fee_bps ?? EXCHANGE_FEES.commission_bps,
    slippage_bps: slippage_bps ?? EXCHANGE_FEES.slippage_bps,
  };
  if (areTooSmall(symbol, given) && configured !== undefined) {
    onNote(tooSmallNote(symbol, given, configured));
    return configured;
  }
  refuseUnknownCosts({ [symbol]: given }, [symbol]);
  for (const note of costNotes({ [symbol]: given }, [symbol])) onNote(note);
  return believedCosts(symbol, given);
}
