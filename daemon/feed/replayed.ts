import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { OpenTime } from '../../shared/bar.ts';
import { isMissing, minutes, readBarFolder } from '../../shared/bar_file/bar_file.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { PlayedMarket } from './played.ts';

/** Where the replay of a folder begins: what is before it warms the features up. */
export const REPLAY_FILE = 'replay.json';
export const replaySchema = z.strictObject({ from: z.iso.datetime() });
export type ReplayPlan = z.infer<typeof replaySchema>;

/**
 * The recorded minutes of these symbols in a folder of SYMBOL.csv[.gz] and `replay.json`. Minutes without a bar of any
 * symbol, such as weekends, are left out: the next one follows at once.
 * @throws MinutehandError DATA_MISSING without the folder, its plan or a bar; DATA_FORMAT as readBarFolder
 */
export async function openReplay(
  folder: string,
  symbols: readonly string[],
): Promise<{ readonly market: PlayedMarket; readonly historyBars: number }> {
  const from = Date.parse((await readPlan(folder)).from) / 1000;
  const columns = await readBarFolder(folder, symbols);
  const known = minutes(columns);
  let historyBars = 0;
  for (const { time } of minutes(columns)) {
    if (time >= from) break;
    historyBars++;
  }
  let next = known.next();
  if (next.done === true) throw missing(`no bar of ${symbols.join(', ')} in ${folder}`);
  const market: PlayedMarket = {
    get nextTime(): OpenTime | null {
      return next.done === true ? null : next.value.time;
    },
    next() {
      const bars = next.done === true ? [] : next.value.bars;
      next = known.next();
      return { bars };
    },
    skip(count) {
      for (let i = 0; i < count; i++) next = known.next();
    },
  };
  return { market, historyBars };
}

async function readPlan(folder: string): Promise<ReplayPlan> {
  const path = join(folder, REPLAY_FILE);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) throw missing(`no ${path}`);
    throw error;
  });
  try {
    return replaySchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new MinutehandError('DATA_FORMAT', { seen: path, expected: '{"from": "<UTC minute, ISO 8601>"}', cause });
  }
}

const missing = (seen: string): MinutehandError =>
  new MinutehandError('DATA_MISSING', { seen, next: 'Put a history here: `minutehand try <folder or zip>`.' });
