import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { compileProgram, compilerNote, hasCompiler } from './test/compile.ts';
import { startProgram, type LineProgram } from './test/program.ts';

const HOUR = 3600;
const utc = (text: string): number => Date.parse(`${text}:00Z`) / 1000;

interface Sent {
  readonly schema: string;
  readonly sent_ms: number;
  readonly from_ms: number;
  readonly to_ms: number;
  readonly events: readonly {
    readonly time: number;
    readonly currency: string;
    readonly importance: string;
    readonly name: string;
  }[];
}

describe.skipIf(!hasCompiler())(`the calendar from the expert advisor${compilerNote()}`, () => {
  let path: string;
  let folder: string;
  let program: LineProgram | null = null;
  beforeAll(() => {
    path = compileProgram('bars');
    folder = mkdtempSync(join(tmpdir(), 'minutehand-calendar-'));
  }, 120_000);
  afterEach(() => program?.end());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function terminal(name: string, offset: number): Promise<(line: string) => Promise<string>> {
    program = startProgram(path);
    const own = join(folder, name);
    mkdirSync(own);
    await program.ask(`offset ${offset}`);
    await program.ask(`folder ${own}`);
    return (line) => program!.ask(line);
  }
  const sent = (name: string): Sent => JSON.parse(readFileSync(join(folder, name, 'calendar.json'), 'utf8')) as Sent;
  const shown = (name: string): string[] =>
    sent(name).events.map(({ time, name: event }) => `${new Date(time).toISOString().slice(0, 16)} ${event}`);

  it('is in UTC, whatever the clock of the server, and has what happens at a minute and has an importance', async () => {
    const now = utc('2026-01-07T12:00');
    for (const [name, offset] of [
      ['east', 2 * HOUR],
      ['west', -5 * HOUR],
      ['half', 5.5 * HOUR],
    ] as const) {
      const ask = await terminal(name, offset);
      await ask(`news ${utc('2026-01-09T13:30')} USD 3 0 Nonfarm "Payrolls"`);
      await ask(`news ${utc('2026-01-08T10:00')} EUR 2 0 CPI`);
      await ask(`news ${utc('2026-01-08T11:00')} EUR 1 1 all day`);
      await ask(`news ${utc('2026-01-08T11:00')} EUR 0 0 without importance`);
      await ask(`news ${utc('2026-01-20T11:00')} EUR 3 0 far away`);
      expect(await ask(`calendar ${now * 1000}`)).toBe('2 events');
      expect(sent(name)).toMatchObject({
        schema: 'minutehand.calendar/1',
        sent_ms: now * 1000,
        from_ms: (now - 24 * HOUR) * 1000,
        to_ms: (now + 96 * HOUR) * 1000,
      });
      expect(sent(name).events).toEqual([
        { time: utc('2026-01-09T13:30') * 1000, currency: 'USD', importance: 'high', name: 'Nonfarm "Payrolls"' },
        { time: utc('2026-01-08T10:00') * 1000, currency: 'EUR', importance: 'medium', name: 'CPI' },
      ]);
      await program!.end();
    }
  });

  it('has an event behind a change of the server’s clock at both times, and at its own once the change is over', async () => {
    // New York, and a server that follows it, change on March 8, 2026, at 7:00 UTC.
    const ask = await terminal('summer', 2 * HOUR);
    await ask(`news ${utc('2026-03-06T13:30')} USD 3 0 before`);
    await ask(`news ${utc('2026-03-09T12:30')} USD 3 0 behind`);
    await ask(`calendar ${utc('2026-03-06T12:00') * 1000}`);
    expect(shown('summer')).toEqual(['2026-03-06T13:30 before', '2026-03-09T12:30 behind', '2026-03-09T11:30 behind']);
    await ask(`offset ${3 * HOUR}`);
    await ask(`calendar ${utc('2026-03-08T12:00') * 1000}`);
    expect(shown('summer')).toEqual(['2026-03-09T12:30 behind']);
  });

  it('is written once an hour, and after an error five minutes later, with the error until then', async () => {
    const now = utc('2026-01-07T12:00');
    const ask = await terminal('late', 2 * HOUR);
    await ask('newsfails 1');
    expect(await ask(`calendar ${now * 1000}`)).toBe('error 5401');
    expect(existsSync(join(folder, 'late', 'calendar.json'))).toBe(false);
    await ask('newsfails 0');
    expect(await ask(`calendar ${(now + 299) * 1000}`)).toBe('error 5401');
    expect(await ask(`calendar ${(now + 300) * 1000}`)).toBe('0 events');
    await ask(`news ${utc('2026-01-09T13:30')} USD 3 0 new`);
    expect(await ask(`calendar ${(now + 3899) * 1000}`)).toBe('0 events');
    expect(await ask(`calendar ${(now + 3900) * 1000}`)).toBe('1 events');
  });
});
