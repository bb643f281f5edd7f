import type { Rounding } from './rounding.ts';
import type { BacktestBenchResult } from './backtest.ts';
import type { ArrivalResult, Pattern } from './end_to_end/arrival.ts';
import { STAGES } from './end_to_end/signal_stages.ts';
import type { EndToEndResult } from './end_to_end/end_to_end.ts';
import type { Transport } from './end_to_end/field.ts';
import type { Attribution, FloorPace, FloorResult } from './end_to_end/floor.ts';
import type { ProcessWork } from './end_to_end/process_work.ts';
import { BROWSERS_LIMIT, type BrowsersResult } from './end_to_end/browsers.ts';
import type { InstrumentsResult } from './end_to_end/instruments.ts';
import type { ProfileResult } from './end_to_end/profile.ts';
import { RETRAINING_LIMIT, type RetrainingResult } from './end_to_end/retraining.ts';
import type { ShardsResult } from './end_to_end/shards.ts';
import { soakFailure, type HeapTrend, type SoakResult } from './end_to_end/soak.ts';
import type { MemoryTrend, WeatherResult } from './end_to_end/weather.ts';
import type { EnginesResult } from './engines.ts';
import type { FeaturesResult } from './features.ts';
import type { FormulasResult } from './formulas.ts';
import type { SequencesResult } from './sequences.ts';
import type { GrowthPoint, GrowthResult } from './growth.ts';
import type { InferenceResult } from './inference.ts';
import type { Machine } from './machine.ts';
import type { BenchResult } from './parts.ts';
import type { Percentiles } from './percentiles.ts';
import type { EvolveBenchResult } from './evolve.ts';
import type { FirstStart } from './first_start.ts';
import type { Footprint } from './footprint.ts';
import type { QueueOverhead, QueueResult } from './queue.ts';
import type { SearchBenchResult } from './search.ts';
import type { SlopeRange } from './slope.ts';
import type { StationsResult } from './stations.ts';
import type { TrainerResult, TrainerRun } from './trainer.ts';
import type { WholeTraining, WholeTrainings } from './training.ts';

const TRANSPORT_NAMES: Readonly<Record<Transport, string>> = {
  file: 'file',
  redis: 'Redis',
  websocket: 'WebSocket',
};

/** The figures of a run for people, as Markdown; parts that were not run have no section. */
export function renderResult(result: BenchResult): string {
  const { machine } = result;
  const later = (result.again ?? []).map((run) => {
    const { cpus, cpu } = run.machine;
    const where = cpu === machine.cpu ? '' : `, ${cpus} × ${cpu}`;
    return ` ${run.parts.join(', ')}: ${whenRun(run.machine)}${where}.`;
  });
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const sections = [
    `Machine: ${machine.cpus} × ${machine.cpu}, ${machine.memory_gib} GiB, ${machine.platform}, Node ${machine.node}; ${versions.join(', ')}.
${whenRun(machine)}; signal files and journal on ${machine.temporary_files_on}.${later.join('')}
Nearest-rank percentiles: below 1,000 values p99.9 is the maximum.
`,
    result.end_to_end && endToEnd(result.end_to_end),
    result.shards && shards(result.shards),
    result.floor && floor(result.floor),
    result.profile && profile(result.profile),
    result.engines && engines(result.engines),
    result.arrival && arrival(result.arrival),
    result.instruments && instruments(result.instruments),
    result.swaps && weather(result.swaps),
    result.retraining && retraining(result.retraining),
    result.browsers && browsers(result.browsers),
    result.stations && stations(result.stations),
    result.inference && inference(result.inference),
    result.features && features(result.features),
    result.formulas && formulas(result.formulas),
    result.sequences && sequences(result.sequences),
    result.growth && growth(result.growth),
    result.rounding && rounding(result.rounding),
    result.soak && soak(result.soak),
    result.trainer && trainer(result.trainer),
    result.training && training(result.training),
    result.backtest && backtest(result.backtest),
    result.search && search(result.search),
    result.evolve && evolve(result.evolve),
    result.queue && queue(result.queue),
    result.footprint && footprint(result.footprint),
    result.first_start && firstStart(result.first_start),
  ];
  return compactTables(sections.filter((section) => section !== undefined).join('\n'));
}

const whenRun = ({ date, load_at_start }: Machine): string =>
  `${date.slice(0, 16).replace('T', ' ')} UTC, load ${load_at_start}`;

/** Removes padding from table cells. */
function compactTables(text: string): string {
  return text.replace(/^\|.*$/gm, (row) => cells(row).join('|'));
}

function cells(row: string): string[] {
  return row.split('|').map((cell) => cell.trim());
}

