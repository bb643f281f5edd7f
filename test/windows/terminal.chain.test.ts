import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createWindowsWorkplace,
  IS_WINDOWS,
  windowsNode,
  windowsOptions,
  windowsPath,
  WINDOWS_NOTE,
  type WindowsWorkplace,
} from './windows.ts';

/**
 * Read first by every program of this test. The one that is called metaeditor64.exe, a copy of node.exe, does what
 * MetaEditor does for its command line: the log in UTF-16, and no exit code that means anything.
 */
const META_EDITOR = `
// Wine sets APPDATA of each program to that of the Wine user.
process.env.APPDATA = process.env.ROAMING;
if (process.execPath.toLowerCase().endsWith('metaeditor64.exe')) {
  const { writeFileSync } = require('node:fs');
  const of = (name) => process.argv.map((one) => new RegExp(name + ':(.*)$').exec(one)?.[1]).find(Boolean);
  const program = of('compile');
  const errors = program.includes(process.env.FAILING || '<none>') ? 2 : 0;
  if (of('include') === undefined) throw new Error('no include');
  writeFileSync(of('log'), Buffer.from('\\ufeff' + program + ' : information: compiling\\r\\nResult: ' + errors + ' errors, 0 warnings\\r\\n', 'utf16le'));
  if (errors === 0) writeFileSync(program.replace('.mq5', '.ex5'), 'compiled');
  process.exit(1);
}
`;

describe.runIf(IS_WINDOWS)(`the expert advisor on Windows${WINDOWS_NOTE}`, () => {
  let place: WindowsWorkplace;
  let data: string;
  beforeAll(() => {
    place = createWindowsWorkplace();
    const terminals = join(place.folder, 'Roaming', 'MetaQuotes', 'Terminal');
    data = join(terminals, 'D0E8209F77C8CF37AD8BF550E51FF075');
    const program = join(place.folder, 'Prográms', 'MetaTrader 5');
    for (const folder of [join(data, 'MQL5'), program]) mkdirSync(folder, { recursive: true });
    writeFileSync(join(data, 'origin.txt'), Buffer.from(`\ufeff${windowsPath(program)}`, 'utf16le'));
    copyFileSync(windowsNode(), join(program, 'metaeditor64.exe'));
    writeFileSync(join(place.folder, 'meta_editor.cjs'), META_EDITOR);
  });
  afterAll(() => place.remove(), 60_000);

  async function install(env: NodeJS.ProcessEnv, ...options: readonly string[]) {
    const preload = `${windowsOptions()} --require "${windowsPath(join(place.folder, 'meta_editor.cjs')).replaceAll('\\', '/')}"`;
    const command = place.start(['dist/cli/minutehand.js', 'ea', 'install', ...options], {
      ROAMING: windowsPath(join(place.folder, 'Roaming')),
      NODE_OPTIONS: preload,
      ...env,
    });
    const code = await command.ended;
    return { code, output: command.stdout() + command.stderr() };
  }

  it(
    'is copied into the terminal, compiled by its MetaEditor, and finds the shared folder',
    { timeout: 240_000 },
    async () => {
      const { code, output } = await install({});
      expect(code, output).toBe(0);
      for (const [folder, name] of [
        ['Experts', 'Minutehand'],
        ['Services', 'MinutehandWake'],
      ] as const) {
        expect(output).toMatch(new RegExp(`compiled  .*${name}\\.mq5: Result: 0 errors, 0 warning`));
        expect(readFileSync(join(data, 'MQL5', folder, `${name}.ex5`), 'utf8')).toBe('compiled');
      }
      expect(existsSync(join(data, 'MQL5', 'Include', 'Minutehand', 'Agent.mqh'))).toBe(true);
      const shared = join(data, '..', 'Common', 'Files', 'minutehand');
      expect(existsSync(shared)).toBe(true);
      expect(output).toContain(`setx MINUTEHAND_EXCHANGE "${windowsPath(shared)}"`);
      expect(output).toContain('"Allow WebRequest for listed URL": http://127.0.0.1:');
    },
  );

  it('that does not compile is said, with its log', { timeout: 240_000 }, async () => {
    const { code, output } = await install({ FAILING: 'MinutehandWake' });
    expect(code, output).toBe(1);
    expect(output).toMatch(/compiled  .*Minutehand\.mq5/);
    expect(output).toMatch(/FAILED    .*MinutehandWake\.mq5: Result: 2 errors, 0 warning; see .*MinutehandWake\.log/);
    // That of the first test is gone.
    expect(existsSync(join(data, 'MQL5', 'Services', 'MinutehandWake.ex5'))).toBe(false);
  });

  it('without a terminal is an error with a next step', { timeout: 120_000 }, async () => {
    const { code, output } = await install({ ROAMING: windowsPath(join(place.folder, 'none')) });
    expect([code, output]).toEqual([1, expect.stringMatching(/TERMINAL_ABSENT[^]*--data-folder/)]);
  });
});
