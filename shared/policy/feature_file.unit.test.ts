import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinySettings } from '../../test/tiny_settings.ts';
import type { Windows } from '../core/features/windows.ts';
import { packageRoot } from '../root.ts';
import { problemsOf, readFeatureFile, type FeatureFile, type StrategyFormulas } from './feature_file.ts';
import { INSTRUMENT_WINDOWS } from '../core/features/instrument/definitions.ts';
import { withFormulas, withInstrumentFormulas } from './feature_settings.ts';
import { inspectSettings, loadSettings } from './policy.ts';
import { problemText } from './problem.ts';

let folder = '';
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'minutehand-features-'))));
afterAll(() => rmSync(folder, { recursive: true }));

const settings = tinySettings();
const { windows } = settings.minutehand;
const CONTEXT = {
  instruments: ['BTCUSDT@1h', 'ETHUSDT@1h'],
  pairs: ['XAUUSD_XAGUSD', 'AUDUSD_USDCAD', 'BTCUSDT_ETHUSDT@1h'],
  train: { ...settings.minutehand.train, groups: { metals: ['XAUUSD_XAGUSD'] } },
};

function readAll(text: string): FeatureFile {
  writeFileSync(join(folder, 'features.yaml'), text);
  return readFeatureFile(folder, { ...settings.minutehand, ...CONTEXT });
}

const read = (text: string): StrategyFormulas => readAll(text).pairs;

const problems = (text: string): string[] =>
  read(text).problems.map((problem) => problemText(problem).replace(`${join(folder, 'features.yaml')}`, 'FILE'));