function endToEnd(results: readonly EndToEndResult[]): string {
  const rows = results.flatMap(({ pairs, models, gap_ms, minutes, transports }) =>
    Object.entries(transports).map(
      ([transport, t]) =>
        `| ${pairs} | ${models} | ${gap_ms === 0 ? 'back-to-back' : 'idle'} | ${TRANSPORT_NAMES[transport as Transport]} | ${minutes} | ` +
        `${ms(t.p50_us)}/${ms(t.p99_us)}/${ms(t.p999_us)}/${ms(t.max_us)} | ` +
        `${ms(t.null_p50_us)}/${ms(t.null_p99_us)}/${ms(t.null_p999_us)}/${ms(t.null_max_us)} | **${t.ratio_p50.toFixed(2)}** | **${t.ratio_p99.toFixed(2)}** |`,
    ),
  );
  return `## End to end

From sending a minute's bars of all symbols over WebSocket until a consumer process has all signals; milliseconds, p50/p99/p99.9/max.
The **null daemon** sends ready-made signals through the same server and publishers; both alternate, after ${results[0]?.warm_up_minutes} warm-up minutes. Back-to-back: the next minute follows when every consumer has the last one; idle: 2 s later. *file* is
\`signals.json\`, read after inotify. Minutes that Redis missed do not count${missedText(results)}. *trained* models learned the simulated market; *random* ones have 300 trees × 31 leaves.

| pairs | models | pace | transport | minutes | daemon | null daemon | ratio p50 | ratio p99 |
|---|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function floor({ pairs, request_bytes, answer_bytes, paces, attribution }: FloorResult): string {
  const row = (pace: FloorPace, name: string, own: Percentiles | null | undefined): string[] =>
    own === null || own === undefined
      ? []
      : [
          `| ${pace.gap_ms === 0 ? 'back-to-back' : `${pace.gap_ms} ms idle`} | ${name} | ${own.count} | ${whole(own.p50)}/${whole(own.p99)}/${whole(own.max)} | **${(own.p50 / pace.echo.p50).toFixed(1)}** |`,
        ];
  const rows = paces.flatMap((pace) => [
    ...row(pace, 'TCP echo', pace.echo),
    ...row(pace, 'Redis: SETs and PING', pace.redis_round_trip),
    ...row(pace, 'files: write and rename', pace.file_write),
    ...FLOOR_ROWS.flatMap((transport) => [
      ...row(pace, `null daemon, ${transport}`, pace.null_daemon[transport]),
      ...row(pace, `daemon, ${transport}`, pace.daemon[transport]),
    ]),
  ]);
  const works = paces.flatMap(({ gap_ms, null_daemon_work, daemon_work }) => [
    ...workRow(gap_ms, 'null daemon', null_daemon_work),
    ...workRow(gap_ms, 'daemon', daemon_work),
  ]);
  const work =
    works.length === 0
      ? ''
      : `
Work of the two processes per minute of bars, as the kernel counts it: microseconds on a processor, of which by thread; ready but without a processor; how often its threads slept, and were taken off their processor.

| pace | process | on a processor | by thread | waited | slept | preempted |
|---|---|---|---|---|---|---|
${works.join('\n')}
`;
  return `## Floor

${pairs} pairs: what the machine allows, beside daemon and null daemon in one run, in alternating blocks; microseconds, p50/p99/max, and p50 over that of the echo. *Echo*: ${request_bytes} bytes to another process and ${answer_bytes} bytes back by TCP, without any of our code. *All*: until the last transport has all signals.

| pace | what | round trips | p50/p99/max | × echo |
|---|---|---|---|---|
${rows.join('\n')}
${work}${attributionText(attribution)}`;
}

function attributionText({ daemon, null_daemon }: FloorResult['attribution']): string {
  const callsText =
    daemon.system_calls === null || null_daemon.system_calls === null
      ? ''
      : `
System calls per minute of bars, of all threads, counted by strace; without those below ${CALLS_LIMIT} a minute.

| call | daemon | null daemon |
|---|---|---|
${comparedRows(daemon.system_calls, null_daemon.system_calls, CALLS_LIMIT).join('\n')}
`;
  return `
Where the main threads spend this time, microseconds per minute of bars back to back: self time by package, folder of this project, or kind, from V8's sampling profiler, which makes both a little slower; without places below ${PLACE_LIMIT_US} µs.

${placesTable(daemon.places_us, null_daemon.places_us, PLACE_LIMIT_US)}
${callsText}`;
}

/** Both in microseconds. */
function placesTable(own: Attribution['places_us'], base: Attribution['places_us'], limit: number): string {
  const sum = (us: Attribution['places_us']): number => Object.values(us).reduce((total, one) => total + one, 0);
  return `| place | daemon | null daemon |
|---|---|---|
${comparedRows(own, base, limit).join('\n')}
| **sum** | **${whole(sum(own))}** | **${whole(sum(base))}** |`;
}

function profile({ pairs, minutes, daemon_us, null_daemon_us }: ProfileResult): string {
  const limit = PLACE_LIMIT_US * (pairs / 10);
  return `## Where the time of ${pairs.toLocaleString('en')} pairs goes

\`npm run bench -- --parts profile\`: main threads of daemon and null daemon, microseconds per minute of bars, means of ${minutes} minutes back to back, as in [Floor](#floor); without places below ${whole(limit)} µs.

${placesTable(daemon_us, null_daemon_us, limit)}
`;
}

