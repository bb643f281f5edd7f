import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { closeFill, openFill } from '../../shared/fill/fill.fixture.ts';
import { enterBody, idOf } from '../../shared/signal/signal.fixture.ts';
import { tradeOf } from '../../trainer/control/fills/trade.fixture.ts';
import { fillLine, noFillsText } from './trades.ts';

const PLACE = '/home/var/ea/mine/result.json';
const WIDTH = 'paper/mine'.length;

it('a line of a fill has the close of the bar that its signal answered, on the market’s clock, if it followed one', () => {
  const body = { ...enterBody(idOf(1)), timestamp: '2024-01-22T00:05:00.000Z' };
  const opened = fillLine(tradeOf(openFill(), body, PLACE), WIDTH);
  expect(opened).toMatch(
    /^2026-11-20T08:26:00Z {2}closed 2024-01-22 00:05 {2}paper\/mine {2}XAUUSD_XAGUSD +open +A SELL/,
  );
  const own = fillLine(tradeOf(closeFill({ reason: 'OWN_MAX_AGE', signal_id: idOf(1) }), body, PLACE), WIDTH);
  expect(own).not.toContain('closed 20');
  expect(own.indexOf('paper')).toBe(opened.indexOf('paper'));
  expect(fillLine(tradeOf(openFill(), null, PLACE), WIDTH)).not.toContain('closed');
});

it('a list without fills says why, and what gives the first', () => {
  const folder = mkdtempSync(join(tmpdir(), 'minutehand-no-fills-'));
  try {
    expect(noFillsText({}, 0, join(folder, 'none'))).toBe(
      'No fills yet: no signal has entered so far (`minutehand signals list` has the reasons). Nothing follows them here: `minutehand ea` trades on paper, mt5/ in MetaTrader 5.',
    );
    mkdirSync(join(folder, 'simulated_paper'));
    expect(noFillsText({}, 2, folder)).toBe(
      'No fills yet of 2 entries (`minutehand signals list --action ENTER`). The paper account (simulated_paper) follows the next ENTER that it sees.',
    );
    expect(noFillsText({ pairs: ['XAUUSD_XAGUSD'] }, 2, folder)).toBe('No fills of these pairs and this period.');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('a computed price has the digits of a quote', () => {
  const line = (filled_price: number): string => fillLine(tradeOf(openFill({ filled_price }), null, PLACE), WIDTH);
  expect(line(1.3849184514769919)).toContain(' at 1.38491845  ');
  expect(line(4099.59)).toContain(' at 4099.59  ');
});

it('a size is a value on paper, and in lots of the broker else', () => {
  const line = (account: 'paper' | 'demo' | 'real'): string =>
    fillLine(tradeOf(openFill({ account, lots: 2, filled_price: 4100.5 }), null, PLACE), WIDTH);
  expect(line('paper')).toContain(' 8201.00 USD of XAUUSD at 4100.5 ');
  for (const account of ['demo', 'real'] as const) expect(line(account)).toContain(' 2 lots XAUUSD at ');
});
