import type { OpenTime } from '../../shared/bar.ts';
import type { InputKind, InputRow } from '../../shared/store/journal.ts';

/**
 * A change that took effect before a minute whose bars were journaled already: the models of that very minute failed,
 * and others answered it. Until something else replaces it, it holds for all minutes behind that one, too.
 */
export interface EarlierChange {
  /** The process that answered the minute: after a kill it may be another than the one that wrote its bars. */
  readonly bootId: string;
  readonly pairId: string;
  /** Open of the minute, or of the longer bar. */
  readonly time: OpenTime;
  /** As if it stood before the minute. */
  readonly row: InputRow;
}

/** @param newest minute of the journal, as other changes of state name it */
export function earlierRow({ bootId, pairId, time, row }: EarlierChange, newest: OpenTime): InputRow {
  const { kind, subject } = row;
  const text = JSON.stringify({ boot_id: bootId, pair_id: pairId, time, kind, subject });
  return { kind: 'earlier', subject: text, time: newest, bar: null, backfill: false };
}

/** @param row of the kind `earlier` */
export function parseEarlierRow({ subject: text }: InputRow): EarlierChange {
  const { boot_id, pair_id, time, kind, subject } = JSON.parse(text) as {
    readonly boot_id: string;
    readonly pair_id: string;
    readonly time: OpenTime;
    readonly kind: InputKind;
    readonly subject: string;
  };
  return { bootId: boot_id, pairId: pair_id, time, row: { kind, subject, time, bar: null, backfill: false } };
}
