import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { readAddress } from '../shared/address.ts';
import { DEFAULT } from '../shared/core/features/features.fixture.ts';
import { homePaths } from '../shared/home.ts';
import { parseInstrument } from '../shared/pair.ts';
import { checkStrategy, type FormulaStrategy, type StrategyDocument } from '../shared/policy/strategy_file.ts';
import type { InstrumentBody, InstrumentSignal } from '../shared/signal/instrument_signal.ts';
import { openJournal } from '../shared/store/journal.ts';
import { FIXTURE_COSTS } from '../trainer/learning/formula_rules/rule_subject.fixture.ts';
import { instrumentSubject } from '../trainer/learning/formula_rules/rule_subject.ts';
import { ruleColumns } from '../trainer/learning/formula_rules/rule_columns.ts';
import { ruleTrades } from '../trainer/learning/formula_rules/rule_trades.ts';
import { NO_SERIES } from '../trainer/learning/instruments/series_files.ts';
import { eventually, type Running, type Workplace } from './cli_process.ts';

export const HOUR = 3600;
export const HOURS_FROM = 1_600_000_000 - (1_600_000_000 % HOUR);
export const ID = 'BTCUSDT@1h';

export interface HourBar {
  readonly time: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly takerBuyVolume: number;
}

/** The bars as a file of a data folder. */
export function hourFile(hours: readonly HourBar[]): string {
  const rows = hours.map((bar) =>
    [bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.takerBuyVolume].join(),
  );
  return `time,open,high,low,close,volume,taker_buy_volume\n${rows.join('\n')}\n`;
}

/** Real daemons of one instrument with bars of an hour, one after the other, and what they published. */
export class HourlyDaemons {
  readonly #place: Workplace;
  readonly #hours: readonly HourBar[];

  constructor(place: Workplace, hours: readonly HourBar[]) {
    this.#place = place;
    this.#hours = hours;
  }

  #addressFile(): string {
    return homePaths({ MINUTEHAND_HOME: this.#place.home }).address('daemon_main');
  }

  async startDaemon(): Promise<{ process: Running; url: string }> {
    rmSync(this.#addressFile(), { force: true });
    const process = this.#place.start(['daemon']);
    const url = await eventually(
      () => `a daemon that listens: ${process.stderr()}`,
      () => {
        const address = readAddress(this.#addressFile());
        return address === null ? null : `http://127.0.0.1:${address.port}`;
      },
    );
    return { process, url };
  }

  async send(url: string, from: number, to: number): Promise<void> {
    const minutes = this.#hours.slice(from, to).flatMap(({ time, open, high, low, close, takerBuyVolume }) =>
      [
        { minute: 0, open, high: open, low: open, close: open, taker_buy_volume: 5 },
        { minute: 30, open, high, low, close: open, taker_buy_volume: 5 },
        { minute: 59, open: close, high: close, low: close, close, taker_buy_volume: takerBuyVolume - 10 },
      ].map(({ minute, ...prices }) => ({
        symbol: 'BTCUSDT',
        time: (time + 60 * minute) * 1000,
        volume: 20,
        trades: 1,
        ...prices,
      })),
    );
    const response = await fetch(`${url}/bars`, { method: 'POST', body: JSON.stringify(minutes) });
    expect(await response.json()).toMatchObject({ rejected: [] });
  }

  get signalFile(): string {
    return join(this.#place.home, 'signals', ID, 'signal.json');
  }

  async lastSignalOf(hour: number): Promise<InstrumentSignal> {
    const timestamp = new Date((HOURS_FROM + hour * HOUR) * 1000).toISOString().replace('.000', '');
    return eventually(
      () => `the signal of ${timestamp}`,
      () => {
        const text = existsSync(this.signalFile) ? readFileSync(this.signalFile, 'utf8') : '';
        return text.includes(timestamp) ? (JSON.parse(text) as InstrumentSignal) : null;
      },
    );
  }

  async rulesOf(url: string, process: Running, wanted: object): Promise<void> {
    await eventually(
      () => `served rules: ${process.stderr()}`,
      async () => {
        const health = (await (await fetch(`${url}/healthz`)).json()) as { direction: { rules?: object } };
        return JSON.stringify(health.direction.rules ?? {}) === JSON.stringify(wanted) || null;
      },
    );
  }

  publishedBodies(): InstrumentBody[] {
    const journal = openJournal(join(this.#place.home, 'live_main.db'), { readOnly: true });
    const bodies = [...journal.signals()].map(({ body }) => JSON.parse(`${body}}`) as InstrumentBody);
    journal.close();
    return bodies;
  }

  /** Time and side of each entry that the daemons published. */
  liveEntries(): string[] {
    return this.publishedBodies()
      .filter(({ action }) => action === 'ENTER')
      .map(({ timestamp, target }) => `${timestamp} ${target}`);
  }

  /**
   * The same of a backtest of a rule.
   * @param from first hour, and
   * @param answered the hour behind the last that the daemons answered by the rule
   */
  backtestEntries(document: StrategyDocument, from: number, answered: number): string[] {
    const column = (of: (bar: HourBar) => number): Float64Array => Float64Array.from(this.#hours, of);
    const bars = {
      symbol: 'BTCUSDT',
      timeframe: HOUR,
      length: this.#hours.length,
      time: column(({ time }) => time),
      open: column(({ open }) => open),
      high: column(({ high }) => high),
      low: column(({ low }) => low),
      close: column(({ close }) => close),
      volume: column(({ volume }) => volume),
      takerBuyVolume: column(({ takerBuyVolume }) => takerBuyVolume),
    };
    const subject = instrumentSubject({ bars, series: NO_SERIES }, parseInstrument(ID), FIXTURE_COSTS);
    const strategy = checkStrategy(document, DEFAULT, () => '') as FormulaStrategy;
    // A position that would be closed at the open of its fill is left out: two bars more than were answered.
    const trades = ruleTrades(subject, ruleColumns(subject, strategy), from, answered + 2);
    return trades.map(({ side, entrySignal }) => {
      const closed = new Date((this.#hours[entrySignal]!.time + HOUR) * 1000).toISOString().replace('.000', '');
      return `${closed} ${side}`;
    });
  }
}
