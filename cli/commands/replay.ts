import type { Command } from 'commander';
import type { OpenTime } from '../../shared/bar.ts';
import { readBarFolder } from '../../shared/bar_file/bar_file.ts';
import { resolveBundle } from '../../shared/bundle/bundle.ts';
import {
  directionFolder,
  directionOpener,
  isDirectionBundle,
  liveInstrumentSchema,
  readActiveDirection,
} from '../../shared/bundle/direction/active_direction.ts';
import { isRuleBundle, readActiveRule, ruleOpener } from '../../shared/bundle/rule/active_rule.ts';
import { readRuleBundle } from '../../shared/bundle/rule/rule_bundle.ts';
import type { RuleModel } from '../../shared/bundle/rule/rule_model.ts';
import { readDirectionBundle } from '../../shared/bundle/direction/direction_bundle.ts';
import type { DirectionManifest } from '../../shared/bundle/direction/direction_manifest.ts';
import { loadDirectionModel, type DirectionModel } from '../../shared/bundle/direction/direction_model.ts';
import { windowsInUse } from '../../shared/bundle/bundle_windows.ts';
import { bundleInstrumentWindows, featureSchema } from '../../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../../shared/bundle/model_set.ts';
import { refuseUnservedFormulas } from '../../shared/bundle/served_formulas.ts';
import { otherSymbolsOf } from '../../shared/bar_file/other_bars.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { warmUpSeconds } from '../../shared/core/features/features.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { INSTRUMENT_WINDOWS, type InstrumentWindows } from '../../shared/core/features/instrument/definitions.ts';
import { instrumentWarmUp } from '../../shared/core/features/instrument/instrument_columns.ts';
import {
  barSecondsOf,
  isInstrument,
  parseSubject,
  symbolsOf,
  timeframeOf,
  type Pair,
  type Timeframe,
} from '../../shared/pair.ts';
import { homePaths } from '../../shared/home.ts';
import { withOwnNews } from '../../trainer/jobs/bars/installation_bars.ts';
import { withFolderSeries } from '../../trainer/jobs/bars/known_series.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { bootIdAt } from '../../shared/signal/boot_id.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { replayBars, replayJournal, type JournalReplaySummary } from '../../daemon/replay.ts';
import { endWithMissing, missingSubjects } from '../missing_subjects.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output } from '../output.ts';
import { openOutputFile } from '../../shared/output_file.ts';
import { addPairsOption, configuredSubjects, type PairsFlags } from '../pairs_option.ts';
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
      'a bundle, also of the direction model or a rule, or a folder of bundles (then the active one, else the newest); default: the models folder of this installation',
    )
    .option('--from <day>', 'first UTC day or minute to answer; up to 14 days before it are the warm-up')
    .option('--to <day>', 'UTC day or minute of the end');
  addPairsOption(replay, 'only these pairs or instruments, comma-separated (default: all configured ones with bars)')
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
      loadRule: ruleOpener(modelsFolder),
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
  const settings = await withOwnNews(loadSettings());
  const { minutehand } = settings;
  const { from = 0 as OpenTime, to = Infinity as OpenTime } = parsePeriod(flags);
  const modelsFolder = flags.models ?? homePaths().models;
  const own = isDirectionBundle(modelsFolder) ? readDirectionBundle(modelsFolder).manifest : null;
  const ownRule = isRuleBundle(modelsFolder) ? readRuleBundle(modelsFolder) : null;
  // What a rule reads of a direction model is that of the active one.
  const activeFolder = ownRule === null ? modelsFolder : homePaths().models;
  const asked = ownRule === null ? replayedSubjects(flags, settings, own) : [subjectOfRule(flags, settings, ownRule)];
  const instruments = asked.filter(isInstrument);
  const pairs = asked.filter((subject) => !isInstrument(subject));
  const windows =
    pairs.length === 0 || ownRule !== null ? minutehand.windows : windowsInUse(modelsFolder, minutehand.windows);
  const rules = ownRule !== null ? [ownRule] : own === null ? activeRules(modelsFolder, asked) : [];
  const windowsOf = (one: Pair): InstrumentWindows =>
    own === null ? directionWindows(activeFolder, one) : bundleInstrumentWindows(INSTRUMENT_WINDOWS, own);
  const progress = output.progress();
  tellWhenInterrupted({
    output,
    progress,
    kept: () => [flags.out === undefined ? 'Nothing was written.' : `${flags.out} was not written.`],
  });
  const others = pairs.length === 0 ? [] : otherSymbolsOf(windows);
  const read = await readBarFolder(data, [...new Set([...symbolsOf([...pairs, ...instruments]), ...others])], {
    from: (from -
      Math.max(
        warmUpSeconds(windows),
        ...rules.map(ruleWarmUpSeconds),
        ...instruments.map((one) => instrumentWarmUpSeconds(one, windowsOf(one))),
      )) as OpenTime,
    to,
    onProgress: ({ done, total }) => progress.update('reading bars', done, total),
  });
  const bars = await withFolderSeries(read, data);
  const hasBars = ({ a, b }: Pair): boolean => [a, b].every((symbol) => (bars.get(symbol)?.length ?? 0) > 0);
  const wanted = pairs.filter(hasBars);
  const alone = instruments.filter(hasBars);
  const pairIds = [...wanted, ...alone].map(({ id }) => id);
  if (pairIds.length === 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no bars of this period in ${data} for ${asked.map(({ id }) => id).join(', ')}`,
      expected: 'SYMBOL.csv or SYMBOL.csv.gz of both legs of a pair, or of an instrument',
    });
  const schema = featureSchema(minutehand.windows);
  const isRuled = ({ id }: Pair): boolean => rules.some(({ manifest }) => manifest.instrument === id);
  const isOfModels = !wanted.every(isRuled);
  const models = isOfModels ? await loadModelSet(resolveBundle(modelsFolder), schema, wanted.length) : null;
  if (models !== null) refuseUnservedFormulas(models.version, models.schema.windows, null);
  const directions =
    own === null ? await activeDirections(activeFolder, alone) : [await openDirection(modelsFolder, own, alone.length)];

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
    rules,
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
  await models?.release();
  for (const { set } of directions) await set.release();
  if (summary.minutes === 0) {
    file?.discard();
    throw new MinutehandError('DATA_MISSING', {
      seen: `no bars to answer in ${data} from ${flags.from ?? 'the first'} to ${flags.to ?? 'the last one'}`,
      next: 'A closed market has none; see the bars with `minutehand bars check <folder>`.',
    });
  }
  file?.close();
  const seconds = (performance.now() - startedMs) / 1000;
  output.line(
    `${summary.signals} signals of ${subjectsText(wanted.length, alone.length)} in ${summary.minutes} minutes (${summary.enters} ENTER, ${summary.exits} EXIT), ${modelsText(isOfModels ? (models?.version ?? 'none') : null, alone.length === 0 ? null : directionVersions(directions), rules)}, ${seconds.toFixed(1)} s${flags.out === undefined ? '' : `, written to ${flags.out}`}`,
  );
  output.line(`sha256 ${summary.sha256}`);
  const possible = asked.map(({ id }) => id);
  const named = { asked: flags.pairs === undefined ? undefined : possible, possible, done: pairIds };
  output.result({
    ...summary,
    pairs: pairIds,
    missing_pairs: missingSubjects(named),
    model_version: models?.version ?? null,
    rule_versions: Object.fromEntries(rules.map(({ manifest }) => [manifest.instrument, manifest.version])),
    direction_versions: Object.fromEntries(directions.map(({ timeframe, set }) => [timeframe, set.manifest.version])),
    seconds,
    out: flags.out ?? null,
  });
  endWithMissing({ ...named, reason: 'a symbol has no bars of this period' }, output);
}

/**
 * The subjects to replay: those that were named, or all configured ones; with a direction bundle only its instruments.
 * @throws MinutehandError PAIR_UNKNOWN, USAGE
 */
function replayedSubjects(flags: ReplayFlags, settings: Settings, own: DirectionManifest | null): Pair[] {
  const subjects = configuredSubjects(flags, settings).map(parseSubject);
  if (own === null) return subjects;
  const served = subjects.filter((subject) => isInstrument(subject) && barSecondsOf(subject) === own.timeframe);
  const timeframe = timeframeOf(own.timeframe);
  const other = flags.pairs === undefined ? undefined : subjects.find((subject) => !served.includes(subject));
  if (other === undefined && served.length > 0) return served;
  throw new MinutehandError('USAGE', {
    seen: `${other?.id ?? 'no configured instrument'} with the direction model ${own.version} of ${timeframe}`,
    expected: `instruments such as ${own.instruments[0]}@${timeframe}`,
    next: 'See instruments in config/minutehand.yaml; `minutehand direction evaluate` measures a bundle on any bars.',
  });
}

/** The subject of a rule. @throws MinutehandError PAIR_UNKNOWN, USAGE */
function subjectOfRule(flags: ReplayFlags, settings: Settings, { manifest }: RuleModel): Pair {
  const { version, instrument } = manifest;
  const subjects = configuredSubjects(flags, settings);
  const other = flags.pairs === undefined ? undefined : subjects.find((subject) => subject !== instrument);
  if (other === undefined && subjects.includes(instrument)) return parseSubject(instrument);
  throw new MinutehandError('USAGE', {
    seen: `${other ?? 'no configured subject'} with ${version}, the rule of ${instrument}`,
    expected: instrument,
    next: 'See pairs and instruments in config/minutehand.yaml.',
  });
}

/** `2 pairs and 1 instrument`. */
function subjectsText(pairs: number, instruments: number): string {
  const texts = [
    ...(pairs === 0 ? [] : [`${pairs} ${pairs === 1 ? 'pair' : 'pairs'}`]),
    ...(instruments === 0 ? [] : [`${instruments} ${instruments === 1 ? 'instrument' : 'instruments'}`]),
  ];
  return texts.join(' and ');
}

/** Versions of the models of both kinds of subjects, and of the rules; null: no subject is answered by such models. */
function modelsText(pairs: string | null, direction: string | null, rules: readonly RuleModel[]): string {
  const texts = [
    ...(pairs === null ? [] : [`models ${pairs}`]),
    ...(direction === null ? [] : [`direction ${direction}`]),
    ...rules.map(({ manifest }) => `rule ${manifest.version} of ${manifest.instrument}`),
  ];
  return texts.join(', ');
}

/** Bars of an instrument before the first answered one. */
function instrumentWarmUpSeconds(instrument: Pair, windows: InstrumentWindows): number {
  return (instrumentWarmUp(windows) + 1) * barSecondsOf(instrument);
}

/** The same of a rule. */
function ruleWarmUpSeconds(rule: RuleModel): number {
  const barSeconds = barSecondsOf(parseSubject(rule.manifest.instrument));
  return (rule.createFormulas(barSeconds).warmUpBars + 1) * barSeconds;
}

/** The windows of the active direction model of an instrument; without one, those of the hand-written features. */
function directionWindows(modelsFolder: string, instrument: Pair): InstrumentWindows {
  const active = readActiveDirection(modelsFolder, timeframeOf(barSecondsOf(instrument)));
  if (active === null) return INSTRUMENT_WINDOWS;
  const { manifest } = readDirectionBundle(pathInside(directionFolder(modelsFolder), active.version));
  return bundleInstrumentWindows(INSTRUMENT_WINDOWS, manifest);
}

/** The rules that are served for these subjects. */
function activeRules(modelsFolder: string, subjects: readonly Pair[]): RuleModel[] {
  const open = ruleOpener(modelsFolder);
  return subjects.filter(isInstrument).flatMap(({ id }) => {
    const active = readActiveRule(modelsFolder, id);
    return active === null ? [] : [open(active.version)];
  });
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

/** A direction bundle by its folder, active or not. */
async function openDirection(folder: string, manifest: DirectionManifest, maxRows: number): Promise<ActiveDirection> {
  const set = await loadDirectionModel(folder, liveInstrumentSchema(manifest.timeframe), maxRows);
  return { timeframe: timeframeOf(manifest.timeframe), set };
}

function directionVersions(directions: readonly ActiveDirection[]): string {
  return directions.map(({ set }) => set.manifest.version).join(', ') || 'none';
}
