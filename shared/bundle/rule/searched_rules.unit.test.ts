import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MACHINE_FILES } from '../../files.ts';
import { instrumentStrategy, type StrategyDocument } from '../../policy/strategy_file.ts';
import { sha256Hex } from '../../sha256.ts';
import { entryForms, formKey, questionKeys, strategyIdentity } from './rule_identity.ts';
import { KEPT_SEARCHES, keepSearched, searchedBefore, SearchedRules, searchedInReport } from './searched_rules.ts';

const BEGUN = new Date('2026-01-01T00:00:00Z');
const RULE: StrategyDocument = {
  name: 'found',
  description: '',
  subject: 'instrument',
  entry_long: 'rsi(14) < 30 and hour() > 6',
  stop: { bps: 100 },
  max_age: 4,
};
const OWN: Partial<StrategyDocument> = { entry_long: 'rank(volume, 20) > 0.9' };

let models: string;
beforeEach(() => void (models = mkdtempSync(join(tmpdir(), 'searched'))));
afterEach(() => rmSync(models, { recursive: true, force: true }));

const strategyOf = (change: Partial<StrategyDocument>) => instrumentStrategy({ ...RULE, ...change }, 'test');
const searchedOf = (change: Partial<StrategyDocument>, before?: string) =>
  searchedBefore(models, strategyOf(change), before);

/** Keeps the rule as one that a search has tried. */
function search(name: string, trials: number, begun = BEGUN, change: Partial<StrategyDocument> = {}): SearchedRules {
  const strategy = strategyOf(change);
  const forms = entryForms(strategy);
  const questions = forms.flatMap((form) => questionKeys('instrument', form));
  const searched = new SearchedRules(models, sha256Hex(name), questions, begun);
  searched.add({ identity: strategyIdentity(strategy), forms: forms.map((form) => formKey('instrument', form)) });
  searched.keep(trials);
  return searched;
}

