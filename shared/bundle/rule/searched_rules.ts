import { createHash } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { replaceDurably } from '../../durable_file.ts';
import { MinutehandError } from '../../errors.ts';
import { MACHINE_FILES, isThere } from '../../files.ts';
import { makeFolder } from '../../folder.ts';
import { pathInside } from '../../path_name.ts';
import type { FormulaStrategy } from '../../policy/strategy_file.ts';
import { lockHome } from '../../process/home_lock.ts';
import { readModelsFile } from '../models_file.ts';
import { entryForms, formKey, questionKeys, strategyIdentity } from './rule_identity.ts';

const FORMAT = 'minutehand.searched_rules/1';
const HASH_BYTES = 8;
/** Of one search: more rules or forms are not kept one by one, and the questions of its space stand for all of them. */
const MAX_HASHES = 150_000;
/** Of all searches that were let go: with more, every rule counts as one of theirs. A record stays below 4 MiB. */
const MAX_QUESTIONS = 80_000;
/** The newest searches keep their rules; the older ones are one record of the questions that they asked. */
export const KEPT_SEARCHES = 50;
const LET_GO = 'let_go';

const hashes = z.base64();
const recordSchema = z.strictObject({
  format: z.literal(FORMAT),
  /** 1, or how many were let go. */
  searches: z.int().positive(),
  /** Of the first of them. */
  begun: z.iso.datetime(),
  /** Different rules that were evaluated. */
  trials: z.int().positive(),
  /** Whether `rules` and `forms` are those of every rule that was evaluated. */
  is_whole: z.boolean(),
  /** Identities of rules. */
  rules: hashes,
  /** Of their entries. */
  forms: hashes,
  /** That the entries of the space can ask; null: any. */
  questions: hashes.nullable(),
});
type Record = z.infer<typeof recordSchema>;

/** What a bundle takes along of the search that proposed its rule. */
const searchedRecordSchema = z.strictObject({ search: z.string().regex(/^[0-9a-f]{64}$/), record: recordSchema });
export type SearchedRecord = z.infer<typeof searchedRecordSchema>;
const reportSchema = z.object({ tried_rules: searchedRecordSchema });

/** Searches of an installation that have tried a rule. */
export interface SearchedBefore {
  /** `same`: this very rule. `near`: a rule that differs in numbers, exits, the other side, or the order of parts. */
  readonly match: 'same' | 'near';
  /** Rules that these searches have tried. */
  readonly trials: number;
  readonly searches: number;
}

/** A rule as a search knows it. */
export interface TriedRule {
  readonly identity: string;
  readonly forms: readonly string[];
}

/** Rules that a search has evaluated, as they are kept in a models folder. */
export class SearchedRules {
  readonly #models: string;
  readonly #search: string;
  readonly #begun: string;
  readonly #rules = new Set<bigint>();
  readonly #forms = new Set<bigint>();
  readonly #questions: ReadonlySet<bigint>;

  /**
   * @param search identity of the work, 64 hex digits
   * @param questions keys of all questions that its space can ask
   */
  constructor(models: string, search: string, questions: Iterable<string>, begun: Date) {
    this.#models = models;
    this.#search = search;
    this.#begun = begun.toISOString();
    this.#questions = new Set([...questions].map(hashOf));
  }

  add({ identity, forms }: TriedRule): void {
    this.#rules.add(hashOf(identity));
    for (const form of forms) this.#forms.add(hashOf(form));
  }

