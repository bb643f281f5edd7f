import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { MAX_AGE_SECONDS, type SeriesName } from '../../shared/core/series/series_names.ts';
import { replaceDurably } from '../../shared/durable_file.ts';
import { MACHINE_FILES, isThere } from '../../shared/files.ts';
import type { Liquidation } from './exchange.ts';

/** An observation as `POST /series` takes it. */
export interface Outgoing {
  readonly symbol: string;
  readonly series: SeriesName;
  readonly event_time: number;
  readonly value: number;
}

/** Liquidations since the beginning of a bar. */
export interface LiquidationBar {
  /** Epoch ms. */
  readonly startMs: number;
  /** Until when they were received. */
  readonly heardMs: number;
  /** Time of the bar in which they were not. */
  readonly gapMs: number;
  readonly liquidations: readonly Liquidation[];
}

interface Saved {
  readonly outgoing: readonly Outgoing[];
  /** Newest event that was collected, by symbol and series. */
  readonly newest: Readonly<Record<string, number>>;
  readonly bar: LiquidationBar | null;
}

const NOTHING: Saved = { outgoing: [], newest: {}, bar: null };

/**
 * What a collector must not lose when it is killed: observations that the daemon has not stored yet, and liquidations
 * of the bar that is in progress. A small file, replaced at each change.
 */
export class Outbox {
  readonly #path: string;
  #saved: Saved;

  constructor(path: string) {
    this.#path = path;
    this.#saved = read(path);
    MACHINE_FILES.makeFolder(dirname(path));
  }

  get outgoing(): readonly Outgoing[] {
    return this.#saved.outgoing;
  }

  get bar(): LiquidationBar | null {
    return this.#saved.bar;
  }

  /** Epoch ms of the newest event that was collected. */
  newest(symbol: string, series: SeriesName): number | null {
    return this.#saved.newest[`${symbol} ${series}`] ?? null;
  }

  /** Adds observations; those that no bar could see any more are dropped. */
  add(observations: readonly Outgoing[], nowMs: number): void {
    if (observations.length === 0) return;
    const newest = { ...this.#saved.newest };
    for (const { symbol, series, event_time } of observations) {
      const key = `${symbol} ${series}`;
      newest[key] = Math.max(newest[key] ?? 0, event_time);
    }
    const oldest = nowMs - MAX_AGE_SECONDS * 1000;
    const outgoing = [...this.#saved.outgoing, ...observations].filter(({ event_time }) => event_time >= oldest);
    this.#save({ ...this.#saved, outgoing, newest });
  }

  /** Removes the first ones, which the daemon has. */
  remove(count: number): void {
    if (count > 0) this.#save({ ...this.#saved, outgoing: this.#saved.outgoing.slice(count) });
  }

  setBar(bar: LiquidationBar): void {
    this.#save({ ...this.#saved, bar });
  }

  #save(saved: Saved): void {
    this.#saved = saved;
    replaceDurably(MACHINE_FILES, this.#path, JSON.stringify(saved));
  }
}

/** A damaged file counts as absent: data that the exchange still has is requested again. */
function read(path: string): Saved {
  if (!isThere(path)) return NOTHING;
  try {
    return { ...NOTHING, ...(JSON.parse(readFileSync(path, 'utf8')) as Saved) };
  } catch {
    return NOTHING;
  }
}
