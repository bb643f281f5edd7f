import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { shownMinute } from '../bar.ts';
import { counted } from '../counted.ts';
import { MinutehandError } from '../errors.ts';
import type { HomePaths } from '../home.ts';
import { newestLines } from '../line_file.ts';
import { barMinutesOf } from '../pair.ts';
import { isPathName, pathInside } from '../path_name.ts';
import { isTaken } from '../process/process_state.ts';
import { upParts } from '../process/up_parts.ts';
import { parseFill, type Fill } from './fill.ts';

/** Why an account does not follow the signals. */
export interface FollowerFault {
  /** `account simulated_paper`; `accounts` of what concerns all of them. */
  readonly about: string;
  readonly text: string;
  readonly next: string;
  /** A limit of the account that was reached, and not yet again and again, is none. */
  readonly isProblem: boolean;
}

/** A file of this name, beside the folder of accounts or in that of one, stops entries and closes all. */
export const KILL_FILE = 'KILL';
const PAPER = '_paper';
const RESULT_BYTES = 64 << 10;
/** Refusals are of the present for this long. */
const REFUSALS_MS = 24 * 3_600_000;
/** So many refused entries in a row are no coincidence. */
const MANY_REFUSALS = 3;
/** An account takes a signal within milliseconds. */
const TAKES_MS = 10_000;

/** What a terminal or an account has to be told before it follows again, by the first word of the refusal. */
const HINDRANCES: Readonly<Record<string, string>> = {
  TRADING_NOT_ALLOWED:
    'Press Algo Trading in the toolbar of the terminal, and allow algorithmic trading in the properties of the expert advisor.',
  NOT_CONNECTED: 'Look at the connection in the lower right corner of the terminal.',
  NO_SYMBOL: 'Name the broker’s symbol in `InpSymbols` of the expert advisor; see docs/guides/METATRADER.md.',
  NOT_TRADABLE: 'The broker lets this symbol not be traded on this account: take another symbol or account.',
  DAILY_LOSS: 'The loss that the account may have in a day was reached: it enters again on the next one.',
  ACCOUNT_UNKNOWN: 'Log the terminal in to its account.',
};
const LIMIT_NEXT = '`minutehand trades list` shows what was refused, and why.';

/**
 * Everything that keeps an account from following: a KILL file, a paper account of `up` that is down, one that runs and
 * takes no signals, entries that were refused. Reads files only, and works when nothing runs.
 * @param barMs wall-clock time of a one-minute bar of the configured market
 */
export function followerFaults(paths: HomePaths, barMs: number, nowMs: number): FollowerFault[] {
  const ofUp = upParts(paths);
  const isOfUp = (name: string): boolean => ofUp.some(({ account }) => `${account}${PAPER}` === name);
  return [
    ...killFault('accounts', join(dirname(paths.ea), KILL_FILE), 'all accounts'),
    ...ofUp.flatMap(({ account, ended, since }) =>
      account === null || ended === null ? [] : [downFault(`${account}${PAPER}`, ended, since)],
    ),
    ...foldersIn(paths.ea).flatMap((name) => ofAccount(paths, name, isOfUp(name), barMs, nowMs)),
  ];
}

/** The first of the problems, as an error. @throws MinutehandError NOT_FOLLOWED */
export function refuseFollowerFaults(faults: readonly FollowerFault[]): void {
  const fault = faults.find(({ isProblem }) => isProblem);
  if (fault !== undefined)
    throw new MinutehandError('NOT_FOLLOWED', { seen: `${fault.about}: ${fault.text}`, next: fault.next });
}

/** @param isOfUp whether `minutehand up` has started it */
function ofAccount(paths: HomePaths, name: string, isOfUp: boolean, barMs: number, nowMs: number): FollowerFault[] {
  const folder = pathInside(paths.ea, name);
  const about = `account ${name}`;
  const taken = isTaken(join(folder, 'lock'));
  // Nobody waits for a paper account that was ended; whether an expert advisor runs is not known here.
  if (name.endsWith(PAPER) && taken === false && !isOfUp) return [];
  const killed = killFault(about, join(folder, KILL_FILE), 'it');
  if (killed.length > 0) return killed;
  return [
    ...(taken === true ? behindFault(about, folder, paths.signals, barMs, nowMs) : []),
    ...refusals(about, folder, nowMs),
  ];
}

