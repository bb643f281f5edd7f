import { resolve } from 'node:path';
import type { Command } from 'commander';
import {
  directionFolder,
  isDirectionBundle,
  liveInstrumentSchema,
} from '../../../shared/bundle/direction/active_direction.ts';
import { readDirectionBundle } from '../../../shared/bundle/direction/direction_bundle.ts';
import { EARLIER_COSTS, type DirectionManifest } from '../../../shared/bundle/direction/direction_manifest.ts';
import { loadDirectionModel } from '../../../shared/bundle/direction/direction_model.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { timeframeOf } from '../../../shared/pair.ts';
import { isoMinute } from '../../../shared/bar.ts';
import { homePaths } from '../../../shared/home.ts';
import { believedFees } from '../../../shared/policy/believed_costs.ts';
import { loadSettings } from '../../../shared/policy/policy.ts';
import { parseSymbolList } from '../../../shared/policy/symbol_names.ts';
import { NO_SYMBOL_NAMES } from '../../../shared/symbol/symbol.ts';
import { biasLimits } from '../../../trainer/learning/strategies/direction/gates/bias_limits.ts';
import { countLook } from '../../../trainer/learning/backtest/holdout_looks.ts';
import { readInstruments } from '../../../trainer/jobs/bars/instruments.ts';
import {
  firstUnseen,
  evaluateDirection,
  rowsPerScore,
} from '../../../trainer/learning/strategies/direction/evaluate_direction.ts';
import { f1Floor } from '../../../trainer/learning/validate/quality_gate.ts';
import { bundleByName } from '../../bundle_name.ts';
import { parseCostBps } from '../../cost_option.ts';
import { evaluationLines } from './lines.ts';
import { joinedLine } from '../../series_folder.ts';
import { tellWhenInterrupted } from '../../interrupted.ts';
import type { Output } from '../../output.ts';
import { parsePeriod } from '../../period.ts';

export interface EvaluateFlags {
  readonly data?: string;
  readonly series?: string;
  readonly symbols?: string;
  readonly from?: string;
  readonly to?: string;
  readonly feeBps?: string;
  readonly slippageBps?: string;
  readonly seed: string;
}

export function addDirectionEvaluate(direction: Command, output: () => Output): void {
  direction
    .command('evaluate')
    .argument('<version or path>', 'a bundle of the direction model')
    .description(
      'measures a finished model on bars that it has not learned from: probabilities of each class with standard errors, and trades by its own threshold after costs, with the edge of each instrument and of all together (a false one in at most 5 % of cases, over all of them and all evaluations of the holdout, the same bars: each one with other trades counts)',
    )
    .option('--data <folder>', 'folder of bars (default: the bars of this installation)')
    .option(
      '--series <folder>',
      'folder of auxiliary series (default: `series` in the data folder, or those of this installation)',
    )
    .option('--symbols <list>', 'instruments (default: those of the bundle)')
    .option('--from <day>', 'first UTC day or minute (default: where the labels that it has learned from end)')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--fee-bps <x>', 'taker fee per fill (default: as in its training)')
    .option('--slippage-bps <x>', 'slippage per fill (default: as in its training)')
    .option('--seed <n>', 'of the interval of the log loss', '0')
    .action((name: string, flags: EvaluateFlags) => runEvaluate(directionBundle(name), flags, output()));
}

/** Folder of a direction bundle by its version or its path. @throws MinutehandError MODEL_MISSING */
function directionBundle(name: string): string {
  const folder = bundleByName([directionFolder(homePaths().models)], name);
  if (!isDirectionBundle(folder))
    throw new MinutehandError('MODEL_MISSING', { seen: name, expected: 'a bundle of the direction model' });
  return folder;
}

/** @throws MinutehandError as `loadDirectionModel`, `readInstruments` and `evaluateDirection` */
export async function runEvaluate(folder: string, flags: EvaluateFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const { manifest } = readDirectionBundle(folder);
  const model = await loadDirectionModel(folder, liveInstrumentSchema(manifest.timeframe), rowsPerScore);
  const period = parsePeriod(flags);
  const from = period.from ?? firstUnseen(manifest);
  const { taker_fee_bps, slippage_bps } = manifest.costs ?? EARLIER_COSTS;
  const asked = {
    takerFeeBps: flags.feeBps === undefined ? taker_fee_bps : parseCostBps(flags.feeBps, '--fee-bps'),
    slippageBps: flags.slippageBps === undefined ? slippage_bps : parseCostBps(flags.slippageBps, '--slippage-bps'),
  };
  // Of this installation, wherever the bundle is: the bars are what is looked at.
  const looks = homePaths().models;
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => ['Nothing was written.'] });
  try {
    const symbols =
      flags.symbols === undefined ? manifest.instruments : parseSymbolList(flags.symbols, '--symbols', NO_SYMBOL_NAMES);
    const timeframe = timeframeOf(manifest.timeframe);
    const costs = believedFees(symbols, asked, (text) => output.note(text));
    const source = {
      folder: flags.data ?? null,
      series: flags.series ?? null,
      symbols,
      timeframe,
      window: null,
      settings,
    };
    const instruments = await readInstruments(source, (done, total) => progress.update('reading bars', done, total));
    for (const { bars } of instruments)
      if (bars.joinedFrom !== undefined) output.line(joinedLine(bars.symbol, bars.joinedFrom, timeframe));
    const to = period.to ?? Infinity;
    const evaluation = await evaluateDirection({
      manifest,
      infer: model.infer.bind(model),
      novelty: model.novelty,
      noveltyMin: settings.core.novelty_min ?? undefined,
      instruments,
      from,
      to,
      costs,
      seed: flags.seed,
      f1Floor: f1Floor(settings, 'direction'),
      biasLimits: biasLimits(settings),
      countLook: ({ from: first, to: last, trades }) =>
        countLook(
          looks,
          { market: manifest.market ?? 'live', from: isoMinute(first), to: isoMinute(last), symbols },
          trades,
          { earlier: [directionFolder(looks)] },
        ),
    });
    progress.stop();
    for (const line of evaluationLines(evaluation, manifest)) output.line(line);
    const { net, edge, period: evaluated, inSample, look, ...figures } = evaluation;
    output.result({
      version: manifest.version,
      path: resolve(folder),
      trained: manifest.period,
      trained_on_period: inSample,
      period: { from: isoOf(evaluated.from), to: isoOf(evaluated.to) },
      evaluation_look: look?.number ?? null,
      edge_level: look?.level ?? null,
      ...figures,
      net: { ...net, edge },
      claimed: claimsOf(manifest),
    });
  } finally {
    progress.stop();
    await model.release();
  }
}

/** What the bundle claims from its training. */
function claimsOf({ edge, metrics }: DirectionManifest): object {
  return { net_bps: metrics.net_bps, edge };
}

function isoOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
