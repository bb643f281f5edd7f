import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import type { Metric, Sample } from '../../../shared/metrics/metric.ts';
import type { DependencyWatch } from '../../../shared/dependencies/watch.ts';
import type { Skill } from '../../../shared/bundle/manifest.ts';
import type { StandingOverride } from '../admission/standing.ts';
import type { MonitorStatus } from '../monitor/monitor.ts';
import { isSkipped } from '../../learning/profile/part.ts';
import type { MonitorReport } from '../monitor/report.ts';
import { DIFFERENCE_FAULT_MS, type FleetView } from '../../jobs/fleet/fleet_view.ts';
import type { LearnerTasks, TaskTotals } from '../../jobs/fleet/task_queue.ts';
import { SEVERITIES } from '../../store/schema/events.ts';
import type { Notifications } from '../notify/notifications.ts';
import type { RetrainRun } from '../schedule/run.ts';

/** Source of the trainer's metrics. */
export interface TrainerMetricsSource {
  /** Newest first. */
  runs(): readonly RetrainRun[];
  monitor(): MonitorStatus;
  /** Of AI1 of the active bundle; null without one, or where it was not measured. */
  skill(): Skill | null;
  /** Runs queued in the store; null when it cannot be read. */
  queued(): Promise<number | null>;
  /** null when the outbox cannot be read. */
  outbox(): ReturnType<Notifications['counts']>;
  isWell(): boolean;
  /** Each checked dependency and whether it is well. */
  dependencies(): DependencyWatch['states'];
  /** Models in use although gates failed. */
  overrides(): readonly StandingOverride[];
  /** As the last check has seen it; null: there is none, or it does not answer. */
  fleet(): FleetView | null;
}

const MS_PER_SECOND = 1000;