function killFault(about: string, path: string, what: string): FollowerFault[] {
  if (sinceOf(path) === null) return [];
  const text = `${path} stops ${what}: nothing is entered, and positions are closed.`;
  return [{ about, text, next: `Delete ${path} to let ${what} follow again.`, isProblem: true }];
}

function downFault(name: string, ended: string, since: string | null): FollowerFault {
  const from = since === null ? '' : ` since ${shownMinute(since)} UTC`;
  return {
    about: `account ${name}`,
    text: `does not run${from}, and follows no signal; it ended with ${ended}.`,
    next: '`minutehand up` starts it again and again: mend what it names, or start with `--no-paper`.',
    isProblem: true,
  };
}

const stateSchema = z.looseObject({
  market: z.string(),
  pairId: z.string(),
  memory: z.looseObject({ bootId: z.string(), seq: z.number() }),
});
const signalSchema = z.looseObject({
  market: z.string(),
  boot_id: z.string(),
  seq: z.number(),
  generated_at_ms: z.number(),
});

/** Pairs of a running account whose signals it has not taken, though it would have written so within milliseconds. */
function behindFault(about: string, folder: string, signals: string, barMs: number, nowMs: number): FollowerFault[] {
  const behind = filesIn(folder).flatMap((file) => {
    if (!/^state_.*\.json$/.test(file) || !isPathName(file)) return [];
    const path = pathInside(folder, file);
    const state = readJson(path, stateSchema);
    const takenMs = sinceOf(path);
    if (state === null || takenMs === null || !isPathName(state.pairId)) return [];
    const signal = readJson(join(pathInside(signals, state.pairId), 'signal.json'), signalSchema);
    if (signal === null || signal.market !== state.market) return [];
    const { memory, pairId } = state;
    const missed = signal.boot_id === memory.bootId ? signal.seq - memory.seq : signal.seq;
    const isDue = nowMs - takenMs > barMs * barMinutesOf(pairId) + TAKES_MS;
    return isDue && (missed > 1 || (missed === 1 && nowMs - signal.generated_at_ms > TAKES_MS)) ? [pairId] : [];
  });
  if (behind.length === 0) return [];
  const text = `runs, and has not taken the newest signals of ${behind.join(', ')}.`;
  return [{ about, text, next: 'Its output says why; end it, and start it again.', isProblem: true }];
}

/** What it answered to the newest entries, since one was followed. */
function refusals(about: string, folder: string, nowMs: number): FollowerFault[] {
  const refused: Fill[] = [];
  for (const line of newestOf(folder).toReversed()) {
    const fill = fillOf(line);
    if (fill?.kind === 'open') break;
    if (fill?.kind === 'refused') refused.push(fill);
  }
  const [last] = refused;
  // The file is gone, or is a finding of its own.
  if (last === undefined || last.error === KILL_FILE || nowMs - last.time_ms > REFUSALS_MS) return [];
  const hindrance = HINDRANCES[/^[A-Z_]*/.exec(last.error)![0]];
  const which = refused.length === 1 ? 'the last entry' : `the last ${counted(refused.length, 'entry', 'entries')}`;
  const text = `refused ${which}, that of ${last.pair_id} at ${shownMinute(new Date(last.time_ms).toISOString())} UTC: ${last.error}.`;
  const isProblem = hindrance !== undefined || refused.length >= MANY_REFUSALS;
  return [{ about, text, next: hindrance ?? LIMIT_NEXT, isProblem }];
}

function newestOf(folder: string): readonly string[] {
  try {
    return newestLines(join(folder, 'result.json'), RESULT_BYTES);
  } catch {
    // An unreadable folder of fills is the trainer's dependency.
    return [];
  }
}

function fillOf(line: string): Fill | null {
  try {
    return parseFill(line);
  } catch {
    return null;
  }
}

function readJson<Value>(path: string, schema: z.ZodType<Value>): Value | null {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return null;
  }
}

/** Time of its last change; null when it is not there. */
function sinceOf(path: string): number | null {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return null;
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() && isPathName(entry.name) ? [entry.name] : [],
    );
  } catch {
    return [];
  }
}
