import type { MarketKind } from '../../../shared/signal/signal.ts';
import { isoMinute } from '../../../shared/bar.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { ModelName } from '../../../shared/core/features/feature.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { DirectionBalance } from '../../../shared/policy/balances.ts';
import { horizonSeconds, type Settings } from '../../../shared/policy/policy.ts';
import { balanceRows, FOCAL_LOSS, type Balance } from '../learners/balance/balance.ts';
import type { Dataset, DatasetRows } from '../strategies/pair_reversion/dataset/dataset.ts';
import { takeDatasetRows } from '../strategies/pair_reversion/dataset/labeled_rows.ts';
import { positions } from '../dataset/rows.ts';
import { columnsOf } from '../learners/learning.ts';
import type { FitRows } from '../learners/contract/fit_rows.ts';
import { kFoldSplits } from '../splits/splits.ts';

/**
 * - learn: rows to learn from; their labels are known before the calibration begins.
 * - calibration: the last part of the training period, on which an imported model is calibrated, its thresholds are
 *   chosen and its out-of-fold figures are measured.
 * - holdout: what no choice may see.
 */
export const TABLE_PARTS = ['learn', 'calibration', 'holdout'] as const;
export type TablePart = (typeof TABLE_PARTS)[number];

/** Share of the minutes of the training period, at its end, that is kept for the calibration of an imported model. */
export const CALIBRATION_SHARE = 0.2;

export interface RoleTableOptions {
  readonly role: ModelName;
  readonly parts: readonly TablePart[];
  /** Applied to the rows to learn from; the other parts stay as the market made them. */
  readonly balance: Balance;
  readonly seed: number;
}

/** Metadata of exported rows, of any model. */
export interface TableFacts {
  /** Hash of the feature schema: models of other features are refused. */
  readonly feature_schema: string;
  /** Names of the features, in the order of the model's input. */
  readonly features: readonly string[];
  /** SHA-256 of the rows of the whole data set. */
  readonly dataset_id: string;
  readonly from: string;
  /** Labels of the rows to learn from are known before this. */
  readonly learned_until: string;
  readonly holdout_from: string;
  /** Seconds between the rows to learn from and those of a test, after it. */
  readonly embargo_seconds: number;
  readonly balance: DirectionBalance;
  /** The loss that the balance asks for. `focal` is a loss alone: it changes no row. */
  readonly loss:
    | { readonly name: 'cross_entropy' }
    | { readonly name: 'focal'; readonly gamma: number; readonly alpha: number };
}

/** Metadata of exported rows of AI1, AI2 or AI3. */
export interface RoleTableFacts extends TableFacts {
  readonly format: 'minutehand.role_table/1';
  readonly role: ModelName;
  readonly market: MarketKind;
  /** Purged k-fold: a test fold, and the rows that must not be learned from beside it are those in or near its time. */
  readonly folds: readonly { readonly fold: number; readonly first: string; readonly last_label: string }[];
  readonly rows: Readonly<Record<TablePart, number>> & { readonly synthetic: number };
}

/** Rows of one part. */
export interface PartRows {
  readonly part: TablePart;
  readonly rows: FitRows;
  /** Rows of `rows` to write. */
  readonly taken: Int32Array;
  /** Index into `pairs` of the table; synthetic rows have none, −1. */
  readonly pair: Int32Array;
  /** Fold that tests the row, from 0; −1 outside the part `learn`, and for synthetic rows. */
  readonly fold: Int32Array;
}

export interface RoleTable<Facts extends TableFacts = RoleTableFacts> {
  readonly facts: Facts;
  /** Names of the subjects: pairs, or instruments of the direction model. */
  readonly pairs: readonly string[];
  /** Columns of the matrices, in the order of `facts.features`. */
  readonly columns: readonly number[];
  readonly parts: readonly PartRows[];
}

/**
 * Default end of the rows to learn from: epoch seconds before which their labels are known. A fixed share of the
 * sampled minutes is behind it, whichever role, and however long the market was closed.
 */
export function defaultLearnedUntil({ train }: Pick<Dataset, 'train'>): number {
  const times = train.ai2.time.slice().sort();
  return times[Math.floor(times.length * (1 - CALIBRATION_SHARE))] ?? NaN;
}

