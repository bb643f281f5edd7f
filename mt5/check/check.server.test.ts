import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../shared/root.ts';
import { BUILT_INS } from './built_ins.ts';
import { checkFile, checkSource, type Check } from './check.ts';
import { diagnosticText } from './diagnostic.ts';
import { builtInDeclarations, builtInSignatures } from './program.ts';
import { RULES } from './rules.ts';

const MT5 = join(packageRoot(), 'mt5');
const CORPUS = join(MT5, 'check', 'corpus');
const PROGRAMS = ['Experts', 'Services'].flatMap((folder) =>
  filesOf(join(MT5, folder)).map((name) => `${folder}/${name}`),
);
/** Files that the checker accepts although MetaEditor refuses them. */
const MISSED = [
  '224_body_differs',
  '265_overridden_result',
  '26_large_locals',
  '278_default_again',
  '317_macro_parameters',
  '327_static_from_local',
  '328_no_default_constructor',
  '335_large_array',
  '60_structure_without_values',
  '65_always_true',
];

function filesOf(folder: string): string[] {
  return (existsSync(folder) ? readdirSync(folder) : []).filter((name) => name.endsWith('.mq5')).sort();
}

interface Sample {
  readonly name: string;
  readonly source: string;
  /** The rule named in its first line. */
  readonly rule: string;
}

function sampleOf(name: string, source: string): Sample {
  return { name, source, rule: /^\/\/ (\w+):/.exec(source)?.[1] ?? '' };
}

/** Programs of a few lines, each below `//// name`. */
function samplesIn(kind: 'accepted' | 'rejected' | 'subset'): Sample[] {
  const [, ...parts] = readFileSync(join(CORPUS, `${kind}.mq5`), 'utf8').split(/^\/\/\/\/ (\S+)\n/m);
  return parts.flatMap((name, i) => (i % 2 === 0 ? [sampleOf(name, parts[i + 1]!)] : []));
}

const texts = ({ diagnostics }: Check): string[] => diagnostics.map(diagnosticText);
const rejected = samplesIn('rejected');
const isCaught = ({ name, source, rule }: Sample): boolean =>
  checkSource(source, name).diagnostics.some((diagnostic) => diagnostic.rule === rule);

describe.each(PROGRAMS)('%s', (name) => {
  const check = checkFile(MT5, name);

  it('is checked without a diagnostic', () => {
    expect(texts(check)).toEqual([]);
  });

  it('uses only functions and constants of its own or of the table', () => {
    const inTable = new Set([...builtInSignatures().map(({ syntax }) => syntax.name), ...builtInConstants()]);
    const foreign = foreignNames();
    expect(foreign.length).toBeGreaterThan(100);
    expect(foreign.filter((one) => !inTable.has(one))).toEqual([]);
  });
});

function builtInConstants(): string[] {
  return builtInDeclarations().flatMap((one) => {
    if (one.kind === 'enum') return [one.name, ...one.members.map(({ name }) => name)];
    return one.kind === 'variables' ? one.names.map(({ name }) => name) : [];
  });
}