/** Every metric of a trainer. */
export const TRAINER_METRICS: readonly Metric<TrainerMetricsSource>[] = [
  {
    name: 'retrain_duration',
    type: 'gauge',
    help: 'The same as minutehand_retrain_duration_seconds.',
    read: (source) => lastDuration(source),
  },
  {
    name: 'minutehand_retrain_duration_seconds',
    type: 'gauge',
    help: 'Time of the last finished training run.',
    read: (source) => lastDuration(source),
  },
  {
    name: 'minutehand_retrain_runs',
    type: 'gauge',
    labels: ['kind', 'status'],
    help: 'The newest training runs, at most 50.',
    read: (source) => countedBy(source.runs(), ({ kind, status }) => [kind, status]),
  },
  {
    name: 'minutehand_retrain_ended_seconds',
    type: 'gauge',
    labels: ['status'],
    help: 'End of the last run of each outcome, epoch seconds.',
    read: (source) => lastEnds(source.runs()),
  },
  {
    name: 'minutehand_retrain_progress',
    type: 'gauge',
    help: 'Progress of the active training run, 0 to 1; absent without one.',
    read: (source) => {
      const running = source.runs().find(({ status }) => status === 'running');
      return running === undefined ? null : running.percent / 100;
    },
  },
  {
    name: 'minutehand_retrain_queue',
    type: 'gauge',
    help: 'Waiting training runs.',
    read: (source) => source.queued(),
  },
  {
    name: 'minutehand_gate_passed',
    type: 'gauge',
    labels: ['gate'],
    help: '1 for each gate that the last trained bundle passed, else 0.',
    read: (source) => gatesOf(source.runs()),
  },
  {
    name: 'minutehand_models_despite_gates',
    type: 'gauge',
    help: 'Models in use although gates failed or have no verdict: active, challenger or direction.',
    read: (source) => source.overrides().length,
  },
  {
    name: 'minutehand_model_skill',
    type: 'gauge',
    labels: ['figure'],
    help: 'AI1 of the active bundle on its holdout: auc, placebo_auc, their difference skill, its standard_error and lower_95.',
    read: (source) => skillFigures(source.skill()),
  },
  {
    name: 'minutehand_drift_psi',
    type: 'gauge',
    labels: ['feature'],
    help: 'Population stability index of each feature, live against training.',
    read: (source) => features(source.monitor(), ({ psi }) => psi),
  },
  {
    name: 'minutehand_drift_mean_shift',
    type: 'gauge',
    labels: ['feature'],
    help: 'Shift of each feature’s mean, in standard deviations of training.',
    read: (source) => features(source.monitor(), ({ shift }) => shift),
  },
  {
    name: 'minutehand_monitor_findings',
    type: 'gauge',
    help: 'Exceeded limits of drift and performance.',
    read: (source) => reportOf(source.monitor())?.findings.length ?? null,
  },
  {
    name: 'minutehand_monitor_age_seconds',
    type: 'gauge',
    help: 'Time since the monitor’s last check; absent before the first.',
    read: (source) => ageSeconds(source.monitor().looked_at),
  },
  {
    name: 'minutehand_kpi_win_rate',
    type: 'gauge',
    labels: ['pair_id'],
    help: 'Win rate of the last trades; pair_id all is all pairs.',
    read: (source) => kpis(source.monitor(), ({ win_rate }) => win_rate),
  },
  {
    name: 'minutehand_kpi_drawdown',
    type: 'gauge',
    labels: ['pair_id'],
    help: 'Drawdown of the last trades, as a fraction of gross notional.',
    read: (source) => kpis(source.monitor(), ({ drawdown }) => drawdown),
  },
  {
    name: 'minutehand_kpi_refusal_rate',
    type: 'gauge',
    labels: ['pair_id'],
    help: 'Share that AI2 refused of the entry candidates that reached it.',
    read: (source) => kpis(source.monitor(), ({ refusal_rate }) => refusal_rate),
  },
  {
    name: 'minutehand_alerts_open',
    type: 'gauge',
    labels: ['severity'],
    help: 'Open alerts.',
    read: async (source) => {
      const counts = await source.outbox();
      if (counts === null) return null;
      return SEVERITIES.map((severity) => [severity, counts.open.find((one) => one.severity === severity)?.count ?? 0]);
    },
  },
  {
    name: 'minutehand_notifications',
    type: 'gauge',
    labels: ['channel', 'status'],
    help: 'Notifications of the outbox.',
    read: async (source) =>
      (await source.outbox())?.deliveries.map(({ channel, status, count }) => [[channel, status], count]) ?? null,
  },
  {
    name: 'minutehand_fleet_tasks',
    type: 'gauge',
    labels: ['learner', 'state'],
    help: 'Tasks in the queue of the fleet (fits; generations of rules as learner evolve): waiting, running, failed.',
    read: (source) =>
      tasksOf(source, ({ learner, ...tasks }) =>
        (['waiting', 'running', 'failed'] as const).map((state) => [[learner, state], tasks[state]]),
      ),
  },
  {
    name: 'minutehand_fleet_retries',
    type: 'gauge',
    help: 'Tasks of the fleet that have failed and wait for their next attempt; a hundred at most.',
    read: (source) => source.fleet()?.retries.length ?? null,
  },
  {
    name: 'minutehand_fleet_unclaimed',
    type: 'gauge',
    help: 'Waiting tasks of the fleet that no worker can do: memory, cores, GPU or learner are nowhere; any is an alarm.',
    read: (source) => source.fleet()?.unclaimed.reduce((sum, { waiting }) => sum + waiting, 0) ?? null,
  },
  {
    name: 'minutehand_fleet_tasks_total',
    type: 'counter',
    labels: ['learner', 'outcome'],
    help: 'Tasks of the fleet: finished by workers, given_up, retried, and known because their result was there; attempts that were over_memory or over_time, and those with child_lost.',
    read: (source) =>
      tasksOf(source, ({ learner, totals }) => TASK_OUTCOMES.map((outcome) => [[learner, outcome], totals[outcome]])),
  },
  {
    name: 'minutehand_fleet_fit_seconds_total',
    type: 'counter',
    labels: ['learner'],
    help: 'Wall time of workers for tasks that they have finished.',
    read: (source) => tasksOf(source, ({ learner, totals }) => [[learner, totals.seconds]]),
  },
  {
    name: 'minutehand_fleet_workers',
    type: 'gauge',
    labels: ['build'],
    help: 'Workers heard of within a minute: of the same build as the trainer that enqueued last, or another.',
    read: (source) => {
      const workers = source.fleet()?.workers;
      if (workers === undefined) return null;
      const others = workers.filter(({ isOtherBuild }) => isOtherBuild).length;
      return [
        ['same', workers.length - others],
        ['other', others],
      ];
    },
  },
  {
    name: 'minutehand_fleet_slots',
    type: 'gauge',
    help: 'Tasks that these workers do at the same time.',
    read: (source) => source.fleet()?.workers.reduce((sum, { slots }) => sum + slots, 0) ?? null,
  },
  {
    name: 'minutehand_fleet_differences',
    type: 'gauge',
    help: 'Tasks of which two workers made different results in the last day; any is an alarm.',
    read: (source) => source.fleet()?.differences.filter(({ agoMs }) => agoMs < DIFFERENCE_FAULT_MS).length ?? null,
  },
  {
    name: 'minutehand_dependency_up',
    type: 'gauge',
    labels: ['dependency'],
    help: '1 while a checked dependency is well, else 0.',
    read: ({ dependencies }) => dependencies().map(([name, isWell]) => [name, isWell ? 1 : 0] as const),
  },
  {
    name: 'minutehand_watch_well',
    type: 'gauge',
    help: '1 while daemons, feeds and disk are healthy, else 0.',
    read: (source) => (source.isWell() ? 1 : 0),
  },
];

