import { sign, verify, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import * as z from 'zod';
import { keepReserve, replaceEvenWhenFull } from '../disk_reserve.ts';
import { MinutehandError } from '../errors.ts';
import { MACHINE_FILES } from '../files.ts';
import { oneLine } from '../one_line.ts';
import { PAIR_ID_SOURCE } from '../pair.ts';
import type { FileSystem } from '../ports.ts';
import { lockHome } from '../process/home_lock.ts';
import { readActive, VERSION } from './bundle.ts';
import { readModelsFile } from './models_file.ts';
import { keyName, signingKey } from './signature.ts';

/** Stands for every pair instead of a pair id. */
export const ALL_PAIRS = '*';
/** The live KPIs that can halt. */
export const HALT_REASONS = ['win_rate', 'drawdown', 'refusal_rate'] as const;
export type HaltReason = (typeof HALT_REASONS)[number];

const pairIdSchema = z.string().regex(new RegExp(`^(\\*|${PAIR_ID_SOURCE})$`), 'a pair id, or * for all pairs');
const versionSchema = z.string().regex(VERSION);

/** A person stops the entries of a subject, or also has its open position closed. */
export const STOP_KINDS = ['entries', 'close'] as const;
export type StopKind = (typeof STOP_KINDS)[number];
/** Stand for the version of a person's stop, which counts under every version. */
export const STOP_VERSIONS: Readonly<Record<StopKind, string>> = { entries: '*', close: '*close' };

const haltSchema = z.strictObject({
  pair_id: pairIdSchema,
  reason: z.enum(HALT_REASONS),
  seen: z.string(),
  limit: z.string(),
  version: versionSchema,
  since: z.iso.datetime(),
});
const resumedSchema = z.strictObject({
  // Of a person's stop: any subject, and `*`.
  pair_id: z.string().regex(/^(\*|[A-Za-z0-9._@]{1,80})$/, 'a subject, or * for all'),
  version: versionSchema.or(z.literal('*')),
  at: z.iso.datetime(),
  /** `keyName` and Ed25519 signature over `noteBytes`, where bundles are signed. */
  key: z.string().max(100).optional(),
  signature: z.base64().max(200).optional(),
});
const stopSchema = z.strictObject({
  pair_id: z.string().regex(/^(\*|[A-Za-z0-9._@]{1,80})$/, 'a subject, or * for all'),
  kind: z.enum(STOP_KINDS),
  reason: z.string().max(500),
  by: z.string().max(100),
  since: z.iso.datetime(),
});
const haltsSchema = z.strictObject({
  halts: z.array(haltSchema),
  resumed: z.array(resumedSchema),
  stops: z.array(stopSchema).optional(),
});

/**
 * A pair, or all of them (`*`), whose live KPI went past the policy's limit under a model version. It counts while that
 * version is active, and again when that version is active again.
 */
export type Halt = Readonly<z.infer<typeof haltSchema>>;
/**
 * A person lifted the halts of a pair (`*`: of every pair, and of all at once): figures from before `at` halt it no
 * more.
 */
export type Resumed = Readonly<z.infer<typeof resumedSchema>>;
/** The deciding part of a `resumed` note. */
export type ResumedNote = Pick<Resumed, 'pair_id' | 'version' | 'at'>;
/** A person stopped a subject, or all of them (`*`), under whatever models, until a person resumes it. */
export type Stop = Readonly<z.infer<typeof stopSchema>>;
export interface Halts {
  readonly halts: readonly Halt[];
  readonly resumed: readonly Resumed[];
  /** Absent in files of earlier versions. */
  readonly stops?: readonly Stop[] | undefined;
}

/** The deciding part of a halt: the pair, and the version. */
export type StandingHalt = Pick<Halt, 'pair_id' | 'version'>;
/** Active halts, with the `resumed` notes that were read before: only a note that is not among them lifts a halt. */
export interface Standing {
  readonly halts: readonly StandingHalt[];
  readonly resumed: readonly ResumedNote[];
}

export const NO_HALTS: Halts = { halts: [], resumed: [] };
const NO_HALTS_FILE: Halts = NO_HALTS;

export function haltsPath(modelsFolder: string): string {
  return join(modelsFolder, 'halts.json');
}

/**
 * Contents of `halts.json` in a folder of bundles; an absent file means that nothing is halted.
 * @throws MinutehandError HALTS_FORMAT when the file cannot be read or is not of the format
 */
export function readHalts(modelsFolder: string, files: FileSystem = MACHINE_FILES): Halts {
  const text = haltsText(modelsFolder, files);
  return text === null ? NO_HALTS : parseHalts(text, haltsPath(modelsFolder));
}

/**
 * Text of `halts.json` in a folder of bundles; null: there is no such file. Nothing but the system's word for that
 * counts as absence: a file that cannot be looked at may hold a stop.
 * @throws MinutehandError HALTS_FORMAT when the file cannot be read
 */
export function haltsText(modelsFolder: string, files: FileSystem = MACHINE_FILES): string | null {
  const path = haltsPath(modelsFolder);
  try {
    return readModelsFile(path, 'halts', files).toString('utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    const seen = cause instanceof MinutehandError ? cause.seen! : `${path} cannot be read (${code})`;
    throw new MinutehandError('HALTS_FORMAT', { seen, cause });
  }
}

/** @throws MinutehandError HALTS_FORMAT */
export function parseHalts(text: string, path: string): Halts {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new MinutehandError('HALTS_FORMAT', { seen: `${path} is not JSON`, cause });
  }
  const parsed = haltsSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new MinutehandError('HALTS_FORMAT', { seen: `${path}: ${issue.path.join('.')}: ${issue.message}` });
}

/**
 * Adds what another `halts.json` says to that of a folder: a halt or stop of either counts, unless the folder's own
 * file has lifted it since.
 * @param text of the other file
 * @returns whether that changed the file
 * @throws MinutehandError HALTS_FORMAT of either; HOME_LOCKED, HOME_UNUSABLE
 */
export function addFromFile(modelsFolder: string, text: string, files: FileSystem = MACHINE_FILES): boolean {
  const other = parseHalts(text, 'the kept halts.json');
  return whileLocked(modelsFolder, files, () => {
    const known = readHalts(modelsFolder, files);
    const isLifted = (pairId: string, version: string, since: string): boolean =>
      (resumedAt(known, pairId, version)?.getTime() ?? -Infinity) >= Date.parse(since);
    const halts = other.halts.filter(({ pair_id, version, since }) => !isLifted(pair_id, version, since));
    const otherStops = (other.stops ?? []).filter(
      ({ pair_id, since }) => !isLifted(pair_id, STOP_VERSIONS.entries, since),
    );
    const stops = joined(known.stops ?? [], otherStops, ({ pair_id, kind }) => `${pair_id} ${kind}`);
    const next: Halts = {
      halts: joined(known.halts, halts, keyOf),
      resumed: joined(known.resumed, other.resumed, ({ pair_id, version, at }) => `${pair_id} ${version} ${at}`),
      ...(stops.length === 0 ? {} : { stops }),
    };
    const isNew = JSON.stringify(next) !== JSON.stringify(known);
    if (isNew) writeHalts(modelsFolder, next, files);
    return isNew;
  });
}

function joined<Row>(own: readonly Row[], others: readonly Row[], keyIn: (row: Row) => string): Row[] {
  const keys = new Set(own.map(keyIn));
  return [...own, ...others.filter((row) => !keys.has(keyIn(row)))];
}

/**
 * Adds halts. A halt that is present already (same pair, reason and version) keeps its first `since`; when all are
 * present, the file is not changed, but made durable: the process that wrote it may have been killed before.
 * @param seenAt when the figures were read: a halt that a person has resumed since then was resumed with these figures
 * visible, and is not halted again
 * @returns those that were added
 * @throws MinutehandError HALTS_FORMAT: a damaged file is not replaced, because it may hold active halts; HOME_LOCKED,
 * HOME_UNUSABLE
 */
export function addHalts(
  modelsFolder: string,
  added: readonly Halt[],
  files: FileSystem = MACHINE_FILES,
  seenAt = Infinity,
): Halt[] {
  if (added.length === 0) return [];
  return whileLocked(modelsFolder, files, () => {
    const known = readHalts(modelsFolder, files);
    const standing = new Set(known.halts.map(keyOf));
    const fresh = added.filter((halt) => {
      if ((resumedAt(known, halt.pair_id, halt.version)?.getTime() ?? -Infinity) >= seenAt) return false;
      return !standing.has(keyOf(halt)) && standing.add(keyOf(halt));
    });
    if (fresh.length > 0) writeHalts(modelsFolder, { ...known, halts: [...known.halts, ...fresh] }, files);
    else files.sync(modelsFolder);
    return fresh;
  });
}

/**
 * The monitor and a person may change the file at the same time, from two processes: each reads what the other one has
 * written. A simulated disk belongs to one process.
 * @throws MinutehandError HOME_LOCKED at once, before any change: see `whenUnlocked`
 */
function whileLocked<Result>(modelsFolder: string, files: FileSystem, change: () => Result): Result {
  if (files !== MACHINE_FILES) return change();
  const unlock = lockHome(`${haltsPath(modelsFolder)}.lock`);
  try {
    return change();
  } finally {
    unlock();
  }
}

function keyOf({ pair_id, reason, version }: Halt): string {
  return `${pair_id} ${reason} ${version}`;
}

/**
 * Lifts the halts of a pair under the version that `active.json` names, or of all pairs at once (`*`), and records the
 * time, so that the figures up to now do not halt again. Halts of other versions stay: they count when that version is
 * active again. A halt of all pairs is not lifted for one of them. `*` also replaces a damaged file, which nothing else
 * does. The record is written even when the file has no such halt: a daemon may still have one that the file has lost.
 * @returns the halts of the file that were lifted
 * @throws MinutehandError HALTS_FORMAT for a single pair; MODEL_MISSING when no version is active, unless `*` replaces a
 * damaged file; MODEL_MANIFEST when active.json is damaged; HOME_LOCKED, HOME_UNUSABLE
 */
export function resume(modelsFolder: string, pairId: string, now: Date, files: FileSystem = MACHINE_FILES): Halt[] {
  const active = readActive(modelsFolder, files);
  if (active !== null)
    return whileLocked(modelsFolder, files, () => lift(modelsFolder, pairId, active.version, now, files));
  // Instruments have halts of their own models and stops of operators in that file, too.
  if (pairId !== ALL_PAIRS || readHaltsOrNull(modelsFolder, files) !== null)
    throw new MinutehandError('MODEL_MISSING', { seen: `no active bundle in ${modelsFolder}` });
  whileLocked(modelsFolder, files, () => writeHalts(modelsFolder, NO_HALTS_FILE, files));
  return [];
}

function lift(modelsFolder: string, pairId: string, version: string, now: Date, files: FileSystem): Halt[] {
  const isAll = pairId === ALL_PAIRS;
  const known = readHaltsOrNull(modelsFolder, files);
  if (known === null && !isAll) readHalts(modelsFolder, files);
  const { halts, resumed, stops } = known ?? NO_HALTS_FILE;
  const isLifted = (halt: Halt): boolean => halt.version === version && (isAll || halt.pair_id === pairId);
  const lifted = halts.filter(isLifted);
  const note = newNote({ pair_id: pairId, version }, resumed, now);
  const isReplaced = (earlier: Resumed): boolean =>
    earlier.version === version && (isAll || earlier.pair_id === pairId);
  const next: Halts = {
    ...(stops === undefined ? {} : { stops }),
    halts: halts.filter((halt) => !isLifted(halt)),
    resumed: [...resumed.filter((earlier) => !isReplaced(earlier)), note],
  };
  writeHalts(modelsFolder, next, files);
  return lifted;
}

/** A signed note, later than all before it: readers take no older one. @throws MinutehandError KEY_UNUSABLE */
function newNote(of: Pick<Resumed, 'pair_id' | 'version'>, before: readonly Resumed[], now: Date): Resumed {
  const ofSameKind = before.filter(
    ({ pair_id, version }) =>
      version === of.version && (pair_id === of.pair_id || pair_id === ALL_PAIRS || of.pair_id === ALL_PAIRS),
  );
  const latest = Math.max(0, ...ofSameKind.map(({ at }) => Date.parse(at)));
  const note = { ...of, at: new Date(Math.max(now.getTime(), latest + 1)).toISOString() };
  const key = signingKey();
  if (key === null) return note;
  return { ...note, key: keyName(key), signature: sign(null, noteBytes(note), key).toString('base64') };
}

function noteBytes({ pair_id, version, at }: ResumedNote): Buffer {
  return Buffer.from(`minutehand.resumed/1\n${JSON.stringify([pair_id, version, at])}\n`);
}

/**
 * What a reader that trusts certain keys takes of `halts.json`. Halts and stops need no signature: they only keep from
 * entering. A note lifts them, so a trusted key must have signed it.
 * @returns the file without the notes that nobody trusted has signed, and those
 */
export function trustedHalts(
  read: Halts,
  trusted: readonly KeyObject[],
): { readonly halts: Halts; readonly refused: readonly Resumed[] } {
  const isTrusted = (note: Resumed): boolean => {
    const signer = trusted.find((one) => keyName(one) === note.key);
    if (signer === undefined || note.signature === undefined) return false;
    return verify(null, noteBytes(note), signer, Buffer.from(note.signature, 'base64'));
  };
  const refused = read.resumed.filter((note) => !isTrusted(note));
  if (refused.length === 0) return { halts: read, refused };
  return { halts: { ...read, resumed: read.resumed.filter(isTrusted) }, refused };
}

function readHaltsOrNull(modelsFolder: string, files: FileSystem): Halts | null {
  try {
    return readHalts(modelsFolder, files);
  } catch {
    return null;
  }
}

/**
 * From when on the figures of a pair under a version count: the last time that a person lifted its halts; null = never.
 */
export function resumedAt({ resumed }: Halts, pairId: string, version: string): Date | null {
  const times = resumed
    .filter((row) => row.version === version && (row.pair_id === pairId || row.pair_id === ALL_PAIRS))
    .map(({ at }) => Date.parse(at));
  return times.length === 0 ? null : new Date(Math.max(...times));
}

/** The halt that keeps a pair from entering under the active version, its own before one of all pairs; null = none. */
export function haltedPairs<Standing extends StandingHalt>(
  halts: readonly Standing[],
  activeVersion: string | null,
): (pairId: string) => Standing | null {
  const counting = new Map<string, Standing>();
  for (const halt of halts)
    if (halt.version === activeVersion && !counting.has(halt.pair_id)) counting.set(halt.pair_id, halt);
  const all = counting.get(ALL_PAIRS) ?? null;
  return (pairId) => counting.get(pairId) ?? all;
}

/**
 * Active halts after a read of `halts.json`: the halts it names, and earlier ones that no new `resumed` record lifts.
 * A halt that is merely missing was lost (a power cut can undo the rename of a file that was not flushed yet, a person
 * can delete it), and stays.
 */
export function standingAfter(known: Standing, read: Halts): Standing {
  const named = namedBy(read);
  const noteText = (note: ResumedNote): string => `${note.pair_id}@${note.version}@${note.at}`;
  const readBefore = new Set(known.resumed.map(noteText));
  // An older note than the last of its kind comes from an older file: it lifts nothing again.
  const isOlder = (note: ResumedNote): boolean =>
    known.resumed.some(
      ({ pair_id, version, at }) =>
        version === note.version && (pair_id === note.pair_id || pair_id === ALL_PAIRS) && at > note.at,
    );
  const news = read.resumed.filter((note) => !readBefore.has(noteText(note)) && !isOlder(note));
  const lost = lostHalts(known.halts, read).filter(
    ({ pair_id, version }) =>
      !news.some((note) => lifts(note, version) && (note.pair_id === pair_id || note.pair_id === ALL_PAIRS)),
  );
  const inFile = new Set(read.resumed.map(noteText));
  // Kept until a later one of its kind is read, so that an older file cannot lift what was halted since.
  const isReplaced = (note: ResumedNote): boolean =>
    read.resumed.some(
      ({ pair_id, version, at }) =>
        version === note.version && (pair_id === note.pair_id || pair_id === ALL_PAIRS) && at >= note.at,
    );
  const kept = known.resumed.filter((note) => !inFile.has(noteText(note)) && !isReplaced(note));
  return { halts: [...named, ...lost], resumed: [...read.resumed, ...kept] };
}

/** What `halts.json` names: halts by a live KPI, and stops by a person. */
function namedBy({ halts, stops = [] }: Halts): readonly StandingHalt[] {
  return [...halts, ...stops.map(({ pair_id, kind }) => ({ pair_id, version: STOP_VERSIONS[kind] }))];
}

function lifts(note: ResumedNote, version: string): boolean {
  return note.version === version || (note.version === STOP_VERSIONS.entries && isStopVersion(version));
}

/** Returns whether a standing halt is a person's stop. */
export function isStopVersion(version: string): boolean {
  return version === STOP_VERSIONS.entries || version === STOP_VERSIONS.close;
}

/** The stop of each subject: `close` before `entries`, its own or that of all; null = none. */
export function stoppedSubjects(halts: readonly StandingHalt[]): (subject: string) => StopKind | null {
  const of = (kind: StopKind): ReadonlySet<string> =>
    new Set(halts.filter(({ version }) => version === STOP_VERSIONS[kind]).map(({ pair_id }) => pair_id));
  const closed = of('close');
  const stopped = of('entries');
  return (subject) => {
    if (closed.has(subject) || closed.has(ALL_PAIRS)) return 'close';
    return stopped.has(subject) || stopped.has(ALL_PAIRS) ? 'entries' : null;
  };
}

/**
 * Stops subjects. One that is stopped in this way already keeps its first entry.
 * @param subjects ids, or `*` for all
 * @returns those that were added
 * @throws MinutehandError HALTS_FORMAT, HOME_LOCKED, HOME_UNUSABLE
 */
export function addStops(
  modelsFolder: string,
  subjects: readonly string[],
  stop: Pick<Stop, 'kind' | 'reason' | 'by'>,
  now: Date,
  files: FileSystem = MACHINE_FILES,
): Stop[] {
  return whileLocked(modelsFolder, files, () => {
    const known = readHalts(modelsFolder, files);
    const { stops = [] } = known;
    const isKnown = (id: string): boolean => stops.some(({ pair_id, kind }) => pair_id === id && kind === stop.kind);
    const added = [...new Set(subjects)]
      .filter((id) => !isKnown(id))
      .map((pair_id): Stop => ({ pair_id, ...stop, since: now.toISOString() }));
    if (added.length > 0) writeHalts(modelsFolder, { ...known, stops: [...stops, ...added] }, files);
    else files.sync(modelsFolder);
    return added;
  });
}

/**
 * Lifts the stops of subjects, or all (`*`), and records the time. A stop of all is not lifted for one of them.
 * @returns the stops that were lifted
 * @throws MinutehandError STOP_OF_ALL, HALTS_FORMAT, HOME_LOCKED, HOME_UNUSABLE
 */
export function liftStops(
  modelsFolder: string,
  subjects: readonly string[],
  now: Date,
  files: FileSystem = MACHINE_FILES,
): Stop[] {
  return whileLocked(modelsFolder, files, () => {
    const known = readHalts(modelsFolder, files);
    const { stops = [] } = known;
    const isAll = subjects.includes(ALL_PAIRS);
    const ofAll = stops.find(({ pair_id }) => pair_id === ALL_PAIRS);
    if (!isAll && ofAll !== undefined) throw new MinutehandError('STOP_OF_ALL', { seen: stopText(ofAll) });
    const isLifted = ({ pair_id }: Pick<Stop, 'pair_id'>): boolean => isAll || subjects.includes(pair_id);
    const notes = (isAll ? [ALL_PAIRS] : subjects).map((pair_id) =>
      newNote({ pair_id, version: STOP_VERSIONS.entries }, known.resumed, now),
    );
    const isReplaced = (note: Resumed): boolean => note.version === STOP_VERSIONS.entries && isLifted(note);
    const resumed = [...known.resumed.filter((note) => !isReplaced(note)), ...notes];
    const left = stops.filter((stop) => !isLifted(stop));
    writeHalts(modelsFolder, { halts: known.halts, resumed, ...(left.length === 0 ? {} : { stops: left }) }, files);
    return stops.filter(isLifted);
  });
}

/** A stop as text for people. */
export function stopText({ pair_id, kind, reason, by, since }: Stop): string {
  const what = kind === 'close' ? 'closed and stopped' : 'entries stopped';
  return `${pair_id === ALL_PAIRS ? 'all subjects' : pair_id}: ${what} by ${oneLine(by)} since ${since}${reason === '' ? '' : `: ${oneLine(reason)}`}`;
}

/** Active halts although `halts.json` does not name them. */
export function lostHalts(standing: readonly StandingHalt[], read: Halts): StandingHalt[] {
  const named = namedBy(read);
  return standing.filter(
    ({ pair_id, version }) => !named.some((halt) => halt.pair_id === pair_id && halt.version === version),
  );
}

/** Prefix of a `resumed` record in the text of `standingText`. */
const NOTE = 'resumed:';

/**
 * Halts and `resumed` records as one word each, sorted and each once: equal texts mean the same state. Empty when there
 * are none.
 */
export function standingText({ halts, resumed }: Standing): string {
  const words = [
    ...halts.map(({ pair_id, version }) => `${pair_id}@${version}`),
    ...resumed.map(({ pair_id, version, at }) => `${NOTE}${pair_id}@${version}@${at}`),
  ];
  return [...new Set(words)].sort().join(' ');
}

/** Parses the output of `standingText`. */
export function parseStanding(text: string): Standing {
  const words = text.split(' ').filter((word) => word !== '');
  return {
    halts: words.filter((word) => !word.startsWith(NOTE)).map(haltOf),
    resumed: words
      .filter((word) => word.startsWith(NOTE))
      .map((word) => {
        const [halt, at] = splitAtLast(word.slice(NOTE.length));
        return { ...haltOf(halt), at };
      }),
  };
}

function haltOf(word: string): StandingHalt {
  const [pair_id, version] = splitAtLast(word);
  return { pair_id, version };
}

/** The id of a pair of a longer timeframe has an @ too; what follows an id has none. */
function splitAtLast(word: string): [string, string] {
  const at = word.lastIndexOf('@');
  return [word.slice(0, at), word.slice(at + 1)];
}

function writeHalts(modelsFolder: string, halts: Halts, files: FileSystem): void {
  files.makeFolder(modelsFolder);
  replaceEvenWhenFull(files, haltsPath(modelsFolder), `${JSON.stringify(haltsSchema.parse(halts), null, 1)}\n`);
  if (files === MACHINE_FILES) keepReserve(modelsFolder);
}