/** Functions and constants that the sources use and none declares, found without the checker's parser. */
function foreignNames(): string[] {
  const all = ['Experts', 'Services', 'Include/Minutehand']
    .filter((folder) => existsSync(join(MT5, folder)))
    .flatMap((folder) => readdirSync(join(MT5, folder)).map((name) => readFileSync(join(MT5, folder, name), 'utf8')))
    .join('\n');
  const code = all.replace(/\/\/.*|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|^#property.*/gm, ' ');
  const names = (pattern: RegExp): string[] => [...code.matchAll(pattern)].map((match) => match[1]!);
  const own = new Set([
    ...names(/(\w+)\([^;{}]*\)\s*(?:const\s*)?\{/g),
    ...names(/#(?:define|ifndef) (\w+)/g),
    ...[...code.matchAll(/enum \w+\s*\{([^}]*)\}/g)].flatMap((match) => match[1]!.match(/\w+/g)!),
    ...'if for while switch return int long ulong uint double string'.split(' '),
  ]);
  const used = new Set([...names(/\b(\w+)\(/g), ...names(/\b([A-Z]+_[A-Z_0-9]+|clr[A-Z]\w+)\b/g)]);
  return [...used].filter((name) => !own.has(name));
}

describe('the expert advisor with an error in it', () => {
  /** Diagnostics after the first occurrence of each name has been replaced. */
  function diagnosticsOf(
    names: readonly string[],
    pattern: (name: string) => RegExp,
    replacement: (found: string) => string,
  ): string[] {
    const left = new Set(names);
    const edited = (path: string): { text: string; file: string } => {
      let text = readFileSync(path, 'utf8');
      for (const name of left) {
        const found = pattern(name).exec(text);
        if (found === null) continue;
        left.delete(name);
        text = text.slice(0, found.index) + replacement(found[0]) + text.slice(found.index + found[0].length);
      }
      return { text, file: path };
    };
    const main = edited(join(MT5, 'Experts', 'Minutehand.mq5'));
    const { diagnostics } = checkSource(main.text, 'Experts/Minutehand.mq5', (name) =>
      edited(join(MT5, 'Include', 'Minutehand', name.replace('Minutehand/', ''))),
    );
    expect([...left]).toEqual([]);
    return diagnostics.map(({ rule, message }) => `${rule} ${message}`);
  }
  const used = [...checkFile(MT5, 'Experts/Minutehand.mq5').builtInsUsed];

  it('has a diagnostic for each built-in that is called with too many parameters', () => {
    const fixed = new Set(
      builtInSignatures()
        .filter(({ syntax }) => !syntax.takesMore)
        .map(({ syntax }) => syntax.name),
    );
    const names = used.filter((name) => fixed.has(name));
    const ten = Array(10).fill('0').join(', ');
    const more = (call: string): string => (call.endsWith(')') ? call.replace(')', `${ten})`) : `${call}${ten}, `);
    const diagnostics = diagnosticsOf(names, (name) => new RegExp(`\\b${name}\\(\\)?`), more);
    for (const name of names) expect(diagnostics.join('\n')).toContain(`199 '${name}' takes`);
  });

  it('has a diagnostic for each constant of the terminal that is misspelled', () => {
    const names = used.filter((name) => /^[A-Z]+_[A-Z_0-9]+$/.test(name));
    const diagnostics = diagnosticsOf(
      names,
      (name) => new RegExp(`\\b${name}\\b`),
      (name) => `${name}X`,
    );
    for (const name of names) expect(diagnostics).toContain(`256 undeclared identifier '${name}X'`);
  });
});

describe('programs that MetaEditor refuses', () => {
  const caught = rejected.filter(isCaught);
  const share = caught.length / rejected.length;

  it('are caught for the documented reason, except the listed ones', () => {
    const missed = rejected.filter((sample) => !isCaught(sample)).map(({ name }) => name);
    process.stdout.write(
      `checker: ${caught.length} of ${rejected.length} programs caught (${(share * 100).toFixed(1)} %)\n`,
    );
    expect(missed.sort()).toEqual([...MISSED].sort());
    expect(rejected.length).toBeGreaterThan(200);
  });

  it.each(samplesIn('subset'))('$name is outside of the subset', ({ name, source, rule }) => {
    expect(RULES.get(rule)).toBeDefined();
    expect(checkSource(source, name).diagnostics.map((diagnostic) => diagnostic.rule)).toContain(rule);
  });
});

describe('files that MetaEditor accepts', () => {
  it.each(samplesIn('accepted'))('$name is checked without a diagnostic', ({ name, source }) => {
    expect(texts(checkSource(source, name))).toEqual([]);
  });

  it('and the refused ones have diagnostics of known rules only', () => {
    const diagnostics = [...rejected, ...samplesIn('subset')].flatMap(
      ({ name, source }) => checkSource(source, name).diagnostics,
    );
    expect(diagnostics.length).toBeGreaterThan(200);
    expect(diagnostics.filter(({ rule }) => !RULES.has(rule))).toEqual([]);
  });
});

describe('the rules', () => {
  it('each have a file that violates them', () => {
    const shown = new Set(
      [...rejected, ...samplesIn('subset')].flatMap(({ name, source }) =>
        checkSource(source, name).diagnostics.map(({ rule }) => rule),
      ),
    );
    expect([...RULES.keys()].filter((rule) => !shown.has(rule))).toEqual([]);
  });
});

describe('the table of built-ins', () => {
  it.each(BUILT_INS.map(([page, signatures]) => [signatures.split('(')[0]!.split(' ').at(-1)!, page]))(
    '%s has the page %s',
    (name, page) => {
      expect(page).toMatch(/^[a-z0-9_]+\/[a-z0-9]+$/);
      expect(page.split('/')[1]).toBe(name === 'ObjectsDeleteAll' ? 'objectdeleteall' : name.toLowerCase());
    },
  );

  it('refuses every function with one parameter too few or too many', () => {
    const least = new Map<string, number>();
    const most = new Map<string, number>();
    for (const { syntax } of builtInSignatures()) {
      const needed = syntax.parameters.filter(({ name }) => name.init === null).length;
      least.set(syntax.name, Math.min(needed, least.get(syntax.name) ?? 99));
      const room = syntax.takesMore ? 99 : syntax.parameters.length;
      most.set(syntax.name, Math.max(room, most.get(syntax.name) ?? 0));
    }
    const rulesOf = (name: string, count: number): string[] =>
      checkSource(`void OnTick() { Print(${name}(${Array(count).fill('1').join(', ')})); }`, name).diagnostics.map(
        ({ rule }) => rule,
      );
    for (const [name, count] of least) if (count > 0) expect(rulesOf(name, count - 1), name).toContain('199');
    for (const [name, count] of most) if (count < 99) expect(rulesOf(name, count + 1), name).toContain('199');
  });
});
