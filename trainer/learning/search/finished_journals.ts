import { createReadStream, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { renameFile } from '../../../shared/durable_file.ts';
import { makeFolder } from '../../../shared/folder.ts';
import type { Space, Value } from './space.ts';
import { isTaken } from '../../../shared/process/process_state.ts';
import { journalLock, type StudyEvent } from './study_journal.ts';
import type { TrialRecord } from './trial.ts';
import { isThere } from '../../../shared/files.ts';

const FINISHED = 'finished';
const KEPT = 30;
const NAME = /^(ai[123])_[0-9a-f]{32}\.jsonl$/;

/** A search in progress or ended. */
export interface JournaledSearch {
  readonly search_id: string;
  readonly model: string;
  readonly is_finished: boolean;
  /** A process works on it; one that was interrupted may be resumed. */
  readonly is_running: boolean;
  /** Last trial, epoch ms. */
  readonly changed_ms: number;
  readonly bytes: number;
}

/** All trials of a search, by column. */
export interface SearchHistory {
  readonly search_id: string;
  readonly direction: 'minimize' | 'maximize';
  readonly space: Space;
  readonly state: TrialRecord['state'][];
  /** null for trials without a value. */
  readonly value: (number | null)[];
  /** Of each parameter, numbers by six significant digits; null where a trial does not have it. */
  readonly params: Record<string, (Value | null)[]>;
}

/** Moves the journal of a search that has ended to `finished/`. The newest 30 stay, and as many interrupted ones. */
export function keepJournal(path: string): void {
  const folder = join(dirname(path), FINISHED);
  makeFolder(folder);
  const kept = join(folder, basename(path));
  renameFile(path, kept);
  rmSync(journalLock(path), { force: true });
  forgetOldest(folder, listFolder(folder, true));
  // Of earlier data: nothing resumes them.
  const interrupted = listFolder(dirname(path), false).filter(({ is_running }) => !is_running);
  forgetOldest(dirname(path), interrupted);
}

function forgetOldest(folder: string, found: JournaledSearch[]): void {
  found.sort((a, b) => b.changed_ms - a.changed_ms);
  for (const { search_id } of found.slice(KEPT)) {
    const path = join(folder, `${search_id}.jsonl`);
    for (const one of [path, journalLock(path)]) rmSync(one, { force: true });
  }
}

/** @param searches `HomePaths.searches` */
export function listJournals(searches: string): JournaledSearch[] {
  const found = [...listFolder(searches, false), ...listFolder(join(searches, FINISHED), true)];
  return found.sort((a, b) => b.changed_ms - a.changed_ms);
}

function listFolder(folder: string, isFinished: boolean): JournaledSearch[] {
  if (!isThere(folder)) return [];
  return readdirSync(folder).flatMap((name) => {
    const model = NAME.exec(name)?.[1];
    const file = statSync(join(folder, name), { throwIfNoEntry: false });
    if (model === undefined || file === undefined) return [];
    const search_id = name.slice(0, -'.jsonl'.length);
    const is_running = !isFinished && isTaken(journalLock(join(folder, name))) === true;
    return [
      { search_id, model, is_finished: isFinished, is_running, changed_ms: Math.round(file.mtimeMs), bytes: file.size },
    ];
  });
}

/**
 * Reads a journal line by line, so that a long one does not block the caller's thread. A torn last line is left out.
 * @returns null when there is no such search
 */
export async function readSearchHistory(searches: string, searchId: string): Promise<SearchHistory | null> {
  const name = `${searchId}.jsonl`;
  if (!NAME.test(name)) return null;
  const path = [join(searches, name), join(searches, FINISHED, name)].find((one) => isThere(one));
  if (path === undefined) return null;
  let history: SearchHistory | null = null;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const parsed = parse(line);
    if (parsed === null) break;
    if (history === null) history = begin(searchId, parsed as Pick<SearchHistory, 'direction' | 'space'>);
    else take(history, parsed as StudyEvent);
  }
  if (history !== null && isTaken(journalLock(path)) !== true) interrupt(history);
  return history;
}

/** Nobody works on the trials that were begun. */
function interrupt({ state }: SearchHistory): void {
  for (const [trial, own] of state.entries()) if (own === 'running') state[trial] = 'failed';
}

function parse(line: string): object | null {
  try {
    return JSON.parse(line) as object;
  } catch {
    return null;
  }
}

function begin(search_id: string, { direction, space }: Pick<SearchHistory, 'direction' | 'space'>): SearchHistory {
  const params = Object.fromEntries(Object.keys(space).map((name): [string, (Value | null)[]] => [name, []]));
  return { search_id, direction, space, state: [], value: [], params };
}

/** A chart needs no more digits, and a hundred thousand trials are sent. */
function shown(value: Value | null): Value | null {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
}

function take({ state, value, params }: SearchHistory, event: StudyEvent): void {
  if (event.kind === 'ask') {
    state.push('running');
    value.push(null);
    for (const [name, column] of Object.entries(params)) column.push(shown(event.params[name] ?? null));
  } else if (event.kind === 'tell') {
    state[event.trial] = Number.isFinite(event.value) ? 'complete' : 'failed';
    value[event.trial] = Number.isFinite(event.value) ? event.value : null;
  } else if (event.kind === 'prune') state[event.trial] = 'pruned';
  else if (event.kind === 'fail') state[event.trial] = 'failed';
}