/** Rows of what either has at least `limit` of, the daemon's largest first. */
function comparedRows(
  own: Readonly<Record<string, number>>,
  base: Readonly<Record<string, number>>,
  limit: number,
): string[] {
  return [...new Set([...Object.keys(own), ...Object.keys(base)])]
    .map((name) => ({ name, own: own[name] ?? 0, base: base[name] ?? 0 }))
    .filter((row) => Math.max(row.own, row.base) >= limit)
    .sort((a, b) => b.own - a.own || b.base - a.base)
    .map((row) => `| ${row.name} | ${row.own.toFixed(1)} | ${row.base.toFixed(1)} |`);
}

function workRow(gapMs: number, name: string, work: ProcessWork | null): string[] {
  if (work === null) return [];
  const threads = work.threads.map((one) => `${one.name} ${whole(one.cpu_us)}`).join(', ');
  return [
    `| ${gapMs === 0 ? 'back-to-back' : `${gapMs} ms idle`} | ${name} | ${whole(work.cpu_us)} | ${threads} | ${whole(work.waited_us)} | ${work.slept.toFixed(1)} | ${work.preempted.toFixed(1)} |`,
  ];
}

const PLACE_LIMIT_US = 2;
const CALLS_LIMIT = 0.1;
const FLOOR_ROWS = ['websocket', 'redis', 'file', 'all'] as const;
const whole = (us: number): string => String(Math.round(us));

const PATTERN_NAMES: Readonly<Record<Pattern, string>> = {
  together: 'together',
  trickle: 'trickle',
  burst: 'burst',
  burst_connections: 'connections',
  burst_stalls: 'stalls',
};

function arrival(results: readonly ArrivalResult[]): string {
  const rows = results.flatMap(({ pattern, minutes, transports }) =>
    Object.entries(transports).map(
      ([transport, { real, null: base, ...ratios }]) =>
        `| ${PATTERN_NAMES[pattern]} | ${TRANSPORT_NAMES[transport as Transport]} | ${minutes} | ${spread(real)} | ${spread(base)} | ` +
        `${withInterval(ratios.ratio_p50, ratios.ratio_p50_interval)} | **${ratios.ratio_p99.toFixed(2)}** | ${withInterval(ratios.ratio_p999, ratios.ratio_p999_interval)} |`,
    ),
  );
  return `## Arrival patterns

${results[0]?.pairs} pairs, trained models: each signal, from sending its later bar until a consumer has it; milliseconds, p50/p99/p99.9/max; intervals over turns, p50: 99 %, p99.9: 95 %.
The null daemon, which nothing keeps warm, awake or ahead of others, answers when both bars of a pair are there. 25 ms after the last minute, bars arrive *together* in a message; *trickle*: each symbol within 2 s; *burst*: one by one, gaps of 0–3 ms;
*connections*: one per symbol; *stalls*: a burst, the journal locked for 100 ms every 5 s.${stolenText(results)}

| bars | transport | minutes | daemon | null daemon | ratio p50 | ratio p99 | ratio p99.9 |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
${stages(results)}`;
}

function withInterval(ratio: number, interval: readonly number[]): string {
  return `**${ratio.toFixed(2)}** (${interval.map(bound).join('–')})`;
}

/** Sentence with the time that the hypervisor took. */
function stolenText(results: readonly ArrivalResult[]): string {
  const of = (kind: 'real' | 'null'): number =>
    results.reduce((sum, { stolen_ms }) => sum + (stolen_ms?.[kind] ?? 0), 0);
  return of('real') + of('null') === 0
    ? ''
    : ` Stolen by the hypervisor: ${of('real')} ms, from the null daemon ${of('null')}.`;
}

function stages(results: readonly ArrivalResult[]): string {
  const rows = results.flatMap(({ pattern, stages: ranks }) =>
    Object.entries(ranks ?? {}).map(([rank, { signals, total, collections, waited, ...by }]) => {
      const cells = [signals, ...[total, ...STAGES.map((stage) => by[stage]), collections, waited].map(us)];
      return `| ${PATTERN_NAMES[pattern]} | ${rank} | ${cells.join(' | ')} |`;
    }),
  );
  if (rows.length === 0) return '';
  return `
WebSocket, means in µs of p45–p55 and the slowest 1 %. *outside*: kernel, parsing, consumer; *queue*: loop turn; *publish*: envelope, socket; *GC*: of the total; *waited*: for a processor, in the minute.

| bars | rank | signals | total | ${STAGES.join(' | ')} | GC | waited |
|---|---|---|---|${STAGES.map(() => '---|').join('')}---|---|
${rows.join('\n')}
`;
}

function instruments({ symbols, timeframes, trees, minutes, hours, budget_ms }: InstrumentsResult): string {
  return `## Instruments

${symbols} symbols, each an instrument of ${timeframes.join(' and ')}, in one daemon; direction models of 3 × ${trees} random trees × 31 leaves. From sending the bars of all symbols in one message until a WebSocket client has all signals; milliseconds, p50/p99/p99.9/max. The budget is ${budget_ms} ms.

| the minute ends bars of | minutes | signals | ms |
|---|---|---|---|
| 1m | ${minutes.count} | ${symbols} | ${spread(minutes)} |
| ${timeframes.join(' and ')} | ${hours.count} | ${timeframes.length * symbols} | ${spread(hours)} |
`;
}

