import type { MarketKind } from '../../../../shared/signal/signal.ts';
import { isoMinute } from '../../../../shared/bar.ts';
import { directionOpener, readActiveDirection } from '../../../../shared/bundle/direction/active_direction.ts';
import type { InstrumentEdge } from '../../../../shared/bundle/direction/direction_manifest.ts';
import type { InstrumentWindows } from '../../../../shared/core/features/instrument/definitions.ts';
import type { DirectionModel } from '../../../../shared/bundle/direction/direction_model.ts';
import type { GateResult } from '../../../../shared/bundle/gates/gate_result.ts';
import { describeError, MinutehandError } from '../../../../shared/errors.ts';
import { timeframeOf } from '../../../../shared/pair.ts';
import type { DirectionStrategy } from '../../../../shared/strategies/direction/direction_input.ts';
import { sharpe } from '../../backtest/performance.ts';
import { positions } from '../../dataset/rows.ts';
import { meanLoss } from '../../gates/brier_loss.ts';
import { checkCandidates, comparisonImpossible, type NoChampion } from '../../gates/champion.ts';
import type { AdoptionLimits, BrierLoss, Compared, Comparison } from '../../gates/gate.ts';
import { goldenResult } from '../../gates/golden_vectors.ts';
import { checkAdoption } from '../../gates/registry.ts';
import { classMetrics, meanAndError } from '../../measures/class_metrics.ts';
import type { Trade } from '../../trades/backtest.ts';
import { noAnswers, put, strategyByBlock } from './direction_net.ts';
import { answersOfBlocks, classAucs, pickAnswers, type EvaluatedAnswers } from './direction_report.ts';
import { blockNovelties, type NoveltyLimit } from './block_novelties.ts';
import { answersTo, firstUnseen, noveltiesOf, rowsPerScore } from './evaluate_direction.ts';
import { missingSeries, sourcesOf } from './formula_series.ts';
import { instrumentRows, type Instrument, type InstrumentRows } from './instrument_rows.ts';
import { backtestStrategy, type InstrumentCosts } from './strategy_backtest.ts';
import type { DirectionPlan, TrainedDirection } from './train_direction.ts';
import { CLASSES } from './walk_forward.ts';

const SECONDS_PER_DAY = 86_400;
/** Labels look a day ahead and all instruments move together: rows of one block are dependent. */
const BLOCK_SECONDS = 3 * SECONDS_PER_DAY;

/** A training of the direction model whose bundle has been written and opened. */
export interface NewDirection {
  readonly trained: Pick<TrainedDirection, 'rows' | 'blocks' | 'net'>;
  readonly instruments: readonly Instrument[];
  readonly plan: Pick<DirectionPlan, 'windows' | 'label' | 'noveltyMin' | 'seed' | 'imported'>;
  readonly costs: InstrumentCosts;
  readonly version: string;
  readonly market: MarketKind;
  /** Rows of its bundle that onnxruntime answered like its learner. */
  readonly goldenRows: number;
}

export interface DirectionComparisonPlace {
  /** The folder whose `direction/<timeframe>.json` names the champion. */
  readonly modelsFolder: string;
  readonly limits: AdoptionLimits;
}

/**
 * Verdicts about a new direction model before it becomes active: the gates that a bundle of pairs has, against the
 * active model of its timeframe.
 */
export async function directionAdoptionGates(
  challenger: NewDirection,
  place: DirectionComparisonPlace,
): Promise<GateResult[]> {
  return checkAdoption({
    role: 'direction',
    golden: goldenResult(true, { rows: challenger.goldenRows }),
    comparison: await compareWithActive(challenger, place),
    limits: place.limits,
  });
}

async function compareWithActive(
  challenger: NewDirection,
  { modelsFolder, limits }: DirectionComparisonPlace,
): Promise<Comparison> {
  const champion = await openActive(challenger, modelsFolder);
  if ('reason' in champion) return { kind: 'none', evidence: champion };
  try {
    return await compareDirections(challenger, champion, limits);
  } finally {
    await champion.release();
  }
}

/**
 * Refuses a training whose instruments lack a source that the active model learned from, or a series that its formulas
 * read: the comparison comes last, after everything is learned, and values that are missing would let the new model win
 * it.
 * @throws MinutehandError COMPARISON_IMPOSSIBLE
 */
export async function refuseImpossibleComparison(
  challenger: Pick<NewDirection, 'instruments' | 'market'>,
  modelsFolder: string,
): Promise<void> {
  const champion = await openActive(challenger, modelsFolder);
  if ('reason' in champion) return;
  await champion.release();
  refuseFewerSources(champion.manifest, challenger.instruments);
  if (champion.rowSchema === undefined) return;
  const missing = missingSeries(challenger.instruments, champion.rowSchema.windows);
  if (missing === null) return;
  throw comparisonImpossible(champion.manifest.version, missing.text, `Import ${missing.series} of these symbols`);
}

