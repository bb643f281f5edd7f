import { Option, type Command } from 'commander';
import type { EndToEndResult } from '../../bench/end_to_end/end_to_end.ts';
import { PARTS, type Part } from '../../bench/part_names.ts';
import type { CompareOptions } from '../../bench/compare/compare.ts';
import type { BenchResult } from '../../bench/parts.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import type { Output } from '../output.ts';
import { parseInteger } from '../period.ts';

const PART_CHOICES = [...PARTS, 'all'] as const;
const DEFAULT_SOAK = '10m';
const CHECKED_PAIRS = 10;
const DEFAULT_ROUNDS = 8;
const ROUND_MINUTES = 1000;
/** Share of the simulated worlds of the gates, up to 1. */
const GATES_SHARE = 0.05;

interface BenchFlags {
  readonly part?: (typeof PART_CHOICES)[number];
  readonly pairs?: string;
  readonly bundle?: string;
  readonly minutes?: string;
  readonly idle?: boolean;
  readonly soak?: string;
  readonly swaps?: string;
  readonly check?: boolean;
  readonly maxRatio?: string;
  readonly compare?: string;
  readonly saveBaseline?: string;
  readonly rounds?: string;
}

export function addBench(program: Command, output: () => Output): void {
  program
    .command('bench')
    .description(
      'Starts a daemon, a Redis server when redis-server is installed, and consumers in processes of their own, sends bars and times the signals, beside a null daemon that ' +
        'sends ready-made ones through the same publishers. The first run trains its models, which are kept in the temporary folder. Nothing of this installation is touched.',
    )
    .addOption(new Option('--part <name>', 'what to measure (default: end-to-end)').choices(PART_CHOICES))
    .option('--pairs <n>', 'number of pairs, up to 1035 (default: 10, 100 and 1000 in turn)')
    .option('--bundle <folder>', 'end to end with the models of this bundle (default: models of the bench)')
    .option('--minutes <n>', 'number of measured minutes of bars')
    .option('--idle', 'also end to end with 2 s of idle time before each minute')
    .option(
      '--soak <duration>',
      `run at an accelerated pace for 90s, 10m, 1h; means --part soak (default: ${DEFAULT_SOAK})`,
    )
    .option('--swaps <n>', 'hot swaps of a soak, or further ones after 100 during training (default: 0)')
    .option('--check', 'end to end with 10 pairs: exit code 1 when p99.9 exceeds feed.budget_ms, or p50 the ratio')
    .option('--max-ratio <n>', 'of --check: p50 against the null daemon, at most', '3')
    .option('--compare <before>', 'compare stations with a baseline file, or alternately with another built checkout')
    .option('--save-baseline <file>', 'write the stations of this build for a later --compare')
    .option('--rounds <n>', `of --compare and --save-baseline, a process each (default: ${DEFAULT_ROUNDS})`)
    .addHelpText(
      'after',
      `
With --json:
  {"machine": {…},
   "end_to_end": [{"pairs": 10, "models": "trained" | "random" | "<engine> (<version>)", "gap_ms": 0 | 2000, "minutes": n, "warm_up_minutes": n,
                   "transports": {"file" | "redis" | "websocket":
                     {"p50_us", "p99_us", "p999_us", "max_us", "null_p50_us", "null_p99_us", "null_p999_us", "null_max_us", "ratio_p50", "ratio_p99",
                      "missed", "null_missed"}}}],
   "floor" | "arrival" | "instruments" | "stations" | "inference" | "features" | "growth" | "rounding" | "trainer" | "search" | "evolve" | "backtest" | "swaps" | "retraining" | "browsers" | "soak": {…} for the parts that were asked for}

Examples:
  minutehand bench --pairs 10 --json
  minutehand bench --bundle models/20260101_0000   # what a bundle of yours costs, an ensemble for example
  minutehand bench --part inference
  minutehand bench --soak 10m`,
    )
    .action((flags: BenchFlags) => runBench(flags, output()));
}

async function runBench(flags: BenchFlags, output: Output): Promise<void> {
  const integer = (text: string | undefined, option: string, least: number): number | undefined =>
    text === undefined ? undefined : parseInteger(text, option, least);
  if (flags.bundle !== undefined && !partsOf(flags).includes('end-to-end'))
    throw new MinutehandError('USAGE', { seen: '--bundle', expected: 'the part end-to-end' });
  const pairs =
    integer(flags.pairs, '--pairs', 1) ??
    (flags.check === true || flags.bundle !== undefined ? CHECKED_PAIRS : undefined);
  const minutes = integer(flags.minutes, '--minutes', 1);
  const manySwaps = integer(flags.swaps, '--swaps', 0) ?? 0;
  if (flags.compare !== undefined || flags.saveBaseline !== undefined) {
    const rounds = integer(flags.rounds, '--rounds', 1) ?? DEFAULT_ROUNDS;
    return runRounds(flags, { rounds, minutes: minutes ?? ROUND_MINUTES, print: output.note }, output);
  }
  // Loading the whole daemon, the trainer and onnxruntime takes longer than most other commands do.
  const { parseDurationMs } = await import('../../bench/duration.ts');
  const soakMs = parseDurationMs(flags.soak ?? DEFAULT_SOAK);
  const { runParts } = await import('../../bench/parts.ts');
  const result = await runParts({
    parts: partsOf(flags),
    ...(pairs === undefined ? {} : { pairs }),
    ...(minutes === undefined ? {} : { minutes }),
    ...(flags.bundle === undefined ? {} : { bundle: flags.bundle }),
    idle: flags.idle === true,
    soakMs,
    manySwaps,
    share: GATES_SHARE,
    print: output.note,
  });
  await show(result, output);
  output.result(result);
  if (flags.check === true) checkLatency(result, Number(flags.maxRatio), output);
  if (result.soak === undefined) return;
  const { soakFailure } = await import('../../bench/end_to_end/soak.ts');
  const failure = soakFailure(result.soak);
  if (failure === null) return;
  output.note(`The soak failed: ${failure}.`);
  process.exitCode = 1;
}

