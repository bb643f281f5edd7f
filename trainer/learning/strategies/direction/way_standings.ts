import { classLosses } from '../../measures/multiclass.ts';
import { standingAgainst, standingsOf, type Standing, type Standings } from '../../statistics/standings.ts';
import { answersOfBlocks } from './direction_report.ts';
import type { InstrumentRows } from './instrument_rows.ts';
import type { CalibratedBlock } from './walk_forward.ts';

/** Evaluated rows, and answers to them. */
type AnsweredBlocks = readonly Pick<CalibratedBlock, 'split' | 'probabilities'>[];
type AnsweredRows = Pick<InstrumentRows, 'time' | 'evaluation'>;

/** Log loss of each evaluated row, nats, block by block. */
export function lossesOfBlocks(rows: AnsweredRows, blocks: AnsweredBlocks): Float64Array {
  return classLosses(answersOfBlocks(rows, blocks));
}

/**
 * Compares ways to learn by the log loss of the same evaluated rows, paired row by row; errors are by days.
 * @param losses of each way, as `lossesOfBlocks`
 * @param blocks of any of them
 */
export function standWays(losses: readonly Float64Array[], rows: AnsweredRows, blocks: AnsweredBlocks): Standings {
  return standingsOf(losses, timesOfBlocks(rows, blocks));
}

/** Where other answers to the same rows stand against one of the ways. @param blocks of these answers */
export function standBeside(losses: Float64Array, rows: AnsweredRows, blocks: AnsweredBlocks): Standing {
  return standingAgainst(lossesOfBlocks(rows, blocks), losses, timesOfBlocks(rows, blocks));
}

/** Closes of the answered bars, epoch seconds. */
function timesOfBlocks({ time }: AnsweredRows, blocks: AnsweredBlocks): Float64Array {
  return Float64Array.from(
    blocks.flatMap(({ split }) => [...split.test]),
    (row) => time[row]!,
  );
}
