import { checkGraph } from '../../../../shared/bundle/graph_check/graph_check.ts';
import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import { classMargins, composedClassScaling, rescaledClasses, servedClassScaling } from '../contract/class_rescaled.ts';
import type { ClassEpoch, Epoch, Fitted, MarginScaling } from '../contract/fitted.ts';
import {
  composedRescaling,
  rescaledAnswers,
  rescaledLogits,
  servedRescaling,
  type Rescaling,
} from '../contract/rescaled.ts';
import { barsPerRow, isSequence, sequencesOf } from '../contract/past_rows.ts';
import type { ColumnPreparation } from './column_preparation.ts';
import { foreignPart, readForeignModel, serveForeign, type ForeignModel } from './foreign_model.ts';
import { openSession, type Session } from './sessions.ts';

/** An ONNX model that another program has trained. */
export interface TrainedOutside {
  readonly learner: string;
  readonly bytes: Uint8Array;
  /** Columns of the features. */
  readonly columns: number;
  /** Those that the model gets, in this order. */
  readonly used: readonly number[];
  readonly iterations: number | null;
  readonly epochs?: readonly Epoch[] | undefined;
  readonly classEpochs?: readonly ClassEpoch[] | undefined;
  /** Absent: it gets the columns as they are. */
  readonly preparation?: ColumnPreparation | null;
  /** Rows that the model gets together, the oldest first; absent: 1, each row alone. */
  readonly bars?: number;
  /** Number of the classes whose probabilities it answers; absent: one probability. */
  readonly classes?: number | undefined;
}

/** Sequences that are in memory together. */
const SEQUENCES_AT_ONCE = 1024;

/** @throws MinutehandError as `checkGraph`, for a model that cannot be served */
export async function fittedOnnx(trained: TrainedOutside): Promise<Fitted> {
  const { bytes, columns, used, preparation = null, bars = 1, classes } = trained;
  const foreign = readForeignModel(bytes, { columns: used.length, bars, classes });
  const shape = { columns, bars };
  const served = serveForeign(foreign, { ...shape, used, preparation, scaling: null, metadata: {} });
  await checkGraph(served, shape, 'the model');
  const session = await openSession(served, shape, foreign.output.answers);
  const opened = { foreign, session };
  return classes === undefined ? rescaled(trained, opened, null) : rescaledByClass(trained, opened, classes, null);
}

interface OpenedModel {
  readonly foreign: ForeignModel;
  readonly session: Session;
}

/** A model of one probability. */
function rescaled(trained: TrainedOutside, opened: OpenedModel, scaling: Rescaling | null): Fitted {
  const served = servedRescaling(scaling);
  const probabilities = (x: Matrix): Float64Array => answersOf(trained, opened, x);
  return {
    ...common(trained, opened, served && { slope: [served.slope], intercept: [served.intercept] }),
    link: 'sigmoid',
    width: 1,
    openMargins: () => (x) => [Float32Array.from(rescaledLogits(probabilities(x), served))],
    answers: (x) => rescaledAnswers(probabilities(x), served).map(Math.fround),
    exactAnswers: (x) => rescaledAnswers(probabilities(x), served),
    withMargins: (by) => rescaled(trained, opened, composedRescaling(scaling, by)),
  };
}

/** A model of the probabilities of several classes, whose logarithms are its margins. */
function rescaledByClass(
  trained: TrainedOutside,
  opened: OpenedModel,
  classes: number,
  scaling: MarginScaling | null,
): Fitted {
  const served = servedClassScaling(scaling);
  const probabilities = (x: Matrix): Float64Array => answersOf(trained, opened, x);
  return {
    ...common(trained, opened, served),
    link: 'softmax',
    width: classes,
    openMargins: () => (x) =>
      classMargins(probabilities(x), classes, served).map((margins) => Float32Array.from(margins)),
    answers: (x) => rescaledClasses(probabilities(x), classes, served).map(Math.fround),
    exactAnswers: (x) => rescaledClasses(probabilities(x), classes, served),
    withMargins: (by) => rescaledByClass(trained, opened, classes, composedClassScaling(scaling, by, classes)),
  };
}

/** What models of one answer and of several say and serve alike. */
function common(
  { learner, columns, used, iterations, epochs, classEpochs, preparation = null, bars = 1 }: TrainedOutside,
  { foreign }: OpenedModel,
  scaling: MarginScaling | null,
): Pick<
  Fitted,
  'learner' | 'columns' | 'bars' | 'iterations' | 'epochs' | 'classEpochs' | 'columnUses' | 'graph' | 'toOnnx'
> {
  const own = { columns, bars, used, preparation, scaling };
  return {
    learner,
    columns,
    bars,
    iterations,
    epochs,
    classEpochs,
    columnUses() {
      // What a graph of any operators does with its columns is not known.
      const uses = new Int32Array(columns);
      for (const column of used) uses[column] = 1;
      return uses;
    },
    graph: (place) => foreignPart(foreign, { ...own, metadata: {} }, place),
    toOnnx: ({ metadata }) => serveForeign(foreign, { ...own, metadata }),
  };
}

/** The model's own probabilities, [rows × answers] by rows. */
function answersOf({ columns, bars = 1 }: TrainedOutside, { foreign, session }: OpenedModel, x: Matrix): Float64Array {
  if (x.columns !== columns) throw new RangeError(`the model has ${columns} columns, the matrix ${x.columns}`);
  if (bars === 1) return Float64Array.from(session.run(x));
  if (!isSequence(x) || x.past.bars !== bars)
    throw new RangeError(`the model gets sequences of ${bars} rows, the matrix has ${barsPerRow(x)}`);
  const width = foreign.output.answers;
  const all = new Float64Array(x.rows * width);
  for (let from = 0; from < x.rows; from += SEQUENCES_AT_ONCE) {
    const to = Math.min(x.rows, from + SEQUENCES_AT_ONCE);
    const part = { rows: to - from, columns: bars * columns, values: sequencesOf(x, from, to) };
    all.set(session.run(part), from * width);
  }
  return all;
}
