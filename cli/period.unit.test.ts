import { describe, expect, it } from 'vitest';
import { parseBarClose, parseDay, parseInteger, parsePeriod, parseShownMs } from './period.ts';

describe('a day or minute on the command line', () => {
  it.each([
    ['2019-03-01', '2019-03-01T00:00:00Z'],
    ['2019-03-01T12:34', '2019-03-01T12:34:00Z'],
    ['2019-03-01T23:59Z', '2019-03-01T23:59:00Z'],
    ['2019-03-01T12:34:00Z', '2019-03-01T12:34:00Z'],
    ['2024-02-29', '2024-02-29T00:00:00Z'],
  ])('%s is UTC', (text, instant) => {
    expect(parseDay(text, '--from')).toBe(Date.parse(instant) / 1000);
  });

  it.each([
    '',
    '2019',
    '2019-3-1',
    '2019-02-30',
    '2019-13-01',
    '2019-03-01T24:00',
    '2019-03-01T12:60',
    '2019-03-01T12:34:30',
    '2019-03-01 12:00',
    '2019-03-01T12:00+02:00',
    '1551398400',
  ])('"%s" is misuse', (text) => {
    expect(() => parseDay(text, '--from')).toThrow(expect.objectContaining({ code: 'USAGE', seen: `--from ${text}` }));
  });
});

describe('a period', () => {
  it('has the given bounds', () => {
    expect(parsePeriod({})).toEqual({});
    expect(parsePeriod({ to: '1970-01-02' })).toEqual({ to: 86_400 });
    expect(parsePeriod({ from: '1970-01-01', to: '1970-01-01T00:01' })).toEqual({ from: 0, to: 60 });
  });

  it('without a minute is misuse', () => {
    expect(() => parsePeriod({ from: '2019-03-01', to: '2019-03-01' })).toThrow('--to after --from');
    expect(() => parsePeriod({ from: '2019-03-02', to: '2019-03-01' })).toThrow('--to after --from');
  });
});

describe('a whole number', () => {
  it('is accepted from its minimum on, and anything else is misuse', () => {
    expect(parseInteger('0', '--seed')).toBe(0);
    expect(parseInteger('42', '--seed')).toBe(42);
    for (const text of ['', '-1', '1.5', '1e3', ' 1', '0x10', '9007199254740993'])
      expect(() => parseInteger(text, '--seed'), text).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(() => parseInteger('0', '--trials', 1)).toThrow('a whole number from 1 on');
  });
});

describe('parseBarClose', () => {
  it('takes every form in which an output shows the close of a bar', () => {
    const close = Date.parse('2026-11-21T08:27:00Z') / 1000;
    const forms = [
      '2026-11-21 08:27',
      '2026-11-21 08:27 UTC',
      'closed 2026-11-21 08:27',
      'closed 2026-11-21 08:27 UTC',
      '2026-11-21T08:27Z',
      '2026-11-21T08:27:00Z',
      '2026-11-21T08:27:35.374Z',
      '2026-11-21 08:27:35.374',
      `${close}`,
      `${close + 35}`,
      `${close}000`,
      `${close}374`,
    ];
    expect(forms.map(parseBarClose)).toEqual(forms.map(() => close));
    const afterMs = [0, 0, 0, 0, 0, 0, 35_374, 35_374, 0, 35_000, 0, 374];
    expect(forms.map((text) => parseShownMs(text) - 1000 * close)).toEqual(afterMs);
  });

  it('refuses what is no time, or of another zone', () => {
    for (const text of [
      '2026-02-30 08:27',
      'opened 2026-11-21 08:27',
      'closed',
      '08:27',
      '2026-11-21',
      '2026-11-21T08:27+02:00',
      'now',
      '-5',
      '',
    ])
      expect(() => parseBarClose(text), text).toThrow(/close of a bar in UTC/);
  });
});