/** Exit code 1 when signals are shown to be slower. */
async function runRounds(
  { compare, saveBaseline: file }: BenchFlags,
  options: Omit<CompareOptions, 'before'>,
  output: Output,
): Promise<void> {
  const { benchCompare, saveBaseline } = await import('../../bench/compare/compare.ts');
  if (file !== undefined) output.result(await saveBaseline(file, options));
  if (compare === undefined) return;
  const result = await benchCompare({ ...options, before: compare });
  if (!result.same_machine) output.note('The baseline is of another machine: no verdicts.');
  for (const [name, { ratio, low, high, verdict }] of Object.entries(result.stations)) {
    const interval = `${low.toFixed(2)} to ${Number.isFinite(high) ? high.toFixed(2) : '∞'}`;
    output.line(`${name.padEnd(14)} ${ratio.toFixed(3)} × before (${interval})  ${verdict ?? 'another machine'}`);
  }
  output.result(result);
  if (result.stations['bar_to_signal']?.verdict === 'slower') process.exitCode = 1;
}

function checkLatency({ end_to_end = [] }: BenchResult, maxRatio: number, output: Output): void {
  if (!(maxRatio > 0)) throw new MinutehandError('USAGE', { seen: '--max-ratio', expected: 'a number above 0' });
  const failures = latencyFailures(end_to_end, loadSettings().minutehand.feed.budget_ms, maxRatio);
  for (const failure of failures) output.note(`The check failed: ${failure}.`);
  if (failures.length > 0) process.exitCode = 1;
}

/** Figures that exceed the budget or the ratio, in words. */
export function latencyFailures(runs: readonly EndToEndResult[], budgetMs: number, maxRatio: number): string[] {
  if (runs.length === 0) return ['nothing was measured'];
  return runs.flatMap(({ pairs, transports }) =>
    Object.entries(transports).flatMap(([name, { p999_us, ratio_p50 }]) => [
      ...(p999_us > budgetMs * 1000 ? [`${pairs} pairs, ${name}: p99.9 ${p999_us / 1000} ms > ${budgetMs} ms`] : []),
      ...(ratio_p50 > maxRatio
        ? [`${pairs} pairs, ${name}: p50 ${ratio_p50.toFixed(2)} × null daemon > ${maxRatio}`]
        : []),
    ]),
  );
}

function partsOf({ part, soak, swaps }: BenchFlags): readonly Part[] {
  if (part === 'all') return PARTS;
  if (part !== undefined) return [part];
  if (soak !== undefined) return ['soak'];
  return [swaps === undefined ? 'end-to-end' : 'swaps'];
}

async function show(result: BenchResult, output: Output): Promise<void> {
  if (output.json) return;
  for (const run of result.end_to_end ?? []) showEndToEnd(run, output);
  const { end_to_end, ...others } = result;
  void end_to_end;
  if (Object.keys(others).length === 1) return;
  const { renderResult } = await import('../../bench/report.ts');
  output.line(renderResult(others));
}

function showEndToEnd({ pairs, models, gap_ms, minutes, transports }: EndToEndResult, output: Output): void {
  output.line(
    `${pairs} pairs, ${models} models, ${gap_ms === 0 ? 'back to back' : `${gap_ms} ms idle before each`}, ${minutes} minutes; microseconds`,
  );
  output.line('                 p50      p99    p99.9      max   null p50  null p99   ratio p50  ratio p99');
  const cell = (value: number, width: number, digits = 0): string => value.toFixed(digits).padStart(width);
  for (const [name, t] of Object.entries(transports))
    output.line(
      `  ${name.padEnd(10)}${cell(t.p50_us, 8)} ${cell(t.p99_us, 8)} ${cell(t.p999_us, 8)} ${cell(t.max_us, 8)}   ${cell(t.null_p50_us, 8)}  ${cell(t.null_p99_us, 8)}   ` +
        `${cell(t.ratio_p50, 9, 2)}  ${cell(t.ratio_p99, 9, 2)}`,
    );
}
