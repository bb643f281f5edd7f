import type { Command } from 'commander';
import type { OpenTime } from '../../shared/bar.ts';
import { readBarFolder } from '../../shared/bar_file/bar_file.ts';
import { resolveBundle } from '../../shared/bundle/bundle.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { loadModelSet } from '../../shared/bundle/model_set.ts';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/policy/home.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { replay } from '../../daemon/feed/replay.ts';
import type { Output } from '../output.ts';
import { openOutputFile } from '../output_file.ts';
import { parsePeriod } from '../period.ts';

/** Bars before --from that warm the features: enough for every window, weekends and sparse symbols included. */
const WARM_UP_SECONDS = 14 * 86_400;

interface ReplayFlags {
  readonly data: string;
  readonly models?: string;
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
  readonly pair?: string[];
}

export function addReplay(program: Command, output: () => Output): void {
  program
    .command('replay')
    .summary('run bar files through the very pipeline of the daemon')
    .description(
      'Feeds a folder of bars, minute by minute, through align → features → infer → decide and writes the signals (market "replay"). ' +
        'Prints sha256 over their deterministic part: the same bars, models and configuration give the same one.',
    )
    .requiredOption('--data <folder>', 'folder of SYMBOL.csv[.gz]')
    .option(
      '--models <folder>',
      'a bundle, or a folder of bundles (then the active one, else the newest); default: the models folder of this installation',
    )
    .option('--from <day>', 'first UTC day or minute that is answered; up to 14 days before it warm the features')
    .option('--to <day>', 'UTC day or minute at which it ends')
    .option('--pair <ids...>', 'only these pairs (default: all configured pairs whose symbols are there)')
    .option('--out <file>', 'write the signals there, one JSON object per line')
    .addHelpText(
      'after',
      '\nExample:\n  minutehand replay --data ./m1 --models ./models --from 2019-03-01 --to 2019-04-01 --out signals.jsonl',
    )
    .action((flags: ReplayFlags) => runReplay(flags, output()));
}

async function runReplay(flags: ReplayFlags, output: Output): Promise<void> {
  const settings = loadSettings();
  const { minutehand } = settings;
  const { from = 0 as OpenTime, to = Infinity as OpenTime } = parsePeriod(flags);
  const unknown = flags.pair?.find((id) => !minutehand.pairs.includes(id));
  if (unknown !== undefined) throw new MinutehandError('PAIR_UNKNOWN', { seen: unknown });
  const wanted = flags.pair ?? minutehand.pairs;
  const progress = output.progress();
  const bars = await readBarFolder(flags.data, [...new Set(wanted.flatMap((id) => id.split('_')))], {
    from: (from - WARM_UP_SECONDS) as OpenTime,
    to,
    onProgress: ({ done, total }) => progress.update('reading bars', done, total),
  });
  const pairIds = wanted.filter((id) => id.split('_').every((symbol) => (bars.get(symbol)?.length ?? 0) > 0));
  if (pairIds.length === 0)
    throw new MinutehandError('DATA_MISSING', {
      seen: `no pair has both symbols with bars of this period in ${flags.data}`,
    });
  const models = await loadModelSet(
    resolveBundle(flags.models ?? homePaths().models),
    featureSchema(minutehand.windows),
    pairIds.length,
  );

  const first = Math.min(...[...bars.values()].filter(({ length }) => length > 0).map(({ time }) => time[0]!));
  const last = Math.max(
    ...[...bars.values()].filter(({ length }) => length > 0).map(({ time, length }) => time[length - 1]!),
  );
  const file = flags.out === undefined ? null : openOutputFile(flags.out);
  const startedMs = performance.now();
  const work = replay({
    settings,
    pairIds,
    bars,
    models,
    clock: MACHINE_CLOCK,
    bootId: new Date().toISOString().replace(/[-:.]/g, ''),
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
  await models.release();
  const seconds = (performance.now() - startedMs) / 1000;
  output.line(
    `${summary.signals} signals of ${pairIds.length} pairs in ${summary.minutes} minutes (${summary.enters} ENTER, ${summary.exits} EXIT), models ${models.version}, ${seconds.toFixed(1)} s${flags.out === undefined ? '' : `, written to ${flags.out}`}`,
  );
  output.line(`sha256 ${summary.sha256}`);
  output.result({ ...summary, pairs: pairIds, model_version: models.version, seconds, out: flags.out ?? null });
}
