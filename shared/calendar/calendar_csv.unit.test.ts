import { describe, expect, it } from 'vitest';
import { parseTimeZone, UTC } from '../bar_file/time_zone.ts';
import { MinutehandError } from '../errors.ts';
import { readCalendarCsv } from './calendar_csv.ts';
import { calendarText, parseCalendarText } from './calendar_text.ts';

const NFP = {
  time: Date.UTC(2026, 0, 9, 13, 30) / 1000,
  currency: 'USD',
  importance: 'high',
  name: 'Nonfarm Payrolls',
};
const read = (text: string, zone = 'UTC') => readCalendarCsv(text, 'news.csv', parseTimeZone(zone));

describe('a CSV file of events', () => {
  it.each([
    ['plain', 'time,currency,importance,name\n2026-01-09T13:30:00Z,USD,high,Nonfarm Payrolls\n'],
    ['MetaTrader', 'Time;Currency;Importance;Event\n2026.01.09 13:30;USD;HIGH;Nonfarm Payrolls\n'],
    ['epoch seconds', 'timestamp,ccy,impact,title\n1767965400,USD,3,Nonfarm Payrolls\n'],
    [
      'date and time apart',
      'Date,Time,Currency,Impact,Event\n2026-01-09,1:30pm,USD,High Impact Expected,Nonfarm Payrolls\n',
    ],
    [
      'month first',
      'Title,Country,Date,Time,Impact\nNonfarm Payrolls,USD,01-09-2026,1:30pm,High\nX,USD,01-13-2026,All Day,Holiday\n',
    ],
    [
      'day first',
      'Id,Start,Name,Impact,Currency\n7,09/01/2026 13:30:00,Nonfarm Payrolls,HIGH,USD\n8,19/01/2026 00:00:00,x,NONE,USD\n',
    ],
    ['words', 'Date,Time,Country,Volatility,Name\n"Fri, Jan 9 2026",13:30,United States,***,"Nonfarm Payrolls"\n'],
    [
      'with a byte order mark',
      '\uFEFFtime\tcurrency\timportance\tname\r\n2026-01-09 13:30\tUSD\t3\tNonfarm Payrolls\r\n',
    ],
  ])('is read as %s', (_, text) => {
    expect(read(text).events).toEqual([NFP]);
  });

  it('counts what has no minute, no importance or no currency', () => {
    const text =
      'date,time,currency,impact,event\n2026-01-09,All Day,USD,high,a\n2026-01-09,10:00,USD,Holiday,b\n2026-01-09,10:00,All,low,c\n';
    expect(read(text)).toEqual({ events: [], withoutTime: 1, withoutImportance: 1, withoutCurrency: 1 });
  });

  it('has its times in the zone that is given, over a change of the clocks too', () => {
    const text = 'time,currency,importance,name\n2026-01-09 08:30,USD,high,winter\n2026-07-03 08:30,USD,high,summer\n';
    const hours = read(text, 'America/New_York').events.map(({ time }) =>
      new Date(time * 1000).toISOString().slice(11, 16),
    );
    expect(hours).toEqual(['13:30', '12:30']);
  });

  it.each([
    ['a missing column', 'time,importance,name\n2026-01-09 13:30,high,x\n', 'currency'],
    ['an importance that is none', 'time,currency,importance,name\n2026-01-09 13:30,USD,huge,x\n', 'line 2'],
    ['a time that is none', 'time,currency,importance,name\n2026-02-30 13:30,USD,high,x\n', 'line 2'],
    ['dates that could be either', 'time,currency,importance,name\n01/02/2026 13:30,USD,high,x\n', 'day or the month'],
    [
      'dates of both orders',
      'time,currency,importance,name\n13/02/2026 13:30,USD,high,x\n02/13/2026 13:30,USD,high,x\n',
      'of one order',
    ],
  ])('is refused with %s', (_, text, said) => {
    let error: unknown;
    try {
      readCalendarCsv(text, 'news.csv', UTC);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'NEWS_FORMAT' });
    const { seen, expected } = error as MinutehandError;
    expect(`${seen} ${expected}`).toContain(said);
  });
});

describe('dates that could be either', () => {
  const text = 'time,currency,importance,name\n02/03/2027 13:30,USD,high,x\n';
  const dayOf = (order: 'dmy' | 'mdy') =>
    new Date(readCalendarCsv(text, 'news.csv', UTC, order).events[0]!.time * 1000).toISOString().slice(0, 10);

  it('are read in the stated order', () => {
    expect([dayOf('dmy'), dayOf('mdy')]).toEqual(['2027-03-02', '2027-02-03']);
  });

  it('are refused where one of them shows that the stated order is wrong', () => {
    const shown = `${text}02/13/2027 13:30,USD,high,x\n`;
    expect(() => readCalendarCsv(shown, 'news.csv', UTC, 'dmy')).toThrow(/no economic calendar/);
    expect(readCalendarCsv(shown, 'news.csv', UTC, 'mdy').events).toHaveLength(2);
  });
});

it('the text of a calendar in a journal is the same for equal calendars, and is read back', () => {
  const events = [NFP, { ...NFP, currency: 'EUR' }] as Parameters<typeof calendarText>[0];
  const text = calendarText([...events].reverse());
  expect(text).toBe(calendarText([...events, events[0]!]));
  expect(parseCalendarText(text)).toEqual([events[1], events[0]]);
});