function bound(ratio: number): string {
  return Number.isFinite(ratio) ? ratio.toFixed(2) : '∞';
}

function missedText(results: readonly EndToEndResult[]): string {
  const missed = results.flatMap(({ pairs, transports }) =>
    Object.entries(transports)
      .filter(([, { missed, null_missed }]) => missed + null_missed > 0)
      .map(([, t]) => `${t.missed} and ${t.null_missed} (null) with ${pairs} pairs`),
  );
  return missed.length === 0 ? '; there was none' : `: ${missed.join(', ')}`;
}

function weather(results: readonly WeatherResult[]): string {
  const one = ({ pairs, pace_ms, minutes, swaps, training_runs, transports, memory }: WeatherResult): string => {
    const rows = Object.entries(transports).map(
      ([transport, t]) =>
        `| ${TRANSPORT_NAMES[transport as Transport]} | ${spread(t.real)} | ${t.real_over_20_ms} | ${t.null === null ? '–' : spread(t.null)} | ${t.null_over_20_ms ?? '–'} |`,
    );
    const training =
      training_runs === null ? '' : `, with \`minutehand train\` throughout (${training_runs} runs ended)`;
    return `${minutes} minutes of ${pairs} pairs, one each ${pace_ms} ms, ${swaps} hot swaps${training}. ${memoryText(memory)}

| transport | daemon, ms: p50/p99/p99.9/max | over 20 ms | null daemon | over 20 ms |
|---|---|---|---|---|
${rows.join('\n')}
`;
  };
  return `## While training and swapping

Random models of 300 trees, two bundles in turns.

${results.map(one).join('\n')}`;
}

function stations({
  pairs,
  minutes,
  warm_up_minutes,
  trees,
  engines,
  stations: by,
  bar_to_signal,
}: StationsResult): string {
  const row = (name: string, p: Percentiles): string =>
    `| ${name} | ${us(p.p50)} | ${us(p.p99)} | ${us(p.p999)} | ${us(p.max)} |`;
  const rows = Object.entries(by).map(([name, p]) => row(name, p));
  return `## Stations

${pairs} pairs, one process, ${minutes} minutes after ${warm_up_minutes} of warm-up; microseconds of the main thread per minute. Models of ${trees.join(', ')} trees × 31 leaves, trained, in ${[...new Set(engines)].join(', ')}. WebSocket (one client) and Redis: until the operating system has the signals, which ends *bar to signal*; file and journal follow.

| station | p50 | p99 | p99.9 | max |
|---|---|---|---|---|
${rows.join('\n')}
${row('**bar to signal**', bar_to_signal)}
`;
}