describe('features.yaml', () => {
  it('may be absent, empty, or of comments alone', () => {
    const none = { formulas: [], problems: [] };
    expect(readFeatureFile(join(folder, 'nowhere'), settings.minutehand)).toEqual({ pairs: none, instruments: none });
    for (const text of ['', '# nothing\n']) expect(read(text)).toEqual(none);
  });

  it('has formulas in their order, in their canonical form, with label and description', () => {
    const { formulas, problems: found } = read(
      'second: {formula: b.close/a.close*1, label: Ratio, label_ja: 比, description: of the legs}\nfirst: rank( z_score ,30)\n',
    );
    expect(found).toEqual([]);
    expect(formulas).toEqual([
      {
        name: 'second',
        text: expect.stringContaining('b.close / a.close'),
        label: 'Ratio',
        description: 'of the legs',
        subjects: null,
      },
      { name: 'first', text: 'rank(z_score, 30)', label: 'first', description: null, subjects: null },
    ]);
    const own = withFormulas({ ...settings, formulas });
    expect(own.minutehand.windows).toEqual({
      ...windows,
      formulas: `second = ${formulas[0]!.text}\nfirst = rank(z_score, 30)`,
    });
    expect(withFormulas(settings)).toBe(settings);
  });

  it('has formulas for some pairs, by their ids in any spelling or by their group', () => {
    const { formulas, problems: found } = read(
      'one: {formula: beta, for: aud/usd_usdcad}\n' +
        'two: {formula: beta, for: [btcusdt_ethusdt, metals, XAUUSD_XAGUSD]}\nall: corr\n',
    );
    expect(found).toEqual([]);
    expect(formulas.map(({ subjects }) => subjects)).toEqual([
      ['AUDUSD_USDCAD'],
      ['BTCUSDT_ETHUSDT@1h', 'XAUUSD_XAGUSD'],
      null,
    ]);
    const { windows: own } = withFormulas({ ...settings, formulas }).minutehand;
    expect((own as Windows).formulas).toBe(
      'one for AUDUSD_USDCAD = beta\ntwo for BTCUSDT_ETHUSDT@1h,XAUUSD_XAGUSD = beta\nall = corr',
    );
  });

  it('has formulas for instruments, and for both strategies, each checked against what the strategy has', () => {
    const { pairs, instruments } = readAll(
      'mine: {formula: "close / mean(close, 24) - 1", for: instruments}\n' +
        'one: {formula: hour(), for: [btc/usdt, aud/usd_usdcad]}\n' +
        'all: {formula: hour(), for: [pairs, instruments]}\nof_pairs: beta\n',
    );
    expect([pairs.problems, instruments.problems]).toEqual([[], []]);
    const found = ({ formulas }: StrategyFormulas) => formulas.map(({ name, subjects }) => [name, subjects]);
    expect(found(pairs)).toEqual([
      ['one', ['AUDUSD_USDCAD']],
      ['all', null],
      ['of_pairs', null],
    ]);
    expect(found(instruments)).toEqual([
      ['mine', null],
      ['one', ['BTCUSDT@1h']],
      ['all', null],
    ]);
    const own = { ...settings, instrumentFormulas: instruments };
    expect(withInstrumentFormulas(own, INSTRUMENT_WINDOWS).formulas).toBe(
      'mine = (close / mean(close, 24)) - 1\none for BTCUSDT@1h = hour()\nall = hour()',
    );
    expect(withInstrumentFormulas(settings, INSTRUMENT_WINDOWS)).toBe(INSTRUMENT_WINDOWS);
  });

  it('refuses for a strategy alone what it does not have', () => {
    const file = readAll(
      'x: {formula: beta, for: [pairs, instruments]}\nrsi: {formula: hour(), for: [pairs, instruments]}\n' +
        'y: {formula: close, for: instruments}\n',
    );
    expect(file.pairs.problems).toEqual([]);
    expect(file.pairs.formulas.map(({ name }) => name)).toEqual(['x', 'rsi']);
    expect(file.instruments.problems.map(problemText)).toEqual([
      expect.stringMatching(/x\.formula is no formula: .*an instrument has no source beta/),
      expect.stringMatching(/rsi is a hand-written feature/),
      expect.stringMatching(/y\.formula has the unit price, which differs from instrument to instrument/),
    ]);
    expect(() =>
      withInstrumentFormulas({ ...settings, instrumentFormulas: file.instruments }, INSTRUMENT_WINDOWS),
    ).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    // A fault of both is one fault.
    expect(problemsOf(readAll('x: {formula: hour(), lable: a, for: [pairs, instruments]}\n'))).toHaveLength(1);
  });

  it('with a fault refuses a training in full, and nothing else', () => {
    const configDir = join(folder, 'config');
    cpSync(join(packageRoot(), 'config'), configDir, { recursive: true });
    writeFileSync(join(configDir, 'features.yaml'), 'x: 5\n');
    const loaded = loadSettings({ configDir, env: {} });
    expect(loaded.formulas).toEqual([]);
    expect(inspectSettings({ configDir, env: {} })).toMatchObject({ settings: loaded, problems: [{ key: 'x' }] });
    expect(() => withFormulas(loaded)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it.each([
    ['- beta\n', /FILE: is \["beta"\], expected names of formulas/],
    ['Two: beta\n', /FILE:1:1: Two is no name of a column/],
    ['beta: corr\n', /FILE:1:1: beta is a hand-written feature/],
    ['x: 5\n', /FILE:1:1: x is 5, expected a formula/],
    ['x: {label: a}\n', /FILE:1:1: x has no formula/],
    ['x: {formula: beta, label: 5}\n', /FILE:1:20: x.label is 5, expected text/],
    ['x: {formula: beta, formul: beta}\n', /x.formul is no key of a formula \(did you mean "formula"\?\)/],
    ['x: corr(beta)\n', /FILE:1:1: x is no formula: column 1: y is missing/],
    ['x:\n  formula: mean(a.clse, 5)\n', /FILE:2:3: x.formula is no formula: column 6: .*did you mean "a.close"/],
    ['x: rank(z_score, 1)\n', /column 15: rank needs a window of at least 2, not 1/],
    ['x: a.volume\n', /FILE:1:1: x has the unit volume/],
    ['x: coalesce(b.trades, 1)\n', /column 10: a pair has no source b\.trades/],
    ['x: [\n', /FILE:/],
    [
      'x: {formula: beta, for: metal}\n',
      /FILE:1:20: x.for names "metal", which is neither .* \(did you mean "metals"\?\)/,
    ],
    ['x: {formula: beta, for: [xau/usd_xag/eur]}\n', /names "xau\/usd_xag\/eur", .*did you mean "XAUUSD_XAGUSD"/],
    ['x: {formula: beta, for: []}\n', /FILE:1:20: x.for is \[\], expected pairs, instruments, a pair/],
    ['x: {formula: beta, for: 5}\n', /x.for is 5, expected pairs, instruments, a pair/],
    ['x: {formula: beta, for: instrument}\n', /names "instrument", .*did you mean "instruments"/],
  ])('%j is refused with its position', (text, seen) => {
    const found = problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(seen);
  });

  it('has at most as many numbers in windows as a subject may keep', () => {
    const lines = Array.from({ length: 40 }, (_, i) => `x${i}: var(mean(beta, 20000), ${20_000 + i})`);
    expect(problems(`${lines.join('\n')}\n`)).toEqual([expect.stringMatching(/all formulas keep \d+ numbers/)]);
  });
});