/** Rows whose labels are known before the calibration. */
export function learnPart<Rows extends DatasetRows>(rows: Rows, learnedUntil: number): Rows {
  return takeDatasetRows(
    rows,
    positions(rows.y.length, (row) => rows.labelEnd[row]! < learnedUntil),
  );
}

/** Rows of the training period that begin more than an embargo after the last label that was learned from. */
export function calibrationPart<Rows extends DatasetRows>(rows: Rows, learnedUntil: number, embargo: number): Rows {
  return takeDatasetRows(
    rows,
    positions(rows.y.length, (row) => rows.time[row]! >= learnedUntil + embargo),
  );
}

/**
 * The rows of one role, as a program outside learns from them.
 * @throws MinutehandError USAGE for a balance of AI3, whose label is a fraction; DATA_TOO_SHORT without a row to write
 */
export function roleTable(
  dataset: Dataset,
  settings: Settings,
  market: MarketKind,
  { role, parts, balance, seed }: RoleTableOptions,
): RoleTable {
  if (role === 'ai3' && balance !== 'none')
    throw new MinutehandError('USAGE', {
      seen: `--balance ${balance} for ai3`,
      expected: 'none: the label of ai3 is a fraction, not a class',
    });
  const embargo = horizonSeconds(settings.minutehand);
  const { folds: count } = settings.minutehand.train;
  const learnedUntil = defaultLearnedUntil(dataset);
  if (Number.isNaN(learnedUntil))
    throw new MinutehandError('DATA_TOO_SHORT', { seen: 'no labeled minute', expected: 'a longer period' });
  const learn = learnPart(dataset.train[role], learnedUntil);
  if (learn.y.length === 0)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `no row of ${role} whose label is known before ${isoMinute(learnedUntil)}`,
      expected: 'a longer period',
    });
  const splits = kFoldSplits(learn, count, embargo);
  const balanced = balanceRows(learn, 2, Int32Array.from(learn.y.keys()), new Int32Array(0), {
    balance,
    classWeightRatio: 1,
    seed: `${seed}/${role}`,
  });
  const fold = new Int32Array(balanced.rows.y.length).fill(-1);
  splits.forEach(({ test }, index) => test.forEach((row) => (fold[row] = index)));
  const pair = new Int32Array(balanced.rows.y.length).fill(-1);
  pair.set(learn.pair);
  const made = {
    learn: (): PartRows => ({ part: 'learn', rows: balanced.rows, taken: balanced.train, pair, fold }),
    calibration: () => asMade('calibration', calibrationPart(dataset.train[role], learnedUntil, embargo)),
    holdout: () => asMade('holdout', role === 'ai1' ? dataset.evaluation.holdout : dataset.holdout[role]),
  };
  const written = TABLE_PARTS.filter((part) => parts.includes(part)).map((part) => made[part]());
  const columns = columnsOf(dataset.definitions, role);
  const rowsOf = (part: TablePart): number => written.find((own) => own.part === part)?.taken.length ?? 0;
  return {
    facts: {
      format: 'minutehand.role_table/1',
      role,
      market,
      feature_schema: featureSchema(settings.minutehand.windows).hash,
      features: columns.map((column) => dataset.definitions[column]!.name),
      dataset_id: dataset.snapshotId,
      from: isoMinute(dataset.from),
      learned_until: isoMinute(learnedUntil),
      holdout_from: isoMinute(dataset.holdoutFrom),
      embargo_seconds: embargo,
      folds: splits.map(({ test }, index) => ({
        fold: index,
        first: isoMinute(test.reduce((least, row) => Math.min(least, learn.time[row]!), Infinity)),
        last_label: isoMinute(test.reduce((most, row) => Math.max(most, learn.labelEnd[row]!), -Infinity)),
      })),
      balance,
      loss: balance === 'focal' ? { name: 'focal', ...FOCAL_LOSS } : { name: 'cross_entropy' },
      rows: {
        learn: rowsOf('learn'),
        calibration: rowsOf('calibration'),
        holdout: rowsOf('holdout'),
        synthetic: parts.includes('learn') ? balanced.rows.y.length - learn.y.length : 0,
      },
    },
    pairs: dataset.histories.map(({ pair: { id } }) => id),
    columns,
    parts: written,
  };
}

function asMade(part: TablePart, rows: DatasetRows): PartRows {
  const taken = Int32Array.from(rows.y.keys());
  return { part, rows, taken, pair: rows.pair, fold: new Int32Array(rows.y.length).fill(-1) };
}
