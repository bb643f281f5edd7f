import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpenTime } from '../../shared/bar.ts';
import { clipBars, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import type { TrainOptions } from '../../trainer/learning/options/train_options.ts';
import { train, type TrainResult } from '../../trainer/learning/training/pipeline.ts';
import { tinyTraining, type TinyModelOptions } from '../tiny_models.ts';
import { tinyBars, tinySettings } from '../tiny_settings.ts';

/** Minutes of the simulated market that the record's models are trained on, and those that there are. */
export const LEARNED_MINUTES = 2400;
export const MARKET_MINUTES = 12_000;

/** A temporary folder, and what several parts of the record need, made once. */
export interface Workshop {
  /** An empty folder of this name. */
  folder(name: string): string;
  readonly settings: Settings;
  /** The whole simulated market: `MARKET_MINUTES`. */
  readonly bars: ReadonlyMap<string, BarColumns>;
  /** Its first minutes. */
  firstBars(minutes: number): Map<string, BarColumns>;
  /** What several parts need, made once. @param name of it, and of nothing else */
  once<Made>(name: string, make: () => Promise<Made>): Promise<Made>;
  /** The full training, with a model of the result. */
  fullTraining(): Promise<TrainResult>;
  close(): void;
}

export function openWorkshop(): Workshop {
  const root = mkdtempSync(join(tmpdir(), 'minutehand-golden-'));
  const settings = tinySettings({ minutehand: { train: { warm_start_min_days: 0.5 } } });
  let bars: Map<string, BarColumns> | null = null;
  const made = new Map<string, Promise<unknown>>();
  const workshop: Workshop = {
    folder(name) {
      const path = join(root, name);
      mkdirSync(path, { recursive: true });
      return path;
    },
    settings,
    get bars() {
      bars ??= tinyBars(settings, MARKET_MINUTES);
      return bars;
    },
    firstBars: (minutes) => firstMinutes(workshop.bars, minutes),
    once<Made>(name: string, make: () => Promise<Made>) {
      if (!made.has(name)) made.set(name, make());
      return made.get(name) as Promise<Made>;
    },
    fullTraining: () => workshop.once('full', () => train(trainingOptions(workshop, 'full', { target: 'net' }))),
    close: () => rmSync(root, { recursive: true, force: true }),
  };
  return workshop;
}

/** By the bars that symbols have in common, as the simulated market does. */
export function firstMinutes(bars: ReadonlyMap<string, BarColumns>, minutes: number): Map<string, BarColumns> {
  const { time, length } = [...bars.values()][0]!;
  const end = minutes < length ? (time[minutes]! as OpenTime) : undefined;
  return new Map([...bars].map(([symbol, own]) => [symbol, clipBars(own, undefined, end)]));
}

/** Options of a training on the calling thread, in a folder of its own. */
export function trainingOptions(workshop: Workshop, folder: string, options: TinyModelOptions = {}): TrainOptions {
  const { settings } = workshop;
  const bars = workshop.firstBars(LEARNED_MINUTES);
  return tinyTraining(workshop.folder(folder), { settings, bars, ...options });
}
