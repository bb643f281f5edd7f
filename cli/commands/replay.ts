import type { Command } from 'commander';
import type { OpenTime } from '../../shared/bar.ts';
import { readBarFolder } from '../../shared/bar_file/bar_file.ts';
import { resolveBundle } from '../../shared/bundle/bundle.ts';
import { directionOpener, readActiveDirection } from '../../shared/bundle/direction/active_direction.ts';
import type { DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../../shared/bundle/model_set.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { warmUpSeconds } from '../../shared/core/features/features.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { INSTRUMENT_WINDOWS } from '../../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../../shared/core/features/instrument/instrument_features.ts';
import {
  barSecondsOf,
  parseInstrument,
  parsePair,
  symbolsOf,
  timeframeOf,
  type Pair,
  type Timeframe,
} from '../../shared/pair.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { bootIdAt } from '../../shared/signal/boot_id.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { replayBars, replayJournal, type JournalReplaySummary } from '../../daemon/replay.ts';
import { endWithMissing, missingSubjects } from '../missing_subjects.ts';
import type { Output } from '../output.ts';
import { openOutputFile } from '../output_file.ts';
import { addPairsOption, configuredPairs, type PairsFlags } from '../pairs_option.ts';
import { parsePeriod } from '../period.ts';
import { pathInside } from '../../shared/path_name.ts';

interface ReplayFlags extends PairsFlags {
  readonly data?: string;
  readonly journal?: string;
  readonly models?: string;
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
}

export function addReplay(program: Command, output: () => Output): void {
  const replay = program
    .command('replay')
    .description(
      'Feeds a folder of bars, minute by minute, through align → features → infer → decide and writes the signals (market "replay"). ' +
        'Prints sha256 over their deterministic part: the same bars, models and configuration give the same one. With --journal, what a daemon took in ' +
        '(bars, time-outs, swaps, boots) is fed back in its order, and every signal must come out as it was published, to the byte; exit code 1 if one does not. The daemon may run meanwhile.',
    )
    .option('--data <folder>', 'folder of SYMBOL.csv[.gz]')
    .option(
      '--journal <file>',
      'a daemon’s journal, such as var/live_main.db; --models names the folder of its bundles',
    )
    .option(
      '--models <folder>',
      'a bundle, or a folder of bundles (then the active one, else the newest); default: the models folder of this installation',
    )
    .option('--from <day>', 'first UTC day or minute to answer; up to 14 days before it are the warm-up')
    .option('--to <day>', 'UTC day or minute of the end');
  addPairsOption(replay, 'only these pairs, comma-separated (default: all configured pairs with bars)')
    .option('--out <file>', 'file to write the signals to, one JSON object per line')
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand replay --data ./m1 --models ./models --from 2019-03-01 --to 2019-04-01 --out signals.jsonl\n  minutehand replay --journal var/live_main.db',
    )
    .action((flags: ReplayFlags) => runReplay(flags, output()));
}

function runReplay(flags: ReplayFlags, output: Output): Promise<void> {
  if ((flags.data === undefined) === (flags.journal === undefined))
    throw new MinutehandError('USAGE', { seen: 'replay', expected: 'either --data <folder> or --journal <file>' });
  if (flags.data !== undefined) return runBars(flags.data, flags, output);
  if (flags.pairs !== undefined)
    throw new MinutehandError('USAGE', { seen: '--journal with --pairs', expected: 'all pairs of the journal' });
  return runJournal(flags.journal!, flags, output);
}

async function runJournal(path: string, flags: ReplayFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const { pairs, instruments, windows } = settings.minutehand;
  const modelsFolder = flags.models ?? homePaths().models;
  const { from = 0 as OpenTime, to = Number.MAX_SAFE_INTEGER as OpenTime } = parsePeriod(flags);
  const isPart = flags.from !== undefined || flags.to !== undefined;
  const schema = featureSchema(windows);
  const store = openJournal(path, { readOnly: true });
  const file = flags.out === undefined ? null : openOutputFile(flags.out);
  try {
    const summary = await replayJournal({
      settings,
      pairIds: [...pairs, ...instruments],
      clock: MACHINE_CLOCK,
      bootId: bootIdAt(MACHINE_CLOCK.nowMs()),
      store,
      ...(isPart && { period: { from, to } }),
      loadModels: (version) => loadModelSet(pathInside(modelsFolder, version), schema, pairs.length),
      loadDirection: directionOpener(modelsFolder, instruments.length),
      onSignals: (batch) => {
        for (const { text } of batch) file?.write(`${text}\n`);
      },
    });
    file?.close();
    show(summary, output);
  } catch (error) {
    file?.discard();
    throw error;
  } finally {
    store.close();
  }
}