function inference({ engines, batches }: InferenceResult): string {
  const rows = batches.map(
    ({ rows: count, ours, onnxruntime, onnxruntime_defaults, ratio_p50, ratio_defaults_p50 }) =>
      `| ${count} | ${spreadUs(ours)} | ${spreadUs(onnxruntime)} | ${spreadUs(onnxruntime_defaults)} | **${ratio_p50.toFixed(1)}** | ${ratio_defaults_p50.toFixed(1)} |`,
  );
  const used = [...new Set(Object.values(engines))].join(', ');
  return `## Inference

Three models of 300 trees × 31 leaves, a batch of new rows; microseconds, p50/p99/p99.9/max. Ours: ${used}. onnxruntime-node gets one batched
call per model, by turns.

| rows | ours | onnxruntime-node, one thread | onnxruntime-node, defaults | × faster | than defaults |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function features({ costs, fastest_peer_ratio }: FeaturesResult): string {
  const rows = costs.map(
    ({ name, computes, p50_us, p99_us, p999_us, max_us, ratio_p50 }) =>
      `| ${name} | ${[p50_us, p99_us, p999_us, max_us].map(us).join('/')} | ${ratio_p50.toFixed(1)} | ${computes.split(':')[0]} |`,
  );
  return `## Features

One bar of one pair, microseconds, p50/p99/p99.9/max of samples of 50 bars. The libraries compute the common columns,
streaming, and get regression, spread and hedged return ready-made. The fastest library takes **${fastest_peer_ratio.toFixed(1)} ×** our time.

| | µs | × ours | what it computes |
|---|---|---|---|
${rows.join('\n')}
`;
}

function formulas(result: FormulasResult): string {
  const { polars, trading_signals, live, subjects } = result;
  const rows = [
    `| blocks, ${result.bars} bars × ${result.formulas} formulas | ${result.block_ns.toFixed(1)} |`,
    ...(polars === null ? [] : [`| polars ${polars.version}, one thread, the same bars | ${polars.ns.toFixed(1)} |`]),
    `| mean, ema, wma, rsi, atr: in blocks | ${trading_signals.block_ns.toFixed(1)} |`,
    `| the same, bar by bar | ${trading_signals.bar_ns.toFixed(1)} |`,
    `| trading-signals: SMA, EMA, WMA, RSI, ATR | ${trading_signals.peer_ns.toFixed(1)} |`,
  ];
  const compared =
    polars === null
      ? 'polars was not installed.'
      : `Against polars **${polars.ratio.toFixed(2)} ×** the time; values differ by at most ${polars.difference.toExponential(0)} (relative, at sampled bars; \`ema\` is defined otherwise there).`;
  const minute = ({ minute_us }: { readonly minute_us: Percentiles }): string =>
    `${us(minute_us.p50)} | ${us(minute_us.p99)} | ${us(minute_us.max)}`;
  return `## Formulas

Nanoseconds of processor time of a formula per bar. ${compared} Against trading-signals
**${trading_signals.block_ratio.toFixed(2)} ×** in blocks, ${trading_signals.bar_ratio.toFixed(2)} × bar by bar.

| | ns |
|---|---|
${rows.join('\n')}

Live, in blocks of one bar: microseconds that a minute of all subjects adds.

| | minute p50 | p99 | max |
|---|---|---|---|
| ${live.pairs} pairs × ${live.formulas} formulas | ${minute(live)} |
| ${subjects.subjects} pairs × ${subjects.formulas} formulas | ${minute(subjects)} |
${stationRows(live, minute)}${endToEndRows(live)}`;
}

function engines({ signals, signal_bytes, glibc, missing, engines: measured }: EnginesResult): string {
  const rows = measured.map(
    ({ engine, request_us }) => `| ${engine} | ${request_us.count} | ${spreadUs(request_us)} |`,
  );
  const library = typeof glibc === 'string' ? `, with glibc ${glibc}` : '';
  const absent = typeof missing === 'string' ? ` uWebSockets.js was not measured: ${missing}.` : '';
  return `## Server engines

From a request for ${signals} signals of ${signal_bytes} bytes until a WebSocket client has them (\`npm run bench -- --parts engines\`):
the server alone, in a process of its own, by turns${library}; microseconds, p50/p99/p99.9/max. [ADR 50](../adr/0050-one-build-of-the-engine.md) has the
choice.${absent}

| engine | requests | µs |
|---|---|---|
${rows.join('\n')}
`;
}

function sequences({ pairs, bars, without_us, with_us, infer_us, budget_us }: SequencesResult): string {
  return `## Sequences

Models that get the rows of the last ${bars} bars (\`npm run bench -- --parts sequences\`): ${pairs} pairs, one after the
other in one process, microseconds per minute, p50/p99/p99.9/max of ${infer_us.count} minutes. Models have to answer within
${Math.round(budget_us / 1000)} ms.

| | µs |
|---|---|
| station of features, bundle without a sequence | ${spreadUs(without_us)} |
| the same with the rows of a sequence, by turns | ${spreadUs(with_us)} |
| three GRU of 32 units, onnxruntime on one thread | ${spreadUs(infer_us)} |
`;
}

function stationRows(
  { pairs, formulas: count, station_us }: FormulasResult['live'],
  minute: (costs: { readonly minute_us: Percentiles }) => string,
): string {
  if (station_us === undefined) return '';
  return `| station of a daemon, ${pairs} pairs, bundle without formulas | ${minute({ minute_us: station_us.without })} |
| the same, with ${count} formulas as well | ${minute({ minute_us: station_us.with })} |
`;
}

function endToEndRows({ end_to_end }: FormulasResult['live']): string {
  if (end_to_end === undefined) return '';
  const { pairs, formulas: count, minutes, transports } = end_to_end;
  const rows = Object.entries(transports).map(
    ([transport, { without_p50_us, with_p50_us, without_p99_us, with_p99_us, ratio_p50 }]) =>
      `| ${transport} | ${us(without_p50_us)} | ${us(with_p50_us)} | ${ratio_p50.toFixed(2)} | ${us(without_p99_us)} | ${us(with_p99_us)} |`,
  );
  return `
Whole daemon, ${pairs} pairs, ${minutes} minutes, back to back: microseconds from bars in to signals out, of two daemons
by turns, with random models of one size. The bundle of one has ${count} formulas.

| | p50 without | p50 with | × | p99 without | p99 with |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function growth({ by_look_back, by_pairs }: GrowthResult): string {
  const row = (first: number, { minute_us, us_per_pair }: GrowthPoint): string =>
    `| ${first} | ${us_per_pair.toFixed(2)} | ${us(minute_us.p50)} | ${us(minute_us.p99)} | ${us(minute_us.max)} |`;
  const head = (name: string): string =>
    `| ${name} | µs per pair and bar, mean | minute p50 | p99 | max |\n|---|---|---|---|---|`;
  return `## Growth

Features alone, microseconds for a minute of all pairs. Look-back: bars of the longest window, ${by_look_back[0]?.pairs} pairs.

${head('look-back, bars')}
${by_look_back.map((point) => row(point.look_back, point)).join('\n')}

${head('pairs')}
${by_pairs.map((point) => row(point.pairs, point)).join('\n')}
`;
}

function rounding({ updates, looks, worst }: Rounding): string {
  return `## Rounding

After ${updates} updates, recomputed from the bars ${looks} times: greatest relative error of any column: ${worst.distance.toExponential(1)} (\`${worst.name}\`);
the bound is 1e-9.
`;
}

function soak(result: SoakResult): string {
  const { pairs, pace_ms, duration_ms, minutes, swaps, memory, heap, transports } = result;
  const rows = Object.entries(transports).map(
    ([transport, { first, last, all }]) =>
      `| ${TRANSPORT_NAMES[transport as Transport]} | ${spread(first)} | ${spread(last)} | ${spread(all)} |`,
  );
  const failed = soakFailure(result);
  return `## Soak

${minutes} minutes of ${pairs} pairs in ${(duration_ms / 60_000).toFixed(1)} min of wall clock, one each ${pace_ms} ms, ${swaps} hot swaps. ${memoryText(memory)}

${heapText(heap)} ${failed === null ? 'Passed.' : `**Failed:** ${failed}.`}

| transport | first minute, ms: p50/p99/p99.9/max | last minute | all |
|---|---|---|---|
${rows.join('\n')}
`;
}

function trainer({ rows, columns, rounds, leaves, missing, runs }: TrainerResult): string {
  const absent = Object.entries(missing).map(([engine, why]) => `${engine} was not measured: ${why}`);
  return `## Learning trees

One matrix of ${rows.toLocaleString('en')} × ${columns}, ${rounds} trees of ${leaves} leaves, binning included, the same parameters, by turns (+busy: beside a busy core). Ratios are medians; AUC on unseen rows.
${absent.map((line) => `\n${line}\n`).join('')}
| threads | engine | seconds | processor seconds | AUC | ours / theirs: time | processor time | AUC difference |
|---|---|---|---|---|---|---|---|
${runs.flatMap(trainerRows).join('\n')}
`;
}

function trainerRows({ threads, busy_core, fits, against }: TrainerRun): string[] {
  const list = (values: readonly number[]): string => values.map((value) => value.toFixed(2)).join('/');
  return fits.map(({ engine, seconds, cpu_seconds, auc }) => {
    const ratio = engine === 'lightgbm' || engine === 'xgboost' ? against[engine] : undefined;
    const compared =
      ratio === undefined
        ? '– | – | –'
        : `**${ratio.time_ratio.toFixed(2)}** | ${ratio.cpu_ratio.toFixed(2)} | ${ratio.auc_difference.toFixed(4)}`;
    const where = `${threads}${busy_core ? '+busy' : ''}`;
    return `| ${where} | ${engine} | ${list(seconds)} | ${list(cpu_seconds)} | ${auc.toFixed(4)} | ${compared} |`;
  });
}

function retraining({ pairs, pace_ms, minutes, without, ways }: RetrainingResult): string {
  const rows = Object.entries(without).flatMap(([name, base]) => {
    const transport = name as Transport;
    return [
      `| ${TRANSPORT_NAMES[transport]} | none | ${spread(base)} | | |`,
      ...ways.map(({ name: way, transports }) => {
        const { latencies, ratio_p50, ratio_p99 } = transports[transport]!;
        return `| | ${way} | ${spread(latencies)} | ${ratio_p50.toFixed(2)} | **${ratio_p99.toFixed(2)}** |`;
      }),
    ];
  });
  const [own] = ways;
  return `## While a full retrain runs

One daemon, ${pairs} pairs, a minute each ${pace_ms} ms, alternately without and with \`minutehand train\` (${own?.workers} ${own?.workers === 1 ? 'thread' : 'threads'}), ${minutes} minutes of
each; random models of 300 trees. The trainer starts its runs with ${own?.name}. Runs ended: ${ways.map(({ runs }) => runs).join()}. The p99 must stay within ${RETRAINING_LIMIT} of that without.

| transport | training | ms: p50/p99/p99.9/max | ratio p50 | ratio p99 |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

function browsers({ pairs, pace_ms, browsers: count, minutes, transports, events }: BrowsersResult): string {
  const rows = Object.entries(transports).map(([name, { without, with: loaded, p99_ratio }]) => {
    const [low, high] = p99_ratio.interval.map((ratio) => ratio.toFixed(2));
    return `| ${TRANSPORT_NAMES[name as Transport]} | ${spread(without)} | ${spread(loaded)} | **${p99_ratio.ratio.toFixed(2)}** (${low} to ${high}) |`;
  });
  return `## With open dashboards

One daemon, ${pairs} pairs, a minute each ${pace_ms} ms, in turns without and with ${count} event streams (${events} signals received) and \`minutehand train\`, ${minutes} minutes of each. The p99 must stay within
${BROWSERS_LIMIT} of that with neither; in brackets: 95 % over turns.

| transport | without, ms: p50/p99/p99.9/max | with | ratio p99 |
|---|---|---|---|
${rows.join('\n')}
`;
}

function backtest(result: BacktestBenchResult): string {
  const { pair, trees, station_bars, turns, stations: by, engine_us, features_by_engine, command } = result;
  const rows = Object.entries(by).map(([name, cost]) => `| ${name} | ${us(cost)} |`);
  const sum = Object.values(by).reduce((total, cost) => total + cost, 0);
  return `## Backtest

${pair} on the simulated market, models of ${trees} trees × 31 leaves. Processor microseconds per bar on one thread, medians of ${turns} turns over ${station_bars.toLocaleString('en')} bars. The feature engine alone takes **${us(engine_us)} µs** per bar in the
same run; the features of the backtest ${features_by_engine.toFixed(2)} × that. *decide* includes fills and costs, *equity* marks each trade to market at every close.

| station | µs per bar |
|---|---|
${rows.join('\n')}
| **sum** | ${us(sum)} |

\`minutehand backtest\` of ${command.bars.toLocaleString('en')} bars on ${command.threads} threads, elapsed: ${command.seconds.map((seconds) => seconds.toFixed(1)).join(', ')} s (${command.cpu_seconds === null ? '' : `${command.cpu_seconds.map((seconds) => seconds.toFixed(1)).join(', ')} s of the processor; `}${command.trades} trades), ${us(command.us_per_bar)} µs per bar, **${command.by_engine.toFixed(2)} ×** the engine alone on one thread.
`;
}

function search({ seeds, points, not_worse, us_per_trial }: SearchBenchResult): string {
  const rows = points.map(
    ({ objective, minimum, trials, ours, optuna, ours_random, optuna_random }) =>
      `| ${objective} | ${minimum.toFixed(3)} | ${trials} | ${bestValue(ours)} | ${bestValue(optuna)} | ${bestValue(ours_random)} | ${bestValue(optuna_random)} |`,
  );
  return `## Search

Best value found, medians of ${seeds} seeds. Optuna 5.0 at its defaults, measured once. Ours is not worse than its TPE at **${not_worse} of ${points.length}**; a trial
of ours takes ${us(us_per_trial)} µs.

| function | minimum | trials | ours, TPE | Optuna, TPE | ours, random | Optuna, random |
|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function evolve({ by_bars, by_rules, numpy }: EvolveBenchResult): string {
  const count = (value: number): string => Math.round(value).toLocaleString('en');
  const rows = [...by_bars, ...by_rules].map(
    (point) =>
      `| ${count(point.bars)} | ${count(point.rules)} | ${count(point.mean_trades)} | ${count(point.first_rules_per_second)} | ${count(point.rules_per_second)} |`,
  );
  const compared =
    numpy === null
      ? 'Not compared with numpy, which Python lacks here.'
      : `numpy ${numpy.version}, given the same conditions and exits (${count(numpy.bars)} bars, ${count(numpy.rules)} rules): ${count(numpy.rules_per_second)} rules per second, ours ${count(numpy.ours_rules_per_second)}, **${numpy.ratio.toFixed(1)} ×**; equal trades, net sums within ${numpy.difference.toExponential(0)}.`;
  return `## Evolve

\`npm run bench -- --parts evolve\`: rules per second of processor time on one thread, ${by_bars[0]!.conditions} conditions. First: from an empty evaluator, exits of bars computed as they are met.

| bars | rules | trades per rule | first, rules/s | then, rules/s |
|---|---|---|---|---|
${rows.join('\n')}

${compared}
`;
}

function queue({ embedded, bullmq }: QueueResult): string {
  const ms = (value: number): string => value.toFixed(2);
  const row = (name: string, own: QueueOverhead): string =>
    `| ${name} | ${[own.task_ms.p50, own.task_ms.p99, own.task_ms.max, own.enqueue_ms.p50, own.claim_ms.p50, own.complete_ms.p50, own.outcome_ms.p50].map(ms).join(' | ')} |`;
  const rows = [row('embedded', embedded), ...(bullmq === null ? [] : [row('BullMQ', bullmq)])];
  return `## Queue

\`npm run bench -- --parts queue\`: what the queue of a fleet adds to each fit, in ms: ${embedded.tasks.toLocaleString('en')} empty tasks one after the other, from the request to enqueue until the outcome is known. Steps are medians. The goal of the embedded queue is 2 ms.${bullmq === null ? ' BullMQ was not measured: no Redis server here.' : ''}

| queue | p50 | p99 | max | enqueue | claim | complete | outcome |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function shards({ pairs, minutes, budget_ms, runs }: ShardsResult): string {
  const rows = runs.flatMap(({ daemons, pairs: each, transports, resident_bytes }) =>
    Object.entries(transports).map(
      ([transport, times]) =>
        `| ${daemons} | ${each} | ${TRANSPORT_NAMES[transport as Transport]} | ${spread(times)} | ${(resident_bytes / 1e6).toFixed(0)} |`,
    ),
  );
  return `## Several daemons

\`npm run bench -- --parts shards\`: ${pairs.toLocaleString('en')} pairs in one daemon and in several (shards) on this machine, each with its own consumers and Redis, ${minutes} minutes back to back: from sending a minute's bars to all daemons until the last has delivered all its signals, milliseconds, p50/p99/p99.9/max. The budget is ${budget_ms} ms. Memory: resident, of all daemons, MB.

| daemons | pairs each | transport | ms | memory |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

function training({ runs, missing }: WholeTrainings): string {
  const [first] = runs;
  const absent = Object.entries(missing).map(([engine, why]) => `\n${engine} was not measured: ${why}\n`);
  const rows = runs.map(
    ({ engine, trials, seconds, cpu_seconds, peak_bytes, stages }) =>
      `| ${engine} | ${trials} | ${seconds.toFixed(0)} | ${cpu_seconds.toFixed(0)} | **${gigabytes(peak_bytes)}** | ${stagePeaks(stages)} |`,
  );
  return `## A whole training

\`npm run bench -- --parts training\`: ${first?.pairs ?? 0} pairs × ${(first?.minutes ?? 0).toLocaleString('en')} simulated minutes on ${first?.workers ?? 0} threads, from the stored bars to the bundle, nothing known before. Seconds elapsed and of processors; resident memory at its peak, and at most in each stage, GB.
${absent.join('')}
| engine | trials | seconds | of processors | GB | by stage |
|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(2);

function stagePeaks(stages: WholeTraining['stages']): string {
  return Object.entries(stages)
    .map(([stage, bytes]) => `${stage} ${gigabytes(bytes)}`)
    .join(', ');
}

function footprint(sizes: readonly Footprint[]): string {
  const megabytes = (bytes: number | null): string => (bytes === null ? '–' : (bytes / 1e6).toFixed(0));
  const kilobytes = (bytes: number): string => (bytes / 1e3).toFixed(0);
  const rows = sizes.map(
    (own) =>
      `| ${own.pairs} | ${own.minutes} | ${megabytes(own.daemon_idle_bytes)} | ${megabytes(own.daemon_bytes)} | ${megabytes(own.trainer_bytes)} | ${kilobytes(own.journal_bytes_per_pair_day)} | ${kilobytes(own.store_bytes_per_pair_day)} |`,
  );
  return `## Footprint

\`npm run bench -- --parts footprint\`: resident memory in MB: the daemon with warm features and models of 300 trees, the same after so many minutes, and the trainer that has stored their signals and has nothing else to do. Disk in kB for each pair and day of 1,440 minutes, before anything is deleted ([what bounds it](STORAGE.md)): journal with its write-ahead log, and store.

| pairs | minutes | daemon | then | trainer | journal | store |
|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function firstStart(starts: readonly FirstStart[]): string {
  const at = (seconds: number | undefined): string => (seconds === undefined ? '–' : seconds.toFixed(1));
  const rows = starts.map(
    ({ node, done_s, signals_s, silence_s, packages_mb }) =>
      `| ${node} | ${[done_s.packages, done_s.build, done_s.history, done_s.training].map(at).join(' | ')} | **${signals_s.toFixed(1)}** | ${silence_s.toFixed(1)} | ${packages_mb.toFixed(0)} |`,
  );
  return `## First start

\`npm run bench -- --parts first-start\`: \`npm start\` in a fresh copy of this project, until ten pairs have a signal with mode OK: seconds from the start until each stage is done, the longest time without a printed line, and the size of node_modules in MB.

| Node | packages | build | history | first training | ten signals | longest silence | packages |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}
`;
}

function bestValue(value: number): string {
  return Math.abs(value) < 0.1 ? value.toPrecision(2) : value.toFixed(3);
}

function memoryText({ first_mb, last_mb, slope_mb_per_hour, bytes_per_minute }: MemoryTrend): string {
  const byMinute =
    bytes_per_minute !== undefined && Number.isFinite(bytes_per_minute.low) ? `; ${boundedText(bytes_per_minute)}` : '';
  return `Resident memory of the daemon: ${first_mb.toFixed(0)} MB at first, ${last_mb.toFixed(0)} MB at last, least-squares slope ${slope_mb_per_hour.toFixed(1)} MB/hour without the first tenth${byMinute}.`;
}

function boundedText({ slope, low, high }: SlopeRange): string {
  return `${slope.toFixed(0)} bytes a minute without the first third (one-sided 99 % bounds ${low.toFixed(0)} and ${high.toFixed(0)}, over block means)`;
}

function heapText(trend: HeapTrend): string {
  const { collections, first_left_mb, last_left_mb, left_bytes_per_minute: left, pauses } = trend;
  const kinds = Object.entries(pauses).map(
    ([kind, { count, over_1_ms, ...us }]) =>
      `${count} ${kind}, ${spread({ count, ...us })} ms, ${over_1_ms} above 1 ms`,
  );
  return `After a major collection (${collections} of them; the first third does not count) ${first_left_mb.toFixed(1)} MB of heap and external memory are left at first, ${last_left_mb.toFixed(1)} MB at last: ${left.slope.toFixed(0)} bytes a minute (one-sided 99 % bounds ${left.low.toFixed(0)} and ${left.high.toFixed(0)}). ${trend.promoted_bytes_per_minute.toFixed(0)} bytes a minute reached the old generation; V8's own collections (p50/p99/p99.9/max): ${kinds.length === 0 ? 'none' : kinds.join('; ')}.`;
}

/** @param value null in a record read from JSON if it was not measured (NaN) */
function us(value: number | null): string {
  if (value === null || Number.isNaN(value)) return '–';
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}

function ms(valueUs: number | null): string {
  return valueUs === null || Number.isNaN(valueUs) ? '–' : (valueUs / 1000).toFixed(valueUs < 10_000 ? 2 : 1);
}

function spread({ p50, p99, p999, max }: Percentiles): string {
  return [p50, p99, p999, max].map(ms).join('/');
}

function spreadUs({ p50, p99, p999, max }: Percentiles): string {
  return [p50, p99, p999, max].map(us).join('/');
}