describe('rules that searches of an installation have tried', () => {
  it('are none where nothing was searched', () => {
    expect(searchedOf({})).toBeNull();
    expect(existsSync(join(models, 'searched'))).toBe(false);
  });

  it('are read once, and again when a search has added some', () => {
    const first = search('first', 5000);
    search('second', 700, BEGUN, OWN);
    const read = vi.spyOn(MACHINE_FILES, 'read');
    for (let rule = 0; rule < 20; rule++) searchedOf({ max_age: 5 + rule });
    expect(read).toHaveBeenCalledTimes(2);
    first.add({ identity: 'another', forms: [] });
    first.keep(6000);
    read.mockClear();
    expect(searchedOf({})).toMatchObject({ match: 'same', trials: 6000 });
    expect(searchedOf(OWN)).toMatchObject({ trials: 700 });
    expect(read).toHaveBeenCalledTimes(1);
    read.mockRestore();
  });

  it('are found wherever their hash is among those of their search', () => {
    const changes = Array.from({ length: 40 }, (_, i) => ({
      entry_long: `rsi(14) < 30 and hour() > 6 and volume > ${i}`,
    }));
    const searched = new SearchedRules(models, sha256Hex('many'), [], BEGUN);
    for (const change of changes) searched.add({ identity: strategyIdentity(strategyOf(change)), forms: [] });
    searched.keep(40);
    for (const change of changes) expect(searchedOf(change)).toMatchObject({ match: 'same', trials: 40 });
    expect(searchedOf({ entry_long: 'rsi(14) < 30 and hour() > 6 and volume > 40' })).toBeNull();
  });

  it.each<[string, Partial<StrategyDocument>]>([
    ['another name', { name: 'mine', description: 'my own idea', trials: 1 }],
    ['names for its numbers', { thresholds: { cold: 30 }, entry_long: 'rsi(14) < cold and hour() > 6' }],
    ['other brackets and spaces', { entry_long: '((hour()>6)) and ( 30 > rsi(close, 14) )' }],
  ])('are the same with %s', (_, change) => {
    search('first', 5000);
    expect(searchedOf(change)).toEqual({ match: 'same', trials: 5000, searches: 1 });
  });

  it.each<[string, Partial<StrategyDocument>]>([
    ['another threshold', { entry_long: 'rsi(14) < 29.5 and hour() > 6' }],
    ['another window', { entry_long: 'rsi(15) < 30 and hour() > 6' }],
    ['or equal', { entry_long: 'rsi(14) <= 30 and hour() >= 7' }],
    ['another age', { max_age: 5 }],
    ['another stop', { stop: { bps: 101 } }],
    ['a target', { target: { bps: 500 } }],
    ['an exit', { exit: 'close < 0' }],
    ['a further side', { entry_short: 'close < 0' }],
    [
      'the other side',
      { entry_long: undefined, entry_short: 'rsi(14) < 30 and hour() > 6' } as Partial<StrategyDocument>,
    ],
    ['a repeated part', { entry_long: 'rsi(14) < 30 and hour() > 6 and rsi(14) < 99' }],
  ])('have near copies with %s', (_, change) => {
    search('first', 5000);
    expect(searchedOf(change)).toEqual({ match: 'near', trials: 5000, searches: 1 });
  });

  it.each<[string, Partial<StrategyDocument>]>([
    ['one of its questions alone', { entry_long: 'rsi(14) < 30' }],
    ['a further question', { entry_long: 'rsi(14) < 30 and hour() > 6 and volume > 10' }],
    ['the other direction', { entry_long: 'rsi(14) > 70 and hour() > 6' }],
    ['other sources', OWN],
  ])('are no rule with %s', (_, change) => {
    search('first', 5000);
    expect(searchedOf(change)).toBeNull();
  });

  it('count the trials of all searches that have tried a rule, and not those that began after it was made', () => {
    search('first', 5000);
    search('second', 300, new Date('2026-03-01T00:00:00Z'), { max_age: 5 });
    search('another', 70, BEGUN, OWN);
    expect(searchedOf({})).toEqual({ match: 'same', trials: 5300, searches: 2 });
    expect(searchedOf({}, '2026-02-01T00:00:00Z')).toEqual({ match: 'same', trials: 5000, searches: 1 });
    expect(searchedOf({}, '2025-12-31T00:00:00Z')).toBeNull();
  });

  it('grow while a search goes on, also in another process, and keep when it began', () => {
    search('first', 10);
    search('first', 20, new Date('2026-05-01T00:00:00Z'), OWN);
    expect(searchedOf({}, '2026-02-01T00:00:00Z')).toEqual({ match: 'same', trials: 20, searches: 1 });
    expect(searchedOf(OWN)).toEqual({ match: 'same', trials: 20, searches: 1 });
    // An earlier state of the same search takes nothing back.
    search('first', 10);
    expect(searchedOf(OWN)).toMatchObject({ trials: 20 });
  });

  it('have equal bytes in whatever order they came', () => {
    const bytes = [
      ['a', 'b'],
      ['b', 'a'],
    ].map((order) => {
      const own = new SearchedRules(models, sha256Hex(order.join('')), ['q', 'p'], BEGUN);
      for (const identity of order) own.add({ identity, forms: [`${identity} form`] });
      own.keep(2);
      return readFileSync(join(models, 'searched', `${sha256Hex(order.join(''))}.json`), 'utf8');
    });
    expect(bytes[0]).toBe(bytes[1]);
  });

  it('are let go beyond the newest searches, and every rule of their questions counts as one of theirs', () => {
    for (let i = 0; i < KEPT_SEARCHES + 2; i++)
      search(`${i}`, 100 + i, new Date(BEGUN.getTime() + i * 1000), i < 2 ? {} : OWN);
    const names = readdirSync(join(models, 'searched'));
    expect([names.length, names.includes('let_go.json')]).toEqual([KEPT_SEARCHES + 1, true]);
    expect(searchedOf({})).toEqual({ match: 'near', trials: 201, searches: 2 });
    // The rules of these searches are not known one by one any more.
    expect(searchedOf({ entry_long: 'hour() > 12 or rsi(7) < 10' })).toEqual({
      match: 'near',
      trials: 201,
      searches: 2,
    });
    expect(searchedOf({ entry_long: 'hour() < 12 and rsi(7) < 10' })).toBeNull();
  });

  it('of too many to keep are those of the questions of the space', () => {
    const form = entryForms(strategyOf({}))[0]!;
    const huge = new SearchedRules(models, sha256Hex('huge'), questionKeys('instrument', form), BEGUN);
    for (let i = 0; i < 150_001; i++) huge.add({ identity: `${i}`, forms: [] });
    huge.keep(150_001);
    expect(readFileSync(join(models, 'searched', `${sha256Hex('huge')}.json`)).length).toBeLessThan(4096);
    expect(searchedOf({ entry_long: 'rsi(7) < 10' })).toEqual({ match: 'near', trials: 150_001, searches: 1 });
    expect(searchedOf(OWN)).toBeNull();
  });

  it('are in a copy of the folder, and in another installation that takes a rule in', () => {
    const own = search('first', 5000);
    const copy = mkdtempSync(join(tmpdir(), 'searched-copy'));
    const other = mkdtempSync(join(tmpdir(), 'searched-other'));
    try {
      cpSync(models, copy, { recursive: true });
      expect(searchedBefore(copy, strategyOf({ max_age: 9 }))).toMatchObject({ match: 'near', trials: 5000 });
      expect(searchedInReport({ trials: 1 })).toBeNull();
      const carried = searchedInReport(JSON.parse(JSON.stringify({ tried_rules: own.kept() })));
      keepSearched(other, carried!);
      expect(searchedBefore(other, strategyOf({ max_age: 9 }))).toMatchObject({ match: 'near', trials: 5000 });
    } finally {
      for (const folder of [copy, other]) rmSync(folder, { recursive: true, force: true });
    }
  });

  it.each(['{"format":', '{}', ''])('are refused and not replaced where the file is damaged: %j', (text) => {
    search('first', 5000);
    const path = join(models, 'searched', `${sha256Hex('first')}.json`);
    writeFileSync(path, text);
    expect(() => searchedOf({})).toThrow(expect.objectContaining({ code: 'LOOKS_FORMAT' }));
    expect(() => search('first', 5000)).toThrow(expect.objectContaining({ code: 'LOOKS_FORMAT' }));
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});