/** A model of fewer sources does not take the place of one that has learned from more. */
function refuseFewerSources(
  { version, sources = [] }: DirectionModel['manifest'],
  instruments: readonly Instrument[],
): void {
  const known = sourcesOf(instruments);
  const absent = sources.filter((name) => !known.includes(name));
  if (absent.length === 0) return;
  const symbols = instruments.map(({ bars }) => bars.symbol).join(', ');
  throw new MinutehandError('COMPARISON_IMPOSSIBLE', {
    seen: `no ${absent.join(', ')} of ${symbols}, which the active ${version} learned from`,
    expected: `the sources of the active model: ${sources.join(', ')}`,
    next: 'Import them with `minutehand bars import --series` (taker_buy_volume: `bars import --flow`), or promote a model that does without.',
  });
}

/** The active model of the timeframe, or the reason for no comparison. */
async function openActive(
  { instruments, market }: Pick<NewDirection, 'instruments' | 'market'>,
  modelsFolder: string,
): Promise<DirectionModel | NoChampion> {
  const timeframe = timeframeOf(instruments[0]!.bars.timeframe);
  try {
    const active = readActiveDirection(modelsFolder, timeframe);
    if (active === null) return { reason: 'none' };
    const champion = await directionOpener(modelsFolder, rowsPerScore)(active.version, timeframe);
    // Earlier bundles do not name their market: they learned from files, which count as live.
    const own = champion.manifest.market ?? 'live';
    if (own === market) return champion;
    await champion.release();
    return { reason: 'other_market', version: active.version, market: own };
  } catch (error) {
    const { code, message } = describeError(error);
    return { reason: 'unusable', error_code: code, error: message };
  }
}

/**
 * Both sides on the same bars, which neither has learned from: those after the last label of the champion, in the
 * walk-forward blocks of the challenger. There the challenger answers by the models of its blocks, each learned on
 * earlier bars; the model of all rows, which becomes active, has learned from these bars and cannot be judged on them.
 */
export async function compareDirections(
  { trained: { rows, blocks, net }, instruments, plan, costs, version }: NewDirection,
  champion: Pick<DirectionModel, 'manifest' | 'infer' | 'rowSchema' | 'novelty'>,
  limits: AdoptionLimits,
): Promise<Comparison> {
  const { manifest } = champion;
  const evaluated = answersOfBlocks(rows, blocks);
  const firstEvaluated = blocks[0]!.split.from;
  const from = Math.max(firstUnseen(manifest), firstEvaluated);
  const times = Array.from(evaluated.rows, (row) => rows.time[row]!);
  const refusal = checkCandidates(times, from, manifest.version, limits);
  if (refusal !== null) return { kind: 'refused', result: refusal };
  const own = rowsOfChampion(champion, rows, { instruments, plan });
  const young = pickAnswers(
    evaluated,
    positions(times.length, (i) => times[i]! >= from && own.at(evaluated.rows[i]!) >= 0),
  );
  const chosen = young.rows.map((row) => own.at(row));
  const old = {
    ...(await answersTo((features, count) => champion.infer(features, count), own.rows, chosen)),
    rows: young.rows,
    // Both sides are ranked within the blocks of the challenger.
    ...(young.block && { block: young.block }),
  };
  const { noveltyMin, seed, imported } = plan;
  const splits = blocks.map(({ split }) => split);
  const sideOf = (side: Omit<Side, 'rows' | 'instruments' | 'costs' | 'from' | 'noveltyMin'>): Compared =>
    compared({ ...side, rows, instruments, costs, from, noveltyMin });
  return {
    kind: 'compared',
    champion: sideOf({
      version: manifest.version,
      answers: old,
      edge: manifest.edge,
      novelties: noveltiesOfChampion(champion, own, young.rows, rows.x.rows),
      strategyAt: () => manifest.strategy,
    }),
    challenger: sideOf({
      version,
      answers: young,
      edge: net.edge,
      novelties: noveltyMin === undefined ? undefined : { novelties: blockNovelties({ rows, splits, seed, imported }) },
      strategyAt: strategyByBlock(blocks, net.thetas, manifest.timeframe),
    }),
    brierLoss: brierLossOfClasses(old, young, rows),
    since: isoMinute(from),
  };
}

/**
 * The rows of the same bars with the columns of the champion, whose formulas may be others.
 * `at` says where a row of the challenger is among them; −1: the formulas of the champion were not warm at this bar.
 */
