import { describe, expect, it } from 'vitest';
import { closeFill, openFill, refusedFill } from '../../../shared/fill/fill.fixture.ts';
import { enterBody, exitBody, idOf, bodyOf } from '../../../shared/signal/signal.fixture.ts';
import { reconcile, type FillFinding, type ReconcileInput } from './reconcile.ts';
import { journaled, tradeOf } from './trade.fixture.ts';

const OPENED_MS = openFill().time_ms;
const SETTLE_MS = 60_000;
const BAR_MS = 60_000;
const ENTER = enterBody(idOf(1));
const EXIT = exitBody(idOf(1), 'Z_EXIT', { signal_id: idOf(2) });
/** z and β above zero: A was sold, B bought. */
const A = tradeOf(openFill(), ENTER);
const B = tradeOf(openFill({ leg: 'B', side: 'BUY' }), ENTER);
const CLOSE_A = tradeOf(closeFill(), EXIT);
const CLOSE_B = tradeOf(closeFill({ leg: 'B', side: 'SELL' }), EXIT);
const ENTERED = journaled(ENTER, openFill().signal_ms);

function findings(input: Partial<ReconcileInput>): FillFinding[] {
  const nowMs = OPENED_MS + 20 * BAR_MS;
  return reconcile({ trades: [], entries: [], refusedLines: [], nowMs, barMs: BAR_MS, settleMs: SETTLE_MS, ...input });
}
const codes = (input: Partial<ReconcileInput>): string[] => findings(input).map(({ code }) => code);

