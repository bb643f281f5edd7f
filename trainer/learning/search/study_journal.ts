import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Params } from './space.ts';

/** An event of a study. */
export type StudyEvent =
  | { readonly kind: 'ask'; readonly trial: number; readonly params: Params }
  | { readonly kind: 'report'; readonly trial: number; readonly step: number; readonly value: number }
  | { readonly kind: 'tell'; readonly trial: number; readonly value: number }
  | { readonly kind: 'prune'; readonly trial: number }
  | { readonly kind: 'fail'; readonly trial: number; readonly reason: string };

/** The lock of the process that works on a search. */
export const journalLock = (path: string): string => `${path}.lock`;

export interface StudyJournal {
  append(event: StudyEvent): void;
  close(): void;
}

const FORMAT = 'minutehand.search/1';

/**
 * The journal of a study: a line that describes the search, then one JSON line per event. Existing events are passed to
 * `take`, in order. A last line truncated by a kill or a power cut is removed.
 * @param header everything that determines the trials; its JSON must be the same as when the journal was started
 * @throws MinutehandError SEARCH_JOURNAL
 */
export function openStudyJournal(path: string, header: object, take: (event: StudyEvent) => void): StudyJournal {
  closeSync(openSync(path, 'a'));
  const file = openSync(path, 'r+');
  let length = 0;
  const writeLine = (line: string): void => {
    const bytes = Buffer.from(`${line}\n`);
    for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at, length + at);
    length += bytes.length;
  };
  const read = (): void => {
    const wanted = JSON.stringify({ format: FORMAT, ...header });
    const bytes = readFileSync(file);
    length = bytes.lastIndexOf('\n') + 1;
    const lines = bytes.subarray(0, length).toString('utf8').split('\n').slice(0, -1);
    const seen = lines[0] ?? bytes.toString('utf8');
    const isOurs = lines.length === 0 ? wanted.startsWith(seen) : seen === wanted;
    if (!isOurs) throw new MinutehandError('SEARCH_JOURNAL', { seen: `${path} begins with ${seen}`, expected: wanted });
    if (length < bytes.length) ftruncateSync(file, length);
    if (lines.length === 0) writeLine(wanted);
    lines.slice(1).forEach((line, i) => {
      try {
        take(JSON.parse(line) as StudyEvent);
      } catch (cause) {
        throw new MinutehandError('SEARCH_JOURNAL', { seen: `line ${i + 2} of ${path}: ${String(cause)}`, cause });
      }
    });
  };
  try {
    read();
  } catch (error) {
    closeSync(file);
    throw error;
  }
  return {
    append(event) {
      writeLine(JSON.stringify(event));
      // A trial is minutes of work; its end must survive a power cut.
      if (event.kind !== 'report') fsyncSync(file);
    },
    close: () => closeSync(file),
  };
}