function rowsOfChampion(
  { rowSchema }: Pick<DirectionModel, 'rowSchema'>,
  rows: InstrumentRows,
  { instruments, plan }: Pick<NewDirection, 'instruments' | 'plan'>,
): { readonly rows: InstrumentRows; at(row: number): number } {
  const { formulas: _ofChallenger, sequence: _bars, ...written } = plan.windows;
  const windows: InstrumentWindows = rowSchema?.windows ?? written;
  if (windows.formulas === plan.windows.formulas && windows.sequence === plan.windows.sequence)
    return { rows, at: (row) => row };
  const own = instrumentRows(instruments, { windows, label: plan.label });
  const keyOf = ({ instrument, bar }: InstrumentRows, row: number): string => `${instrument[row]} ${bar[row]}`;
  const places = new Map(Array.from(own.bar, (_, row) => [keyOf(own, row), row]));
  return { rows: own, at: (row) => places.get(keyOf(rows, row)) ?? -1 };
}

/** By row of the challenger. */
function noveltiesOfChampion(
  champion: Pick<DirectionModel, 'novelty'>,
  own: ReturnType<typeof rowsOfChampion>,
  compared: Int32Array,
  rows: number,
): Pick<NoveltyLimit, 'novelties'> | undefined {
  const chosen = compared.map((row) => own.at(row));
  const measured = noveltiesOf(champion, own.rows.x, chosen);
  if (measured === undefined) return undefined;
  const novelties = new Float64Array(rows).fill(NaN);
  compared.forEach((row, i) => (novelties[row] = measured.novelties[chosen[i]!]!));
  return { novelties };
}

interface Side {
  readonly version: string;
  readonly answers: EvaluatedAnswers;
  readonly edge: Readonly<Record<string, InstrumentEdge>>;
  readonly rows: InstrumentRows;
  readonly instruments: readonly Instrument[];
  readonly costs: InstrumentCosts;
  /** By row; undefined: not known. */
  readonly novelties: Pick<NoveltyLimit, 'novelties'> | undefined;
  readonly noveltyMin: number | undefined;
  /** Epoch seconds. */
  readonly from: number;
  /** @param close epoch seconds */
  strategyAt(close: number): DirectionStrategy;
}

function compared(side: Side): Compared {
  const { version, answers, edge, rows, instruments, costs, novelties, noveltyMin, from } = side;
  const byBar = noAnswers(instruments);
  put(byBar, rows, answers.rows, answers.probabilities, novelties);
  const trades = instruments.flatMap((own, i) => {
    const { time, timeframe } = own.bars;
    return backtestStrategy(own, byBar[i]!, (t) => side.strategyAt(time[t]! + timeframe), costs, noveltyMin);
  });
  const until = answers.rows.reduce((most, row) => Math.max(most, rows.time[row]!), from);
  const { brier } = classMetrics(answers);
  return {
    version,
    // Of the classes that occur among the rows: the same ones for both sides.
    scores: { auc: meanAndError(classAucs(answers)).mean, brier },
    all: tradingOf(trades, from, until),
    withEdge: tradingOf(
      trades.filter(({ pairId }) => edge[pairId]?.no_edge === false),
      from,
      until,
    ),
  };
}

/** By the UTC day of the exit, days without a trade included, annualized like the ratio of pairs. */
function tradingOf(trades: readonly Trade[], from: number, until: number): Compared['all'] {
  const first = Math.floor(from / SECONDS_PER_DAY);
  const last = trades.reduce(
    (most, { exitTime }) => Math.max(most, Math.floor(exitTime / SECONDS_PER_DAY)),
    Math.floor(until / SECONDS_PER_DAY),
  );
  const days = new Array<number>(last - first + 1).fill(0);
  for (const { exitTime, netBps } of trades) days[Math.floor(exitTime / SECONDS_PER_DAY) - first]! += netBps;
  return { net_sharpe: sharpe(days), trades: trades.length };
}

function brierLossOfClasses(champion: EvaluatedAnswers, challenger: EvaluatedAnswers, rows: InstrumentRows): BrierLoss {
  const lossOf = ({ probabilities, labels }: EvaluatedAnswers, i: number): number => {
    let loss = 0;
    for (let k = 0; k < CLASSES; k++) loss += (probabilities[i * CLASSES + k]! - (labels[i] === k ? 1 : 0)) ** 2;
    return loss;
  };
  const losses = Array.from(challenger.rows, (_, i) => lossOf(challenger, i) - lossOf(champion, i));
  const times = Array.from(challenger.rows, (row) => rows.time[row]!);
  return meanLoss(losses, times, BLOCK_SECONDS);
}