const TASK_OUTCOMES = [
  'finished',
  'given_up',
  'retried',
  'known',
  'over_memory',
  'over_time',
  'child_lost',
] as const satisfies readonly (keyof TaskTotals)[];

function tasksOf(source: TrainerMetricsSource, read: (tasks: LearnerTasks) => readonly Sample[]): Sample[] | null {
  return source.fleet()?.tasks.flatMap(read) ?? null;
}

function skillFigures(skill: Skill | null): [string, number][] | null {
  if (skill === null) return null;
  return (['auc', 'placebo_auc', 'skill', 'standard_error', 'lower_95'] as const).flatMap((figure) => {
    const value = skill[figure];
    return value === null ? [] : [[figure, value]];
  });
}

function lastDuration(source: TrainerMetricsSource): number | null {
  const last = source.runs().find(({ duration_ms }) => duration_ms !== null);
  return last === undefined ? null : last.duration_ms! / MS_PER_SECOND;
}

function countedBy(runs: readonly RetrainRun[], labelsOf: (run: RetrainRun) => readonly string[]): Sample[] {
  const counts = new Map<string, { labels: readonly string[]; count: number }>();
  for (const run of runs) {
    const labels = labelsOf(run);
    const known = counts.get(labels.join()) ?? { labels, count: 0 };
    counts.set(labels.join(), { labels, count: known.count + 1 });
  }
  return [...counts.values()].map(({ labels, count }) => [labels, count]);
}

function lastEnds(runs: readonly RetrainRun[]): Sample[] {
  const ends = new Map<string, number>();
  for (const { status, finished_at } of runs)
    if (finished_at !== null && !ends.has(status)) ends.set(status, Date.parse(finished_at) / MS_PER_SECOND);
  return [...ends];
}

function gatesOf(runs: readonly RetrainRun[]): Sample[] {
  const gates = runs.find(({ gate }) => gate !== null)?.gate ?? [];
  return gates.map((gate) => [keyOf(gate), gate.passed ? 1 : 0]);
}

function reportOf({ report }: MonitorStatus): MonitorReport | null {
  return report === null || 'skipped' in report ? null : report;
}

type Feature = Extract<MonitorReport['drift'], { readonly features: unknown }>['features'][number];

function features(status: MonitorStatus, read: (feature: Feature) => number | null): Sample[] {
  const report = reportOf(status);
  if (report === null || isSkipped(report.drift)) return [];
  return report.drift.features.flatMap((feature) => sample(feature.name, read(feature)));
}

function kpis(status: MonitorStatus, read: (kpi: MonitorReport['kpi']['total']) => number | null): Sample[] {
  const report = reportOf(status);
  if (report === null) return [];
  const { total, pairs } = report.kpi;
  return [['all', total] as const, ...Object.entries(pairs)].flatMap(([id, kpi]) => sample(id, read(kpi)));
}

const sample = (label: string, value: number | null): Sample[] => (value === null ? [] : [[label, value]]);

function ageSeconds(at: string | null): number | null {
  return at === null ? null : (Date.now() - Date.parse(at)) / MS_PER_SECOND;
}
