import type { MarketKind } from '../../../../shared/signal/signal.ts';
import { isoMinute } from '../../../../shared/bar.ts';
import { instrumentSchema } from '../../../../shared/bundle/feature_schema.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { snapshotId } from '../../dataset/snapshot.ts';
import { DIRECTIONS } from './label/direction.ts';
import { FOCAL_LOSS } from '../../learners/balance/balance.ts';
import type { PartRows, RoleTable, TableFacts } from '../../role_table/role_table.ts';
import type { Split } from '../../splits/splits.ts';
import type { Instrument, InstrumentRows } from './instrument_rows.ts';
import { learnedRows } from './learned_rows.ts';
import { evaluatedSplits, evaluatedTime, preparedRows, type DirectionPlan, type OnStage } from './train_direction.ts';
import { stridedRows } from './walk_forward.ts';

/**
 * - learn: every `stride`-th bar whose labels are known before the first evaluated block, balanced.
 * - holdout: the evaluated blocks, as the market made them.
 */
export const DIRECTION_PARTS = ['learn', 'holdout'] as const;
export type DirectionPart = (typeof DIRECTION_PARTS)[number];

/** Metadata of exported rows of the direction model. */
export interface DirectionFacts extends TableFacts {
  readonly format: 'minutehand.role_table/1';
  readonly role: 'direction';
  readonly market: MarketKind;
  /** What each number of the column `label` means. */
  readonly classes: readonly string[];
  /** Bars from one row to learn from to the next, of an instrument. */
  readonly stride: number;
  /** Evaluated blocks: the rows whose `fold` is the same. A model of block n learns from what is known before it. */
  readonly folds: readonly { readonly fold: number; readonly first: string; readonly last_label: string }[];
  readonly rows: Readonly<Record<DirectionPart, number>> & { readonly synthetic: number };
  /** Rows of each class that are learned from, and the sum of their weights. */
  readonly learned_classes: Readonly<Record<string, { readonly rows: number; readonly weight: number }>>;
}

export interface DirectionTableOptions {
  readonly parts: readonly DirectionPart[];
  readonly market: MarketKind;
}

/** An exported table, and the time of its evaluated blocks, epoch seconds. */
export interface DirectionTable {
  readonly table: RoleTable<DirectionFacts>;
  readonly evaluated: { readonly from: number; readonly to: number };
}

/**
 * The rows that a direction training of this plan would learn from before its first evaluated block, with its class
 * balance, and those that it would be evaluated on.
 * @throws MinutehandError as `trainDirection`; DATA_TOO_SHORT without a row to learn from
 */
export function directionTable(
  instruments: readonly Instrument[],
  plan: DirectionPlan,
  { parts, market }: DirectionTableOptions,
  onStage: OnStage,
): DirectionTable {
  const rows = preparedRows(instruments, plan, onStage);
  const blocks = evaluatedSplits(rows, plan.walkForward);
  const first = blocks[0]!;
  const { embargo } = plan.walkForward;
  const strided = stridedRows(rows, first.train, plan.stride);
  if (strided.length === 0)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `no bar whose label is known before ${isoMinute(first.from - embargo)}`,
      expected: 'a longer period',
    });
  const written: PartRows[] = [];
  const learn = learnPart(rows, strided, plan);
  if (parts.includes('learn')) written.push(learn);
  if (parts.includes('holdout')) written.push(evaluatedPart(rows, blocks));
  const schema = instrumentSchema(plan.windows, instruments[0]!.bars.timeframe);
  const symbols = instruments.map(({ bars }) => bars.symbol);
  const rowsOf = (part: DirectionPart): number => written.find((own) => own.part === part)?.taken.length ?? 0;
  const facts: DirectionFacts = {
    format: 'minutehand.role_table/1',
    role: 'direction',
    market,
    feature_schema: schema.hash,
    features: rows.columns,
    classes: DIRECTIONS,
    dataset_id: directionDatasetId(rows, instruments, plan),
    from: isoMinute(rows.time.reduce((least, time) => Math.min(least, time), Infinity)),
    learned_until: isoMinute(first.from - embargo),
    holdout_from: isoMinute(first.from),
    embargo_seconds: embargo,
    stride: plan.stride,
    folds: blocks.map(({ test }, fold) => ({ fold, ...timesOf(rows, test) })),
    balance: plan.balance,
    loss: plan.balance === 'focal' ? { name: 'focal', ...FOCAL_LOSS } : { name: 'cross_entropy' },
    rows: {
      learn: rowsOf('learn'),
      holdout: rowsOf('holdout'),
      synthetic: parts.includes('learn') ? learn.rows.y.length - rows.y.length : 0,
    },
    learned_classes: classesOf(learn),
  };
  const columns = rows.columns.map((_, column) => column);
  return { table: { facts, pairs: symbols, columns, parts: written }, evaluated: evaluatedTime(rows, blocks) };
}

/** Identity of the rows of a training, before any balance. */
export function directionDatasetId(
  rows: InstrumentRows,
  instruments: readonly Instrument[],
  plan: Pick<DirectionPlan, 'windows' | 'label' | 'stride'>,
): string {
  const schema = instrumentSchema(plan.windows, instruments[0]!.bars.timeframe);
  const symbols = instruments.map(({ bars }) => bars.symbol);
  const identity = { schema: schema.hash, label: plan.label, symbols, stride: plan.stride };
  return snapshotId(identity, [{ ...rows, pair: rows.instrument }]);
}

/** Balanced; synthetic rows are behind the others and of no instrument. */
function learnPart(rows: InstrumentRows, train: Int32Array, plan: DirectionPlan): PartRows {
  const { balance, classWeightRatio, seed } = plan;
  const balanced = learnedRows(rows, train, new Int32Array(0), { balance, classWeightRatio, seed });
  const pair = new Int32Array(balanced.rows.y.length).fill(-1);
  pair.set(rows.instrument);
  return { part: 'learn', rows: balanced.rows, taken: balanced.train, pair, fold: noFold(pair.length) };
}

/** With the evaluation label, and the number of its block as the fold of a row. */
function evaluatedPart(rows: InstrumentRows, blocks: readonly Split[]): PartRows {
  const fold = noFold(rows.y.length);
  blocks.forEach(({ test }, block) => test.forEach((row) => (fold[row] = block)));
  const taken = Int32Array.from(blocks.flatMap(({ test }) => [...test])).sort();
  return { part: 'holdout', rows: { ...rows, y: rows.evaluation }, taken, pair: rows.instrument, fold };
}

const noFold = (length: number): Int32Array => new Int32Array(length).fill(-1);

function timesOf({ time, labelEnd }: InstrumentRows, test: Int32Array): { first: string; last_label: string } {
  return {
    first: isoMinute(test.reduce((least, row) => Math.min(least, time[row]!), Infinity)),
    last_label: isoMinute(test.reduce((most, row) => Math.max(most, labelEnd[row]!), -Infinity)),
  };
}

function classesOf({ rows, taken }: PartRows): DirectionFacts['learned_classes'] {
  const counted = DIRECTIONS.map((name, label) => {
    const own = taken.filter((row) => rows.y[row] === label);
    return [name, { rows: own.length, weight: own.reduce((sum, row) => sum + rows.weights[row]!, 0) }] as const;
  });
  return Object.fromEntries(counted);
}
