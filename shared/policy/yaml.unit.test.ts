import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDocument, stringify } from 'yaml';
import { IS_WEEKLY } from '../../test/weekly.ts';
import { packageRoot } from '../root.ts';
import { parseYaml, YamlError } from './yaml.ts';

const below = (folder: string, ending: string): string[] =>
  readdirSync(join(packageRoot(), folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => readFileSync(join(packageRoot(), folder, name), 'utf8'));
const CONFIGS = below('config', '.yaml').filter((text) => text.startsWith('# yaml-language-server'));
const EXAMPLES = below('docs', '.md').flatMap((text) =>
  [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => yaml!),
);

/**
 * Whether the text is read; if so, as an edit reads it, which takes the library as it comes: an edit then keeps what it
 * does not change.
 */
function isRead(text: string): boolean {
  let read: unknown;
  try {
    read = parseYaml(text);
  } catch (error) {
    if (error instanceof YamlError || error instanceof RangeError) return false;
    throw error;
  }
  const document = parseDocument(text, { prettyErrors: false });
  expect([...document.errors, ...document.warnings], text).toEqual([]);
  expect(withoutKeys(read), text).toEqual(withoutKeys(document.toJS() as unknown));
  return true;
}

/** Keys are texts here, and values there: `0x1F` is 31, and `TRUE` is `true`. */
function withoutKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutKeys);
  if (typeof value !== 'object' || value === null) return value;
  const values = Object.values(value).map(withoutKeys);
  return { values: values.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) };
}

const words = (text: string) => fc.constantFrom(...text.split(' '));
const joined = (parts: fc.Arbitrary<string>, between: string) =>
  fc.array(parts, { maxLength: 3 }).map((list) => list.join(between));
const SCALARS =
  'a 1 -0.5 no null \'x:#\' "y" µ-アb a:b 1.2 1.2.3 24h 10 -0.0 TRUE False yes on n y None nan inf e5 E 0 -1 0.70 127.0.0.1';
/** Neither plain nor an error in every place. */
const LEFT = [
  ...`-0 1e3 1.e3 .5 5. 0755 -012 0o17 0b1 0x1F 1_000 .inf -.INF .NaN +1 9007199254740993 12:30:45`.split(' '),
  ...`~ & &a *a !a !!str % @a \` | > |- >+ |2 >1 << = ? 'it''s' "\\n" [a,b] [a,] {a:1} {a:b}`.split(' '),
  ...['{ a: 1, a: 2 }', '{a: 1, null}', "'a' b", '"a', "'", '\t', '\r', '\u00a0', '\u0085', '\u3000', '\u2028'],
  ...['\u{1f600}', '\ufeff', '{ __proto__: 1 }', `{ ${'a'.repeat(101)}: 1 }`],
];
const EDGES = [
  ...LEFT,
  ...`2024-01-01 Null a: :a # #a a#b >- --- ... , - x(y) '' "" ] [,] {} {a} [a]] {[a]:b} [a] {a:b}} [a]b 'a'b`.split(
    ' ',
  ),
  ...['a  b', 'a #b', 'a: b', '[a: b]'],
];
const brackets = joined(words('[ ] { } {_ _} , ,_ a 1 b:_ null k:_[ k:_{'), '').map((text) =>
  text.replaceAll('_', ' '),
);
const scalar = fc.oneof(words(SCALARS), joined(words(SCALARS), ' '));
const pair = fc.tuple(words('a b c d e f'), scalar).map(([key, text]) => `${key}: ${text}`);
const flow = fc.oneof(
  joined(scalar, ', ').map((text) => `[${text}]`),
  joined(pair, ', ').map((text) => `{ ${text} }`),
  joined(fc.oneof(scalar, pair), ', ').map((text) => `{${text}}`),
  brackets,
);
const value = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 3, arbitrary: flow },
  { weight: 2, arbitrary: words('  >-') },
  { weight: 1, arbitrary: fc.constantFrom(...EDGES) },
);
const several = fc.tuple(words('[,] {,} [,}'), fc.array(fc.oneof(scalar, pair, flow), { minLength: 1, maxLength: 3 }));
const line = fc
  .tuple(
    fc.oneof({ weight: 6, arbitrary: fc.constantFrom(0, 2, 2, 4) }, { weight: 1, arbitrary: fc.constantFrom(1, 3, 6) }),
    fc.constantFrom('', '', '', '', '- ', '- - ', '-'),
    fc.constantFrom(': ', ': ', ': ', ': ', ':', ':', ''),
    value,
    fc.constantFrom('', '', '', '', '', ' # c', '  #', '#c', ' ', ','),
    several,
    fc.nat(),
  )
  .map(([indent, dash, colon, text, end, [[open, , close], inner], at]) => {
    const pad = ' '.repeat(indent);
    if (at % 9 === 0)
      return `k${at}:\n${pad}${open}\n${inner.map((one) => `${pad}  ${one}`).join(',\n')}\n${pad}${close}`;
    // A key that occurs twice is one of the rare cases.
    return `${pad}${dash}${colon === '' ? '' : `k${at % 99}${colon}`}${text}${end}`;
  });