  /**
   * Keeps all rules that were added, with those that an earlier process of this search has kept.
   * @throws MinutehandError LOOKS_FORMAT, HOME_LOCKED, HOME_UNUSABLE
   */
  keep(trials: number): void {
    keepSearched(this.#models, { search: this.#search, record: this.#record(trials) });
  }

  /** What is kept of this search now; null: nothing. @throws MinutehandError LOOKS_FORMAT */
  kept(): SearchedRecord | null {
    const record = readRecord(this.#models, this.#search);
    return record === null ? null : { search: this.#search, record };
  }

  #record(trials: number): Record {
    return recordOf({
      searches: 1,
      begun: this.#begun,
      trials,
      isWhole: true,
      rules: this.#rules,
      forms: this.#forms,
      questions: this.#questions,
    });
  }
}

/**
 * Searches of this installation that have tried a rule, or one of which it is a near copy.
 * @param before ISO 8601: searches that began later do not count; absent: all do
 * @returns null: none has
 * @throws MinutehandError LOOKS_FORMAT
 */
export function searchedBefore(models: string, strategy: FormulaStrategy, before?: string): SearchedBefore | null {
  const identity = hashOf(strategyIdentity(strategy));
  const entries = entryForms(strategy).map((form) => ({
    form: hashOf(formKey(strategy.subject, form)),
    questions: questionKeys(strategy.subject, form).map(hashOf),
  }));
  const found = namesIn(models).flatMap((name) => {
    const record = askedRecord(models, name);
    if (record === null || (before !== undefined && Date.parse(record.begun) > Date.parse(before))) return [];
    const { rules, forms, questions } = record;
    const isSame = has(rules, identity);
    const asks = (own: readonly bigint[]): boolean => questions === null || own.every((one) => has(questions, one));
    const isNear = entries.some((entry) => has(forms, entry.form) || (!record.isWhole && asks(entry.questions)));
    return isSame || isNear ? [{ isSame, ...record }] : [];
  });
  if (found.length === 0) return null;
  return {
    match: found.some(({ isSame }) => isSame) ? 'same' : 'near',
    trials: found.reduce((sum, { trials }) => sum + trials, 0),
    searches: found.reduce((sum, { searches }) => sum + searches, 0),
  };
}

/** What the report of a kept rule takes along of its search; null: nothing, as that of a rule that a person wrote. */
export function searchedInReport(report: unknown): SearchedRecord | null {
  const read = reportSchema.safeParse(report);
  return read.success ? read.data.tried_rules : null;
}

/** Folder of the records in a models folder: one for each of the newest searches, and one for all older ones. */
function searchedFolder(models: string): string {
  return join(models, 'searched');
}

function recordPath(models: string, name: string): string {
  return pathInside(searchedFolder(models), `${name}.json`);
}

function namesIn(models: string): string[] {
  const folder = searchedFolder(models);
  if (!isThere(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -'.json'.length)] : []))
    .sort();
}

/**
 * Keeps the rules of a search, such as those that a bundle takes along: one process after the other. A kill leaves a
 * search in its own record, in that of all older ones, or in both.
 * @throws MinutehandError as SearchedRules.keep; HOME_LOCKED at once, before any change: see `whenUnlocked`
 */
export function keepSearched(models: string, { search, record }: SearchedRecord): void {
  makeFolder(searchedFolder(models));
  const unlock = lockHome(join(models, 'searched.lock'));
  try {
    const earlier = readRecord(models, search);
    writeRecord(models, search, earlier === null ? record : joined(earlier, record, 'one'));
    if (earlier === null) letGoOldest(models);
  } finally {
    unlock();
  }
}

function letGoOldest(models: string): void {
  const kept = namesIn(models)
    .filter((name) => name !== LET_GO)
    .map((name) => ({ name, record: readRecord(models, name)! }))
    .sort((a, b) => Date.parse(b.record.begun) - Date.parse(a.record.begun) || (a.name < b.name ? -1 : 1));
  for (const { name, record } of kept.slice(KEPT_SEARCHES)) {
    const own: Record = { ...record, is_whole: false, rules: '', forms: '' };
    const letGo = readRecord(models, LET_GO);
    writeRecord(models, LET_GO, letGo === null ? own : joined(letGo, own, 'several'));
    rmSync(recordPath(models, name), { force: true });
  }
}

/** @param of one search, which has been kept before, or several */
function joined(a: Record, b: Record, of: 'one' | 'several'): Record {
  const rules = union(a.rules, b.rules);
  return recordOf({
    searches: of === 'one' ? a.searches : a.searches + b.searches,
    begun: Date.parse(a.begun) < Date.parse(b.begun) ? a.begun : b.begun,
    // Another build may have tried other rules.
    trials: of === 'one' ? Math.max(a.trials, b.trials, rules.size) : a.trials + b.trials,
    isWhole: a.is_whole && b.is_whole,
    rules,
    forms: union(a.forms, b.forms),
    questions: a.questions === null || b.questions === null ? null : union(a.questions, b.questions),
  });
}

