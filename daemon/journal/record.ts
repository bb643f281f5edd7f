import type { EpochMs } from '../../shared/bar.ts';
import { FLAT, type Position } from '../../shared/core/position/position.ts';
import type { ShadowRow } from '../../shared/store/journal.ts';
import type { MinuteAnswer } from '../decide/answer.ts';
import type { FeatureMatrix } from '../infer/feature_matrix.ts';
import type { Journal } from './journal.ts';

const FLAT_TEXT = JSON.stringify(FLAT);

export interface RecorderOptions {
  readonly bootId: string;
  readonly matrix: FeatureMatrix;
  readonly journal: Journal;
}

/** Journals what was published. */
export class SignalRecorder {
  readonly #options: RecorderOptions;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  store(answers: readonly MinuteAnswer[], generatedAtMs: EpochMs): void {
    const { bootId, matrix, journal } = this.#options;
    for (const { minute, body, bodyText, riskProb, position, seq } of answers) {
      const { pairIndex, time, outcome } = minute;
      journal.signal({
        bootId,
        seq,
        pairId: body.pair_id,
        time,
        signalId: body.signal_id,
        body: bodyText,
        featuresCrc: outcome === 'COMPLETE' ? matrix.checksum(pairIndex) : null,
        riskProb,
        position: positionText(position),
        generatedAtMs,
      });
    }
    journal.flush();
  }
}

/** The signal a shadow set would have produced instead of the published one. */
export function shadowRow({ minute, body, bodyText, riskProb, position }: MinuteAnswer): ShadowRow {
  return {
    signalId: body.signal_id,
    pairId: body.pair_id,
    time: minute.time,
    modelVersion: body.model_version,
    body: bodyText,
    riskProb,
    position: positionText(position),
  };
}

function positionText(position: Position): string {
  return position === FLAT ? FLAT_TEXT : JSON.stringify(position);
}
