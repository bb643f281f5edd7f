import type { Logger } from 'pino';
import type { ModelSet } from '../../shared/bundle/model_set.ts';
import { openLog, type LogLevel, type OpenLog } from '../../shared/log/log.ts';
import type { SubjectBody } from '../../shared/signal/instrument_signal.ts';
import { isOverBudget } from '../metrics/budget.ts';
import type { BatchTiming } from '../publish/stopwatch.ts';
import { TRANSPORT_NAMES } from '../publish/transports.ts';

/** A published signal, as the pipeline reports it. */
export interface LoggedSignal {
  readonly body: SubjectBody;
  readonly seq: number;
}

export interface DaemonLogsOptions {
  /** Made when it is absent. */
  readonly folder: string;
  readonly level: LogLevel;
  readonly shard: string;
  /** `feed.budget_ms` */
  readonly budgetMs: number;
}

export interface DaemonLogs {
  /** `daemon_<shard>.log`: what happens, beside bars. */
  readonly events: Logger;
  /**
   * One line each in `signal_dispatch.log` and, when something was scored, `inference.log`; a third among the events
   * when the bar was over its budget. To be called when the signals are out, in the files and journaled.
   * @param set that scored the batch
   */
  batch(batch: readonly LoggedSignal[], timing: BatchTiming, set: ModelSet | null, bootId: string): void;
  /** Writes what waits at once, for a process that is about to end. */
  flush(): void;
  /** Resolves when every line is in its file or lost. */
  close(): Promise<void>;
  /** Lines that never came into their files. */
  lost(): number;
}

/** The daemon's three logs. All shards of a home share the two of the batches: each line names its shard. */
export function openDaemonLogs({ folder, level, shard, budgetMs }: DaemonLogsOptions): DaemonLogs {
  const openPlain = (name: string): OpenLog => openLog(folder, name, level, { shard }, true);
  const events = openLog(folder, `daemon_${shard}`, level);
  const inference = openPlain('inference');
  const dispatch = openPlain('signal_dispatch');
  const all = [events, inference, dispatch];
  const isWanted = dispatch.log.isLevelEnabled('info');
  return {
    events: events.log,
    batch(batch, timing, set, bootId) {
      if (isWanted) {
        dispatch.log.info(dispatchLine(batch, timing, bootId));
        const line = inferenceLine(batch, timing, set, bootId);
        if (line !== null) inference.log.info(line);
      }
      if (isOverBudget(batch, timing, budgetMs))
        events.log.warn({ bar: barsOf(batch), budget_ms: budgetMs, ...timing }, 'bar over budget');
    },
    flush() {
      for (const { flush } of all) flush();
    },
    async close() {
      await Promise.all(all.map(({ close }) => close()));
    },
    lost: () => all.reduce((sum, { lost }) => sum + lost(), 0),
  };
}

/** Published signals: each as `pair:seq:signal_id`, in full when it is not HOLD. */
function dispatchLine(batch: readonly LoggedSignal[], timing: BatchTiming, bootId: string): object {
  // One text, for a list of lists takes three times as long to write.
  let ids = '';
  const acted: SubjectBody[] = [];
  for (const { body, seq } of batch) {
    ids += `${ids === '' ? '' : ' '}${body.pair_id}:${seq}:${body.signal_id}`;
    if (body.action !== 'HOLD') acted.push(body);
  }
  return {
    boot_id: bootId,
    bar: barsOf(batch),
    signals: batch.length,
    answers: countAnswers(batch),
    ...handedTimes(timing),
    publish_us: tenths(timing.publish_us),
    file_us: tenths(timing.file_us),
    journal_us: tenths(timing.journal_us),
    acted: acted.length === 0 ? undefined : acted,
    ids,
  };
}

const HANDED_FIELDS = TRANSPORT_NAMES.map((name) => ({ name, field: `bar_to_${name}_us` }));

function handedTimes({ bar_to_us }: BatchTiming): Record<string, number | null> {
  const times: Record<string, number | null> = {};
  for (const { name, field } of HANDED_FIELDS) times[field] = tenths(bar_to_us[name]);
  return times;
}

/**
 * Counts of each `mode action reason`. The few there are in a bar are compared: a key for each signal takes
 * longer.
 */
function countAnswers(batch: readonly LoggedSignal[]): Record<string, number> {
  const kinds: { readonly body: SubjectBody; count: number }[] = [];
  let kind: (typeof kinds)[number] | undefined;
  const isLike = (a: SubjectBody, b: SubjectBody): boolean =>
    a.reason === b.reason && a.mode === b.mode && a.action === b.action;
  for (const { body } of batch) {
    if (kind === undefined || !isLike(kind.body, body)) {
      kind = kinds.find((each) => isLike(each.body, body));
      if (kind === undefined) kinds.push((kind = { body, count: 0 }));
    }
    kind.count++;
  }
  return Object.fromEntries(
    kinds.map(({ body: { mode, action, reason }, count }) => [`${mode} ${action} ${reason}`, count]),
  );
}

/** Models, engines and times of a scored batch; null when nothing was scored. */
function inferenceLine(
  batch: readonly LoggedSignal[],
  timing: BatchTiming,
  set: ModelSet | null,
  bootId: string,
): object | null {
  let ids = '';
  let pairs = 0;
  const returnProb = createRange();
  const riskScore = createRange();
  const positionScale = createRange();
  for (const { body } of batch) {
    if (body.return_prob === null) continue;
    pairs++;
    ids += `${ids === '' ? '' : ' '}${body.signal_id}`;
    returnProb.include(body.return_prob);
    riskScore.include(body.risk_score!);
    positionScale.include(body.position_scale!);
  }
  if (pairs === 0) return null;
  return {
    boot_id: bootId,
    bar: barsOf(batch),
    pairs,
    model_version: set?.version ?? null,
    engines: set?.engines ?? null,
    features_us: tenths(timing.features_us),
    infer_us: tenths(timing.infer_us),
    decide_us: tenths(timing.decide_us),
    shadow_us: tenths(timing.shadow_us),
    return_prob_min: returnProb.min,
    return_prob_max: returnProb.max,
    risk_score_min: riskScore.min,
    risk_score_max: riskScore.max,
    position_scale_min: positionScale.min,
    position_scale_max: positionScale.max,
    ids,
  };
}

/** Closes of the bars that are answered, with a blank between: one, but where a feed catches up. */
function barsOf(batch: readonly LoggedSignal[]): string {
  let last = '';
  let bars = '';
  for (const { body } of batch) {
    if (body.timestamp === last) continue;
    last = body.timestamp;
    if (!bars.includes(last)) bars += `${bars === '' ? '' : ' '}${last}`;
  }
  return bars;
}

interface Range {
  min: number;
  max: number;
  include(value: number): void;
}

function createRange(): Range {
  const range: Range = {
    min: Infinity,
    max: -Infinity,
    include(value) {
      if (value < range.min) range.min = value;
      if (value > range.max) range.max = value;
    },
  };
  return range;
}

/** To a tenth of a microsecond, which is below the precision of the clock. */
function tenths(us: number | null): number | null {
  return us === null ? null : Math.round(us * 10) / 10;
}