const text = fc.array(line, { minLength: 1, maxLength: 4 }).map((lines) => `${lines.join('\n')}\n`);
/** Lines of a delivered file, one of them changed. */
const changed = fc
  .tuple(
    fc.constantFrom(...CONFIGS),
    fc.nat(),
    fc.oneof(value, line),
    fc.nat({ max: 8 }),
    fc.integer({ min: -2, max: 4 }),
  )
  .map(([file, from, put, column, cut]) => {
    const lines = file.split('\n');
    const few = lines.slice(from % lines.length, (from % lines.length) + 12);
    const at = column % few.length;
    const whole = few[at]!;
    few[at] =
      cut < 0 ? ' '.repeat(-cut) + whole : whole.slice(0, column) + (cut > 2 ? '' : put) + whole.slice(column + cut);
    return `${few.join('\n')}\n`;
  });

describe('parseYaml', () => {
  it.each([
    ['generated', text],
    ['changed', changed],
  ])('reads %s texts as an edit reads them, or refuses them', { timeout: 600_000 }, (_, texts) => {
    let read = 0;
    const numRuns = IS_WEEKLY ? 100_000 : 1500;
    fc.assert(
      fc.property(texts, (one) => void (read += Number(isRead(one)))),
      { numRuns },
    );
    expect(read).toBeGreaterThan(numRuns / 50);
  });

  it('reads what was written', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const written = stringify(value);
        // JSON knows no -0, which YAML writes and reads.
        const asJson = (read: unknown): unknown => JSON.parse(JSON.stringify(read));
        expect(asJson(parseYaml(written)), written).toEqual(asJson(value));
      }),
    );
  });

  it('reads the delivered files, those with an edited value and the documentation’s', () => {
    expect(CONFIGS).toHaveLength(4);
    const edited = CONFIGS.flatMap((config) => {
      const document = parseDocument(config);
      return [document.toString(), document.toString({ lineWidth: 120 })];
    });
    for (const one of [...CONFIGS, ...edited, ...EXAMPLES]) expect(isRead(one), one).toBe(true);
  });

  it('reads unusual syntax as an edit does, or refuses it', () => {
    for (const edge of EDGES) isRead(`a:\n  b: ${edge}\n  c: 1\n`);
  });

  it.each([
    ['[1e3, .5, 5., 0o17, 0x1F, -0, +1]', [1000, 0.5, 5, 15, 31, -0, 1]],
    ['[0755, 1_000, 0b1, 12:30:45, 2024-01-01]', [755, '1_000', '0b1', '12:30:45', '2024-01-01']],
    ['[.inf, -.INF, .nan]', [Infinity, -Infinity, NaN]],
    ['[true, TRUE, yes, on, n, ~, null, ]', [true, true, 'yes', 'on', 'n', null, null]],
    ['{ 007: a, null: b, <<: c, __proto__: d }', JSON.parse('{"007":"a","null":"b","<<":"c","__proto__":"d"}')],
    ['[&a x, *a]', ['x', 'x']],
  ])('reads %s by the core schema, and keys as texts', (one, expected) => {
    expect(parseYaml(one)).toEqual(expected);
  });

  it('reads an empty document as null', () => {
    for (const empty of ['', '\n', '# a\n', '  # a\n\n']) expect(parseYaml(empty), empty).toBe(null);
    expect(parseYaml('7')).toBe(7);
  });

  it.each([
    ['a key that is there already', 'b: 1\nx: { a: 1, a: 2 }\n', 'duplicate key (line 2, column 12)'],
    ['a key that is there in quotes', "a: 1\n'a': 2\n", 'duplicate key (line 2, column 1)'],
    ['a second document', 'a: 1\n---\nb: 2\n', 'multiple documents'],
    ['a second document of one value', '--- a\n--- a\n', 'multiple documents'],
    ['a tag that it does not know', 'a: 1\nb: !env X\n', 'Unresolved tag: !env (line 2, column 4)'],
    ['a key that is a list', '[a]: 1\n', 'keys must be strings'],
    ['an alias without an anchor', 'a: *b\n', 'no anchor is named b (line 1, column 4)'],
    ['a control character', 'a: \u0007\n', 'U+0007'],
    ['a value that contains itself', 'a: &a [*a]\n', 'nested more than 64 levels deep'],
  ])('refuses %s', (_, one, reason) => {
    expect(() => parseYaml(one)).toThrow(reason);
  });

  it('takes time proportional to the length of the text', () => {
    // Each of these took minutes, or ended the process, with one of the earlier parsers.
    const nested = [`a: [${'[ ], '.repeat(27)}]\n`, `a: [${'[ ] '.repeat(5000)}\n`, `a: ${'{ a: '.repeat(50_000)}\n`];
    const long = [`a: ${'x '.repeat(100_000)}:\n`, `a: '${'- '.repeat(100_000)}\n`, `${'- '.repeat(50_000)}a\n`];
    const numbers = Array.from({ length: 20_000 }, (_, i) => i);
    const keys = numbers.map((i) => `k${i}: 1\n`).join('');
    const anchors = numbers.map((i) => `- &a${i} x\n`).join('') + numbers.map((i) => `- *a${i}\n`).join('');
    const startMs = performance.now();
    for (const one of [...nested, ...long, keys, anchors]) attempt(one);
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });

  it('refuses a document whose aliases multiply its values', () => {
    const lines = ['a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1]'];
    for (let level = 1; level < 12; level++)
      lines.push(`a${level}: &a${level} [${`*a${level - 1}, `.repeat(8).slice(0, -2)}]`);
    expect(() => parseYaml(`${lines.join('\n')}\n`)).toThrow('more than 20000 values');
  });
});

function attempt(one: string): void {
  try {
    parseYaml(one);
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
  }
}
