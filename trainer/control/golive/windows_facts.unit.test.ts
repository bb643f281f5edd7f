import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { homePaths } from '../../../shared/home.ts';
import { readWindowsFacts, sleepMinutes } from './windows_facts.ts';

let home: string;
beforeEach(() => void (home = mkdtempSync(join(tmpdir(), 'minutehand-windows-facts-'))));
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** As `powercfg /query SCHEME_CURRENT SUB_SLEEP` writes it, in German: numbers and GUIDs alone are not translated. */
const plan = (standbyS: number, hibernateS: number): string => {
  const hex = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;
  const setting = (guid: string, name: string, ac: number): string =>
    [
      `    GUID der Energieeinstellung: ${guid}  (${name})`,
      '      Mögliche Mindesteinstellung: 0x00000000',
      '      Mögliche Maximaleinstellung: 0xffffffff',
      '      Inkrement möglicher Einstellungen: 0x00000001',
      '      Einheit möglicher Einstellungen: Sekunden',
      `    Index der aktuellen Wechselstromeinstellung: ${hex(ac)}`,
      `    Index der aktuellen Gleichstromeinstellung: ${hex(900)}`,
      '',
    ].join('\r\n');
  return [
    'GUID des Energieschemas: 381b4222-f694-41f0-9685-ff5bb260df2e  (Ausbalanciert)',
    '  GUID der Untergruppe: 238c9fa8-0aad-41ed-83f4-97be242c8f20  (Deaktivierung)',
    setting('29f6c1db-86da-48c5-9fdb-f2b67b1f44da', 'Deaktivierung nach', standbyS),
    setting('94ac6d29-73ce-41a6-809f-6363ba21b47e', 'Hybriden Standbymodus zulassen', 1),
    setting('9d7815a6-7ee4-497e-8888-515a05f02364', 'Ruhezustand nach', hibernateS),
  ].join('\r\n');
};
const service = (state: string): string =>
  `\r\nSERVICE_NAME: w32time\r\n        TYP                : 30  WIN32\r\n        STATUS             : ${state}\r\n                                (STOPPABLE, NOT_PAUSABLE, ACCEPTS_SHUTDOWN)\r\n        WIN32_EXITCODE     : 0  (0x0)\r\n`;

describe('facts of a Windows machine', () => {
  it('are none elsewhere', async () => {
    expect(await readWindowsFacts(homePaths({ MINUTEHAND_HOME: home }), 'linux')).toEqual({});
  });

  it('are read from programs of Windows, in any language', async () => {
    const asked: string[] = [];
    const { windows } = await readWindowsFacts(homePaths({ MINUTEHAND_HOME: home }), 'win32', (program, args) => {
      asked.push([program, ...args].join(' '));
      const texts: Readonly<Record<string, string>> = { powercfg: plan(1800, 0), sc: service('4  RUNNING') };
      return Promise.resolve(texts[program] ?? null);
    });
    expect(asked).toEqual([
      'schtasks /Query /TN minutehand',
      'powercfg /query SCHEME_CURRENT SUB_SLEEP',
      'sc query w32time',
    ]);
    expect(windows).toMatchObject({ hasExchange: true, hasTask: false, sleepsAfterMinutes: 30, keepsTime: true });
  });

  it('have a task where the Task Scheduler has one, and it is that of this home', async () => {
    const paths = homePaths({ MINUTEHAND_HOME: home });
    const withTask = (program: string) => Promise.resolve(program === 'schtasks' ? 'minutehand' : null);
    expect((await readWindowsFacts(paths, 'win32', withTask)).windows).toMatchObject({ hasTask: false });
    mkdirSync(join(home, 'service'));
    writeFileSync(join(home, 'service', 'task.xml'), '');
    expect((await readWindowsFacts(paths, 'win32', withTask)).windows).toMatchObject({ hasTask: true });
    expect((await readWindowsFacts(paths, 'win32', () => Promise.resolve(null))).windows).toMatchObject({
      hasTask: false,
    });
  });

  it.each<[string | null, boolean | 'unknown']>([
    [service('1  STOPPED'), false],
    ['strange', 'unknown'],
    [null, 'unknown'],
  ])('tell a time service that does not run from one that is not known (%#)', async (text, expected) => {
    const run = (program: string) => Promise.resolve(program === 'sc' ? text : null);
    const { windows } = await readWindowsFacts(homePaths({ MINUTEHAND_HOME: home }), 'win32', run);
    expect(windows).toMatchObject({ keepsTime: expected, sleepsAfterMinutes: 'unknown' });
  });

  it('have the shorter of sleep and hibernation on mains power', () => {
    expect(sleepMinutes(plan(0, 0))).toBeNull();
    expect(sleepMinutes(plan(0, 3600))).toBe(60);
    expect(sleepMinutes(plan(61, 3600))).toBe(2);
    // A machine that cannot sleep.
    expect(sleepMinutes('GUID: 381b4222-f694-41f0-9685-ff5bb260df2e')).toBeNull();
    expect(sleepMinutes('29f6c1db-86da-48c5-9fdb-f2b67b1f44da')).toBe('unknown');
  });
});
