import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { mt5Compilation, mt5SourcesHash, README_SENTENCE, RESULT_LINE } from './mt5_compilation.ts';

const ROOT = packageRoot();
const script = readFileSync(join(ROOT, 'mt5', 'compile.ps1'), 'utf8');
const FINE = "Result: 0 errors, 0 warnings, 812 msec elapsed, cpu='X64 Regular'";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-mt5-'));
  for (const folder of ['Experts', 'Include'])
    cpSync(join(ROOT, 'mt5', folder), join(root, 'mt5', folder), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Options {
  readonly line?: string;
  readonly ex5Bytes?: number;
  readonly path?: string;
}

function write({ line = FINE, ex5Bytes = 120_000, path = 'Experts/Minutehand.mq5' }: Options = {}): void {
  const programs = [
    {
      path,
      log: ['MQL5\\Experts\\Minutehand.mq5 : information: compiling', line],
      ex5_bytes: ex5Bytes,
      ex5_sha256: 'aa',
    },
  ];
  const result = {
    schema: 'minutehand.mt5_compilation/1',
    sources_sha256: mt5SourcesHash(root),
    metaeditor: '5.0.0.5200',
    compiled_at: '2026-11-21T10:00:00Z',
    programs,
  };
  writeFileSync(join(root, 'mt5', 'compiled.json'), `\uFEFF${JSON.stringify(result)}`);
}

describe('the state of the compilation by MetaEditor', () => {
  it('is never without a result', () => {
    expect(mt5Compilation(root)).toMatchObject({
      state: 'never',
      detail: expect.stringContaining('never compiled') as string,
    });
  });

  it('is compiled with 0 errors in the log, an .ex5 file and the same sources', () => {
    write();
    expect(mt5Compilation(root).state).toBe('compiled');
  });

  it('is compiled with the last line that older builds write', () => {
    write({ line: 'Result 0 error(s), 0 warning(s)' });
    expect(mt5Compilation(root).state).toBe('compiled');
  });

  it.each([
    ['with an error in the log', { line: 'Result: 1 errors, 0 warnings' }],
    ['with ten errors, whose number ends in 0', { line: 'Result: 10 errors, 0 warnings' }],
    ['without a last line of the log', { line: 'compiling' }],
    ['without an .ex5 file', { ex5Bytes: 0 }],
    ['when a program is missing in the result', { path: 'Experts/Other.mq5' }],
  ])('is failed %s', (_, options) => {
    write(options);
    expect(mt5Compilation(root).state).toBe('failed');
  });

  it('is failed with a damaged result', () => {
    writeFileSync(join(root, 'mt5', 'compiled.json'), '{"schema":');
    expect(mt5Compilation(root).state).toBe('failed');
  });

  it('is changed when a source has changed, and not by the line ends of a checkout on Windows', () => {
    write();
    const path = join(root, 'mt5', 'Include', 'Minutehand', 'Text.mqh');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replaceAll('\n', '\r\n'));
    expect(mt5Compilation(root).state).toBe('compiled');
    writeFileSync(path, `${text}\n`);
    expect(mt5Compilation(root).state).toBe('changed');
  });
});

describe('mt5/compile.ps1', () => {
  it('searches for the same line and writes the same fields as the reader', () => {
    expect(/\$ResultLine = '(.*)'/.exec(script)![1]).toBe(RESULT_LINE.source);
    for (const field of [
      'sources_sha256',
      'metaeditor',
      'compiled_at',
      'programs',
      'path',
      'log',
      'ex5_bytes',
      'ex5_sha256',
    ])
      expect(script).toMatch(new RegExp(`\\b${field}\\s*=`));
  });

  it('is ASCII: Windows PowerShell decodes other bytes by the code page of the PC', () => {
    expect([...script].filter((unit) => unit > '~')).toEqual([]);
  });
});

it('README.md states the result of the compilation', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8').replaceAll(/\s+/g, ' ');
  const { state } = mt5Compilation(ROOT);
  for (const [one, sentence] of Object.entries(README_SENTENCE))
    expect(readme.includes(sentence), sentence).toBe(one === state);
});