interface RecordParts {
  readonly searches: number;
  readonly begun: string;
  readonly trials: number;
  readonly isWhole: boolean;
  readonly rules: ReadonlySet<bigint>;
  readonly forms: ReadonlySet<bigint>;
  readonly questions: ReadonlySet<bigint> | null;
}

function recordOf({ searches, begun, trials, isWhole, rules, forms, questions }: RecordParts): Record {
  const isShort = rules.size <= MAX_HASHES && forms.size <= MAX_HASHES;
  return {
    format: FORMAT,
    searches,
    begun,
    trials,
    is_whole: isWhole && isShort,
    rules: isShort ? bytesOf(rules) : '',
    forms: isShort ? bytesOf(forms) : '',
    questions: questions === null || questions.size > MAX_QUESTIONS ? null : bytesOf(questions),
  };
}

/** @returns null without a record. @throws MinutehandError LOOKS_FORMAT */
function readRecord(models: string, name: string): Record | null {
  const path = recordPath(models, name);
  if (!isThere(path)) return null;
  let json: unknown;
  try {
    json = JSON.parse(readModelsFile(path, 'halts').toString('utf8'));
  } catch (cause) {
    throw new MinutehandError('LOOKS_FORMAT', { seen: `${path} cannot be read, or is not JSON`, cause });
  }
  const parsed = recordSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new MinutehandError('LOOKS_FORMAT', { seen: `${path}: ${issue.path.join('.')}: ${issue.message}` });
}

function writeRecord(models: string, name: string, record: Record): void {
  replaceDurably(MACHINE_FILES, recordPath(models, name), `${JSON.stringify(record)}\n`);
}

/** A record as it is asked: its hashes as bytes, in ascending order. */
interface AskedRecord extends Pick<Record, 'begun' | 'trials' | 'searches'> {
  /** Of the file that it was read from. */
  readonly mark: string;
  readonly isWhole: boolean;
  readonly rules: Buffer;
  readonly forms: Buffer;
  readonly questions: Buffer | null;
}

/** By path: a list of rules asks all records for each of them. */
const ASKED = new Map<string, AskedRecord>();

/** Reads a record again only when its file has changed. @throws MinutehandError LOOKS_FORMAT */
function askedRecord(models: string, name: string): AskedRecord | null {
  const path = recordPath(models, name);
  const stat = MACHINE_FILES.stat(path);
  const mark = stat === null ? '' : `${stat.inode}:${stat.bytes}:${stat.modifiedMs}`;
  const known = ASKED.get(path);
  if (known?.mark === mark) return known;
  ASKED.delete(path);
  const record = readRecord(models, name);
  if (record === null) return null;
  const { begun, trials, searches, is_whole: isWhole, rules, forms, questions } = record;
  const asked: AskedRecord = {
    mark,
    begun,
    trials,
    searches,
    isWhole,
    rules: Buffer.from(rules, 'base64'),
    forms: Buffer.from(forms, 'base64'),
    questions: questions === null ? null : Buffer.from(questions, 'base64'),
  };
  ASKED.set(path, asked);
  return asked;
}

/** Whether a hash is among those of `bytesOf`. */
function has(bytes: Buffer, hash: bigint): boolean {
  let low = 0;
  let high = Math.floor(bytes.length / HASH_BYTES);
  while (low < high) {
    const middle = (low + high) >>> 1;
    const number = bytes.readBigUInt64BE(middle * HASH_BYTES);
    if (number === hash) return true;
    if (number < hash) low = middle + 1;
    else high = middle;
  }
  return false;
}

function hashOf(text: string): bigint {
  return createHash('sha256').update(text).digest().readBigUInt64BE();
}

/** In order, so that equal sets have equal bytes. */
function bytesOf(numbers: ReadonlySet<bigint>): string {
  const sorted = BigUint64Array.from(numbers).sort();
  const bytes = Buffer.alloc(sorted.length * HASH_BYTES);
  sorted.forEach((number, i) => bytes.writeBigUInt64BE(number, i * HASH_BYTES));
  return bytes.toString('base64');
}

function union(a: string, b: string): Set<bigint> {
  return new Set([...numbersIn(a), ...numbersIn(b)]);
}

function numbersIn(base64: string): bigint[] {
  const bytes = Buffer.from(base64, 'base64');
  return Array.from({ length: Math.floor(bytes.length / HASH_BYTES) }, (_, i) => bytes.readBigUInt64BE(i * HASH_BYTES));
}
