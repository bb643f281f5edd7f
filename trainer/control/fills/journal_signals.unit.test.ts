import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenTime } from '../../../shared/bar.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { encodeBody } from '../../../shared/signal/encode.ts';
import { bodyOf, enterBody, idOf } from '../../../shared/signal/signal.fixture.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { openJournalSignals } from './journal_signals.ts';

const T0 = Date.UTC(2026, 10, 20);
const DAY_MS = 86_400_000;

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-journal-signals-'));
  path = join(folder, 'live_main.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function journal(signals: readonly { body: SignalBody; atMs: number }[]): void {
  const store = openJournal(path);
  const rows = signals.map(({ body, atMs }, index) => ({
    bootId: 'b',
    seq: index + 1,
    pairId: body.pair_id,
    time: 0 as OpenTime,
    signalId: body.signal_id,
    body: encodeBody(body),
    featuresCrc: null,
    riskProb: null,
    position: 'null',
    generatedAtMs: atMs,
  }));
  store.append([], rows);
  store.close();
}

describe('signals of a journal', () => {
  it('are found by pair and id, as they were published', () => {
    journal([1, 2, 3].map((number) => ({ body: bodyOf({ signal_id: idOf(number) }), atMs: T0 + number })));
    const signals = openJournalSignals(path)!;
    const found = signals.find('XAUUSD_XAGUSD', [idOf(2), idOf(9)], T0, T0 + 2);
    expect(found).toEqual([{ body: bodyOf({ signal_id: idOf(2) }), generatedAtMs: T0 + 2 }]);
    expect(signals.find('EURUSD_USDCHF', [idOf(2)], T0, T0 + 2)).toEqual([]);
    // Not that day.
    expect(signals.find('XAUUSD_XAGUSD', [idOf(2)], T0 - 2 * DAY_MS, T0 - DAY_MS)).toEqual([]);
    expect(signals.find('XAUUSD_XAGUSD', [idOf(2)], T0 + DAY_MS, T0 + 2 * DAY_MS)).toEqual([]);
    signals.close();
  });

  it('with action ENTER are listed by publication time', () => {
    const all = Array.from({ length: 400 }, (_, number) => ({
      body: number % 7 === 0 ? enterBody(idOf(number)) : bodyOf({ signal_id: idOf(number) }),
      atMs: T0 + number * DAY_MS * 0.05,
    }));
    journal(all);
    const signals = openJournalSignals(path)!;
    for (const [from, to] of [
      [0, 400],
      [33, 34],
      [35, 36],
      [100, 200],
      [399, 400],
      [-50, 20],
      [500, 600],
    ] as const) {
      const fromMs = T0 + from * DAY_MS * 0.05;
      const toMs = T0 + to * DAY_MS * 0.05;
      const wanted = all.filter(({ body, atMs }) => body.action === 'ENTER' && atMs >= fromMs && atMs < toMs);
      expect(signals.entries(fromMs, toMs).map(({ body }) => body.signal_id)).toEqual(
        wanted.map(({ body }) => body.signal_id),
      );
    }
    signals.close();
  });

  it('list the minutes of a pair with signals of a version', () => {
    const first = '20261101_0300';
    const second = '20261108_0300';
    const store = openJournal(path);
    const rows = Array.from({ length: 30 }, (_, index) => {
      const model_version = index < 10 ? '' : index < 20 ? first : second;
      const pair_id = index % 2 === 0 ? 'XAUUSD_XAGUSD' : 'EURUSD_USDCHF';
      const body = encodeBody(bodyOf({ pair_id, model_version, signal_id: idOf(index) }));
      return {
        bootId: 'b',
        seq: index + 1,
        pairId: pair_id,
        time: (index * 60) as OpenTime,
        signalId: idOf(index),
        body,
        featuresCrc: null,
        riskProb: null,
        position: 'null',
        generatedAtMs: T0 + index,
      };
    });
    store.append([], rows);
    store.close();
    const signals = openJournalSignals(path)!;
    const minutes = Array.from({ length: 40 }, (_, index) => index * 60);
    const gold = (version: string): number[] =>
      [...signals.spokenBy(version, 'XAUUSD_XAGUSD', minutes)].sort((a, b) => a - b);
    expect(gold(first)).toEqual([10, 12, 14, 16, 18].map((index) => index * 60));
    expect(gold(second)).toEqual([20, 22, 24, 26, 28].map((index) => index * 60));
    expect(signals.spokenBy(second, 'XAUUSD_XAGUSD', [22 * 60, 23 * 60])).toEqual(new Set([22 * 60]));
    signals.close();
  });

  it('are none without a journal, or with an incomplete one', () => {
    expect(openJournalSignals(path)).toBeNull();
    writeFileSync(path, '');
    expect(openJournalSignals(path)).toBeNull();
  });

  it('can be read while the daemon writes', () => {
    const store = openJournal(path);
    const signals = openJournalSignals(path)!;
    expect(signals.find('XAUUSD_XAGUSD', [idOf(1)], T0, T0)).toEqual([]);
    journal([{ body: bodyOf(), atMs: T0 }]);
    expect(signals.find('XAUUSD_XAGUSD', [idOf(1)], T0, T0)).toHaveLength(1);
    signals.close();
    store.close();
  });
});