function show(summary: JournalReplaySummary, output: Output): void {
  const { signals, enters, exits, equal, unanswered, differences, sha256 } = summary;
  const pending = unanswered === 0 ? '' : `, ${unanswered} whose bars are stored and not answered yet`;
  output.line(
    `${signals} signals (${enters} ENTER, ${exits} EXIT), ${equal} equal to the journal to the byte${pending}`,
  );
  for (const { pair_id, time, journal, replay } of differences)
    output.line(`DIFFERS ${pair_id} ${time}\n  journal ${journal}\n  replay  ${replay}`);
  output.line(`sha256 ${sha256}`);
  output.result(summary);
  if (differences.length === 0) return;
  output.note(
    'Compare version, configuration and bundles with those of the day; with the same ones this is a defect: report it with the journal.',
  );
  process.exitCode = 1;
}

async function runBars(data: string, flags: ReplayFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const { minutehand } = settings;
  const { from = 0 as OpenTime, to = Infinity as OpenTime } = parsePeriod(flags);
  const pairs = configuredPairs(flags, settings).map(parsePair);
  const instruments = flags.pairs === undefined ? minutehand.instruments.map(parseInstrument) : [];
  const progress = output.progress();
  const bars = await readBarFolder(data, symbolsOf([...pairs, ...instruments]), {
    from: (from - Math.max(warmUpSeconds(minutehand.windows), ...instruments.map(instrumentWarmUpSeconds))) as OpenTime,
    to,
    onProgress: ({ done, total }) => progress.update('reading bars', done, total),
  });
  const hasBars = ({ a, b }: Pair): boolean => [a, b].every((symbol) => (bars.get(symbol)?.length ?? 0) > 0);
  const wanted = pairs.filter(hasBars);
  const alone = instruments.filter(hasBars);
  const pairIds = [...wanted, ...alone].map(({ id }) => id);
  if (pairIds.length === 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no pair has both symbols with bars of this period in ${data}`,
    });
  const modelsFolder = flags.models ?? homePaths().models;
  const schema = featureSchema(minutehand.windows);
  const models = wanted.length === 0 ? null : await loadModelSet(resolveBundle(modelsFolder), schema, wanted.length);
  const directions = await activeDirections(modelsFolder, alone);

  const first = Math.min(...[...bars.values()].filter(({ length }) => length > 0).map(({ time }) => time[0]!));
  const last = Math.max(
    ...[...bars.values()].filter(({ length }) => length > 0).map(({ time, length }) => time[length - 1]!),
  );
  const file = flags.out === undefined ? null : openOutputFile(flags.out);
  const startedMs = performance.now();
  const work = replayBars({
    settings,
    pairIds,
    bars,
    models,
    directions,
    clock: MACHINE_CLOCK,
    bootId: bootIdAt(MACHINE_CLOCK.nowMs()),
    from,
    to,
    onSignals: (batch) => {
      for (const { text } of batch) file?.write(`${text}\n`);
    },
    onMinute: (time) => progress.update('replay', time - first, Math.max(1, last - first)),
  });
  const summary = await work.catch((error: unknown) => {
    file?.discard();
    throw error;
  });
  progress.stop();
  file?.close();
  await models?.release();
  const seconds = (performance.now() - startedMs) / 1000;
  output.line(
    `${summary.signals} signals of ${pairIds.length} pairs in ${summary.minutes} minutes (${summary.enters} ENTER, ${summary.exits} EXIT), models ${models?.version ?? directionVersions(directions)}, ${seconds.toFixed(1)} s${flags.out === undefined ? '' : `, written to ${flags.out}`}`,
  );
  output.line(`sha256 ${summary.sha256}`);
  const possible = [...minutehand.pairs, ...minutehand.instruments];
  const asked = { asked: flags.pairs, possible, done: pairIds };
  output.result({
    ...summary,
    pairs: pairIds,
    missing_pairs: missingSubjects(asked),
    model_version: models?.version ?? null,
    seconds,
    out: flags.out ?? null,
  });
  endWithMissing({ ...asked, reason: 'a symbol has no bars of this period' }, output);
}

/** Bars of an instrument before the first answered one. */
function instrumentWarmUpSeconds(instrument: Pair): number {
  const barSeconds = barSecondsOf(instrument);
  return (new InstrumentFeatures(INSTRUMENT_WINDOWS, barSeconds).warmupBars + 1) * barSeconds;
}

interface ActiveDirection {
  readonly timeframe: Timeframe;
  readonly set: DirectionModel;
}

/** The active direction models of the timeframes of these instruments, where there are any. */
async function activeDirections(modelsFolder: string, instruments: readonly Pair[]): Promise<ActiveDirection[]> {
  const open = directionOpener(modelsFolder, instruments.length);
  const timeframes = [...new Set(instruments.map((instrument) => timeframeOf(barSecondsOf(instrument))))];
  const found = await Promise.all(
    timeframes.map(async (timeframe): Promise<ActiveDirection[]> => {
      const active = readActiveDirection(modelsFolder, timeframe);
      return active === null ? [] : [{ timeframe, set: await open(active.version, timeframe) }];
    }),
  );
  return found.flat();
}

function directionVersions(directions: readonly ActiveDirection[]): string {
  return directions.map(({ set }) => set.manifest.version).join(', ') || 'none';
}
