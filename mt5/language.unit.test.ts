import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { translate } from './test/compile.ts';

const MT5 = join(packageRoot(), 'mt5');
const files = ['Include/Minutehand', 'Experts', 'Services'].flatMap((folder) =>
  readdirSync(join(MT5, folder)).map((name) => join(folder, name)),
);

/** What g++ accepts and MetaEditor refuses, or what differs between them. */
const FOREIGN: readonly (readonly [string, RegExp])[] = [
  [
    'C++ words',
    /\b(?:auto|nullptr|template|typename|namespace|using|constexpr|noexcept|throw|try|catch|unsigned|size_t|int64_t|static_cast|decltype|mutable|inline|friend|explicit)\b/,
  ],
  ['members through pointers', /->/],
  ['the standard library', /std::|#include <(?!Minutehand\\)/],
  ['lambdas', /\[[&=]?\]\s*\(/],
  ['references as variables', /^\s*(?:const\s+)?\w+\s*&\s*\w+\s*=/m],
  ['pointers', /^\s*\w+\s*\*\s*\w+\s*[;=]/m],
  ['loops over ranges', /for\s*\([^;)]*[^:]:[^:][^;)]*\)/],
  ['suffixes of numbers', /\b\d+(?:LL|ULL|UL|U|L)\b/],
  ['values of members at their declaration', /^ {3}(?:int|long|ulong|bool|string|double)\s{2,}m_\w+\s*=/m],
  ['a socket that waits for two minutes', /SocketRead\([^;]*,\s*0\)/],
  ['DLLs', /#import/],
  ['files outside of the shared folder', /FileOpen\((?![^;]*FILE_COMMON)/],
];

/** Without comments and the contents of string literals. */
const code = (source: string): string =>
  source.replace(/\/\/.*|"(?:[^"\\]|\\.)*"/g, (found) => (found.startsWith('"') ? '""' : ''));

describe.each(files)('%s', (name) => {
  const source = readFileSync(join(MT5, name), 'utf8');

  it.each(FOREIGN)('keeps to MQL5: no %s', (_, pattern) => {
    const text = pattern.source.includes('include') ? source.replace(/\/\/.*/g, '') : code(source);
    expect(text.split('\n').filter((line) => pattern.test(line))).toEqual([]);
  });

  it('is ASCII: MetaEditor reads other bytes in the code page of the PC', () => {
    expect([...source].filter((unit) => unit > '~')).toEqual([]);
  });
});

describe('the translation for g++', () => {
  it.each([
    ['   uchar bytes[];', '   MqlArray<uchar> bytes;'],
    ['uint F(const uchar &bytes[], int n)', 'uint F(const MqlArray<uchar> &bytes, int n)'],
    ['   MhLeg legs[2];', '   MhLeg legs[2];'],
    ['#property version "1.00"', ''],
    ['input group "Redis"', ''],
    ['#include <Minutehand\\Agent.mqh>', '#include <Minutehand/Agent.mqh>'],
    [`   text += "a\\"b" + '"'; // "no"`, `   text += "a\\"b"_s + '"'; // "no"`],
  ])('makes of %s: %s', (line, wanted) => {
    expect(translate(line)).toBe(wanted);
  });
});
