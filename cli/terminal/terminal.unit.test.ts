import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageRoot } from '../../shared/root.ts';
import { copyAdvisor } from './advisor_files.ts';
import { findTerminals, sharedFolderOf, terminalText } from './terminal.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'minutehand-términal '))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const env = (): NodeJS.ProcessEnv => ({ APPDATA: folder });
const terminals = (): string => join(folder, 'MetaQuotes', 'Terminal');

/** A data folder as a terminal makes it, and its program's. */
function addTerminal(id: string, program: string | null): string {
  const data = join(terminals(), id);
  mkdirSync(join(data, 'MQL5'), { recursive: true });
  if (program === null) return data;
  const place = join(folder, program);
  mkdirSync(place);
  writeFileSync(join(place, 'metaeditor64.exe'), '');
  writeFileSync(join(data, 'origin.txt'), Buffer.from(`\ufeff${place}\r\n`, 'utf16le'));
  return data;
}

describe('terminals of MetaTrader', () => {
  it('are found by their data folders, with the MetaEditor of each', () => {
    const first = addTerminal('AAA', 'MetaTrader 5');
    const second = addTerminal('BBB', null);
    mkdirSync(join(terminals(), 'Common', 'Files'), { recursive: true });
    expect(findTerminals(undefined, env())).toEqual([
      { data: first, metaEditor: join(folder, 'MetaTrader 5', 'metaeditor64.exe') },
      { data: second, metaEditor: null },
    ]);
    const shared = join(terminals(), 'Common', 'Files', 'minutehand');
    expect(sharedFolderOf({ data: first, metaEditor: null }, {})).toBe(shared);
    expect(sharedFolderOf({ data: folder, metaEditor: null }, env())).toBe(shared);
    expect(sharedFolderOf({ data: folder, metaEditor: null }, {})).toBeNull();
  });

  it('a portable one is named, and has its program in its data folder', () => {
    mkdirSync(join(folder, 'MQL5'));
    writeFileSync(join(folder, 'metaeditor64.exe'), '');
    expect(findTerminals(folder, {})).toEqual([{ data: folder, metaEditor: join(folder, 'metaeditor64.exe') }]);
  });

  it.each([
    [{ APPDATA: '' }, undefined, 'no %APPDATA%'],
    [{ APPDATA: '/none' }, undefined, 'no terminal in'],
    [{}, tmpdir(), 'has no folder MQL5'],
  ])('none is an error that says where it looked (%#)', (of, named, seen) => {
    expect(() => findTerminals(named, of)).toThrow(
      expect.objectContaining({ code: 'TERMINAL_ABSENT', seen: expect.stringContaining(seen) as string }),
    );
  });

  it('write their texts in UTF-16 or UTF-8, with or without a mark', () => {
    for (const bytes of [
      Buffer.from('\ufeffErgebnis', 'utf16le'),
      Buffer.from('\ufeffErgebnis'),
      Buffer.from('Ergebnis'),
    ])
      expect(terminalText(bytes)).toBe('Ergebnis');
  });
});

describe('the files of the expert advisor', () => {
  it('are copied over those of an earlier version, and programs are named', () => {
    const mql5 = join(folder, 'MQL5');
    mkdirSync(join(mql5, 'Experts'), { recursive: true });
    writeFileSync(join(mql5, 'Experts', 'Minutehand.mq5'), 'old');
    const programs = copyAdvisor(join(packageRoot(), 'mt5'), mql5);
    expect(programs).toEqual([join(mql5, 'Experts', 'Minutehand.mq5'), join(mql5, 'Services', 'MinutehandWake.mq5')]);
    const sources = join(packageRoot(), 'mt5', 'Include', 'Minutehand');
    expect(readdirSync(join(mql5, 'Include', 'Minutehand'))).toEqual(readdirSync(sources));
    expect(copyAdvisor(join(packageRoot(), 'mt5'), mql5)).toEqual(programs);
  });

  it('that cannot be written are an error', () => {
    writeFileSync(join(folder, 'MQL5'), 'a file');
    expect(() => copyAdvisor(join(packageRoot(), 'mt5'), join(folder, 'MQL5'))).toThrow(
      expect.objectContaining({ code: 'OUTPUT_UNWRITABLE' }),
    );
  });
});
