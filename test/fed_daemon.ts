import { existsSync, rmSync } from 'node:fs';
import { expect } from 'vitest';
import { readAddress } from '../shared/address.ts';
import type { Bar } from '../shared/bar.ts';
import { minutes, type BarColumns } from '../shared/bar_file/bar_file.ts';
import { homePaths } from '../shared/home.ts';
import { openJournal } from '../shared/store/journal.ts';
import { eventually, type Workplace } from './cli_process.ts';

/** A published signal, with the parts of its body that models answer. */
export interface Published {
  /** Open of its bar, epoch seconds. */
  readonly time: number;
  readonly body: {
    readonly feature_schema: string;
    readonly return_prob: number | null;
    readonly risk_score: number | null;
  };
}

/** Starts the daemon of a workplace. @returns its address */
export async function startDaemon(place: Workplace, env: Readonly<Record<string, string>>): Promise<string> {
  const path = homePaths({ MINUTEHAND_HOME: place.home }).address('daemon_main');
  rmSync(path, { force: true });
  const daemon = place.start(['daemon'], env);
  const { port } = await eventually(
    () => `the daemon: ${daemon.stdout()}${daemon.stderr()}`,
    () => readAddress(path),
  );
  return `http://127.0.0.1:${port}`;
}

/** Sends bars to a daemon: the last minutes one by one, all before them as backfill. */
export async function sendBars(url: string, bars: ReadonlyMap<string, BarColumns>, published: number): Promise<void> {
  const all = [...minutes(new Map(bars))].map((minute) => minute.bars);
  const old = all.slice(0, -published);
  for (let at = 0; at < old.length; at += 100) await post(`${url}/bars?backfill=1`, old.slice(at, at + 100).flat());
  for (const minute of all.slice(-published)) await post(`${url}/bars`, minute);
}

async function post(url: string, own: readonly Bar[]): Promise<void> {
  const body = JSON.stringify(own.map((bar) => ({ ...bar, time: bar.time * 1000 })));
  const answer = await fetch(url, { method: 'POST', body });
  expect(await answer.json()).toMatchObject({ rejected: [] });
}

/** The newest signal of a pair once so many are in the journal; else false. */
export function lastSignal(journal: string, pair: string, count: number): Published | false {
  if (!existsSync(journal)) return false;
  const store = openJournal(journal, { readOnly: true });
  try {
    const own = [...store.signals()].filter(({ pairId }) => pairId === pair);
    if (own.length < count) return false;
    const { time, body } = own.at(-1)!;
    return { time, body: JSON.parse(`${body}}`) as Published['body'] };
  } finally {
    store.close();
  }
}