describe('fills compared with signals', () => {
  it('give no finding when a pair is opened by its ENTER and closed by its EXIT', () => {
    expect(findings({ trades: [A, B, CLOSE_A, CLOSE_B], entries: [ENTERED] })).toEqual([]);
    expect(findings({ trades: [A, B], entries: [ENTERED] })).toEqual([]);
    expect(findings({ trades: [tradeOf(refusedFill(), ENTER)], entries: [ENTERED] })).toEqual([]);
  });

  it('report an account that has money in several currencies, which has no sum', () => {
    const yen = { ...CLOSE_B, currency: 'JPY' };
    expect(findings({ trades: [A, B, CLOSE_A, yen], entries: [ENTERED] })).toMatchObject([
      { code: 'CURRENCY_MIXED', account: 'paper', seen: 'fills 3 in USD, 1 in JPY' },
    ]);
  });

  it('report a signal that is in no journal after the settling time', () => {
    const stray = tradeOf(refusedFill(), null);
    expect(codes({ trades: [stray] })).toEqual(['SIGNAL_UNKNOWN']);
    expect(codes({ trades: [stray], nowMs: OPENED_MS + SETTLE_MS - 1 })).toEqual([]);
  });

  it('report a time of another clock: after the fill was received, before its signal, a close before its open', () => {
    const HOURS = 3 * 3_600_000;
    const at = (trade: typeof A, shift: number) => ({ ...trade, time_ms: trade.time_ms + shift });
    const ahead = [A, B].map((trade) => at(trade, HOURS));
    expect(findings({ trades: ahead, nowMs: OPENED_MS + 2 * HOURS })).toMatchObject([
      { code: 'TIME_WRONG', seen: expect.stringMatching(/^open 3 h .*after it was received/) as string },
      { code: 'TIME_WRONG' },
      { code: 'OPEN_TOO_LONG' },
    ]);
    expect(findings({ trades: [A, B].map((trade) => at(trade, -HOURS)) }).map(({ seen }) => seen)).toEqual(
      expect.arrayContaining([expect.stringMatching(/before its signal/)]),
    );
    const closed = [CLOSE_A, CLOSE_B].map((trade) => ({ ...at(trade, -HOURS), signal_ms: trade.signal_ms! - HOURS }));
    expect(findings({ trades: [A, B, ...closed] })).toMatchObject([
      { code: 'TIME_WRONG', seen: expect.stringMatching(/^closed 2 h .* before it was opened/) as string },
    ]);
    // Clocks of two machines differ by seconds.
    expect(codes({ trades: [at(A, -50_000), at(B, 50_000)] })).toEqual([]);
  });

  it('report a signal that was no ENTER, or had the other side', () => {
    expect(codes({ trades: [tradeOf(refusedFill(), bodyOf())] })).toEqual(['SIGNAL_MISMATCH']);
    const wrong = tradeOf(openFill({ side: 'BUY' }), ENTER);
    expect(findings({ trades: [wrong, B] })).toMatchObject([
      { code: 'SIGNAL_MISMATCH', seen: 'leg A BUY, and the signal has SELL' },
    ]);
    // β below zero: both legs have the same side.
    const negative = enterBody(idOf(1), { beta: -0.8 });
    expect(
      codes({ trades: [tradeOf(openFill(), negative), tradeOf(openFill({ leg: 'B', side: 'SELL' }), negative)] }),
    ).toEqual([]);
  });

  it('report a present program that neither followed nor refused an ENTER', () => {
    const later = journaled(enterBody(idOf(7)), OPENED_MS + 5 * BAR_MS);
    const missed = { trades: [A, B], entries: [ENTERED, later] };
    expect(findings(missed)).toMatchObject([{ code: 'ENTER_WITHOUT_FILL', position_id: idOf(7) }]);
    expect(codes({ ...missed, nowMs: later.generatedAtMs + 2.5 * BAR_MS + SETTLE_MS - 1 })).toEqual([]);
    // The program was not running, or does not trade that pair.
    const earlier = journaled(enterBody(idOf(8)), OPENED_MS - BAR_MS);
    const elsewhere = journaled(enterBody(idOf(9), { pair_id: 'EURUSD_USDCHF' }), later.generatedAtMs);
    expect(codes({ trades: [A, B], entries: [earlier, elsewhere] })).toEqual([]);
  });

  it('keep two programs separate', () => {
    const other = [A, B].map((trade) => ({ ...trade, place: 'other.json', ticket: trade.ticket + 100 }));
    expect(findings({ trades: [A, B, ...other], entries: [ENTERED] })).toEqual([]);
    expect(codes({ trades: [A, B, other[0]!], entries: [ENTERED] })).toEqual(['LEG_ALONE']);
  });

  it('report a single leg after the settling time', () => {
    expect(codes({ trades: [A] })).toEqual(['LEG_ALONE']);
    expect(codes({ trades: [A], nowMs: OPENED_MS + SETTLE_MS - 1 })).toEqual([]);
    // The second leg failed and the first one was closed again, as required.
    const undone = tradeOf(closeFill({ signal_id: idOf(1), reason: 'LEG_FAILED' }), ENTER);
    expect(codes({ trades: [A, undone] })).toEqual([]);
  });

  it('report volumes that do not match', () => {
    const half = tradeOf(closeFill({ lots: 0.25 }), EXIT);
    expect(codes({ trades: [A, B, half, CLOSE_B] })).toEqual(['VOLUME_MISMATCH']);
    expect(codes({ trades: [A, B, CLOSE_A] })).toEqual(['VOLUME_MISMATCH']);
    const rest = tradeOf(closeFill({ lots: 0.25, ticket: 9 }), EXIT);
    expect(codes({ trades: [A, B, half, rest, CLOSE_B] })).toEqual([]);
    expect(codes({ trades: [A, B, CLOSE_A, rest, CLOSE_B] })).toEqual(['CLOSE_WITHOUT_OPEN']);
    expect(codes({ trades: [CLOSE_A] })).toEqual(['CLOSE_WITHOUT_OPEN']);
  });

  it('report a leg that was opened twice', () => {
    const again = tradeOf(openFill({ ticket: 9 }), ENTER);
    expect(codes({ trades: [A, again, B] })).toEqual(['LEG_DOUBLED']);
  });

  it('report a position that is open longer than its signal allows', () => {
    const allowedMs = (60 + 5) * BAR_MS + SETTLE_MS;
    expect(codes({ trades: [A, B], nowMs: OPENED_MS + allowedMs - 1 })).toEqual([]);
    expect(codes({ trades: [A, B], nowMs: OPENED_MS + allowedMs })).toEqual(['OPEN_TOO_LONG']);
    expect(codes({ trades: [A, B, CLOSE_A, CLOSE_B], nowMs: OPENED_MS + allowedMs })).toEqual([]);
  });

  it('list the invalid lines, in time order', () => {
    const line = {
      line_sha256: '',
      code: 'FILL_FORMAT',
      message: 'm',
      place: 'result.json',
      line: 'x',
      received_ms: 5,
    };
    expect(findings({ trades: [A], refusedLines: [line] }).map(({ code }) => code)).toEqual([
      'LINE_REFUSED',
      'LEG_ALONE',
    ]);
  });
});
