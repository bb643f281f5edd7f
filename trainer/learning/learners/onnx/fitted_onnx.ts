import type { Matrix } from '../../../../shared/bundle/onnx/tree_ensemble.ts';
import type { Epoch, Fitted } from '../contract/fitted.ts';
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
  /** Absent: it gets the columns as they are. */
  readonly preparation?: ColumnPreparation | null;
  /** Rows that the model gets together, the oldest first; absent: 1, each row alone. */
  readonly bars?: number;
}

/** Sequences that are in memory together. */
const SEQUENCES_AT_ONCE = 1024;

/** @throws MinutehandError MODEL_LOAD for a model that cannot be served */
export async function fittedOnnx(trained: TrainedOutside): Promise<Fitted> {
  const { bytes, columns, used, preparation = null, bars = 1 } = trained;
  const foreign = readForeignModel(bytes, { columns: used.length, bars });
  const session = await openSession(
    serveForeign(foreign, { columns, bars, used, preparation, scaling: null, metadata: {} }),
  );
  return rescaled(trained, { foreign, session }, null);
}

function rescaled(
  trained: TrainedOutside,
  opened: { readonly foreign: ForeignModel; readonly session: Session },
  scaling: Rescaling | null,
): Fitted {
  const { learner, columns, used, iterations, epochs, preparation = null, bars = 1 } = trained;
  const served = servedRescaling(scaling);
  const own = { columns, bars, used, preparation, scaling: served };
  const probabilities = (x: Matrix): Float64Array => {
    if (x.columns !== columns) throw new RangeError(`the model has ${columns} columns, the matrix ${x.columns}`);
    if (bars === 1) return Float64Array.from(opened.session.run(x));
    if (!isSequence(x) || x.past.bars !== bars)
      throw new RangeError(`the model gets sequences of ${bars} rows, the matrix has ${barsPerRow(x)}`);
    const all = new Float64Array(x.rows);
    for (let from = 0; from < x.rows; from += SEQUENCES_AT_ONCE) {
      const to = Math.min(x.rows, from + SEQUENCES_AT_ONCE);
      const part = { rows: to - from, columns: bars * columns, values: sequencesOf(x, from, to) };
      all.set(opened.session.run(part, bars), from);
    }
    return all;
  };
  return {
    learner,
    columns,
    bars,
    link: 'sigmoid',
    width: 1,
    iterations,
    epochs,
    openMargins: () => (x) => [Float32Array.from(rescaledLogits(probabilities(x), served))],
    answers: (x) => rescaledAnswers(probabilities(x), served).map(Math.fround),
    exactAnswers: (x) => rescaledAnswers(probabilities(x), served),
    withMargins: (by) => rescaled(trained, opened, composedRescaling(scaling, by)),
    columnUses() {
      // What a graph of any operators does with its columns is not known.
      const uses = new Int32Array(columns);
      for (const column of used) uses[column] = 1;
      return uses;
    },
    graph: (place) => foreignPart(opened.foreign, { ...own, metadata: {} }, place),
    toOnnx: ({ metadata }) => serveForeign(opened.foreign, { ...own, metadata }),
  };
}
