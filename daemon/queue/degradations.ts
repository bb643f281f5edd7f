import { DEPENDENCIES, dependenciesOf, type DependencyName } from '../../shared/dependencies/table.ts';
import { ERRORS } from '../../shared/errors.ts';
import { TRANSPORTS, type DegradingName } from '../publish/transports.ts';

export type Degradation =
  | 'models'
  | 'direction_models'
  | 'model_pointer'
  | 'direction_pointer'
  | 'rules'
  | 'rule_pointer'
  | 'journal'
  | 'bar_stream'
  | 'late_bars'
  | 'stops'
  | DependencyName
  | DegradingName;

/** Faults with which signals continue in mode DEGRADED. docs/reference/DEGRADATIONS.md is generated from this. */
export const DEGRADATIONS = {
  journal: {
    means:
      '`JOURNAL_WRITE` or `JOURNAL_DAMAGED`: the journal cannot be written; bars are answered and buffered in memory.',
    next: 'Check disk space (`df -h`) and permissions of the home folder soon, or restore a damaged journal: a restart loses buffered bars.',
  },
  models: {
    means: 'The active models failed or were too slow; their predecessor answers, or, without one, the slow ones.',
    next: '`log/daemon_<shard>.log` has the code. Run `minutehand models rollback` or train again; raise `inference.slow_ms` on a slow machine.',
  },
  direction_models: {
    means: 'The same for the direction model of a timeframe; its instruments alone are in mode DEGRADED.',
    next: '`log/daemon_<shard>.log` has the code. Run `minutehand models rollback --direction <timeframe>` or train again; raise `inference.slow_ms` on a slow machine.',
  },
  model_pointer: {
    means: '`active.json` or its bundle was refused at the start; the last accepted models are used.',
    next: '`minutehand status` shows the refusal. Run `minutehand models promote <version>`.',
  },
  direction_pointer: {
    means: 'The same for `direction/<timeframe>.json`.',
    next: '`minutehand status` shows the refusal. Run `minutehand models promote <version>`.',
  },
  rules: {
    means:
      '`RULE_FAILED`, `RULE_SLOW`: the rule of a subject threw, or took longer than `inference.slow_ms` for two bars in a row. It has ended, and the models answer in its place, or, without any, nobody (mode HALT); its subject alone is in mode DEGRADED.',
    next: '`minutehand status` names subject, rule and cause. Mend its strategy and restart the daemon, promote another rule, or run `minutehand strategy stop <subject>`.',
  },
  rule_pointer: {
    means:
      'The rule that `rule/<subject>.json` names is refused: one that was accepted before serves, or the models answer. Its subject alone is in mode DEGRADED.',
    next: '`minutehand status` shows the refusal. Run `minutehand models promote <version>`, or `minutehand strategy stop <subject>`.',
  },
  late_bars: {
    means: '`BARS_LATE`: live bars arrive so late that their signals have expired; no consumer trades.',
    next: 'Check the feeder’s time zone (the message names one that fits), both clocks (NTP), and data delay.',
  },
  stops: {
    means:
      '`STOPS_UNREAD`: `models/halts.json` or its folder could not be read for two seconds, or never since the start (no descriptors left, a failing disk, no permission): a person’s stop may be in it. No subject enters anything (HOLD `STOPPED`); positions exit as usual.',
    next: 'Mend what the message names; entries return within a second after the file can be read.',
  },
  ...transportDegradations(),
  ...dependencyDegradations(),
  bar_stream: {
    means: '`STREAM_REFUSED`: Redis refuses reads of `minutehand:bars`; HTTP works.',
    next: 'Its user needs `+xread +xrange +xinfo`; the key must be a stream. `transports.redis.enabled: off` disables Redis.',
  },
} as const satisfies Readonly<Record<Degradation, { readonly means: string; readonly next: string }>>;

export const DEGRADATION_NAMES = Object.keys(DEGRADATIONS) as readonly Degradation[];

function dependencyDegradations(): Record<DependencyName, { means: string; next: string }> {
  return Object.fromEntries(
    dependenciesOf('daemon').map((name) => {
      const { what, codes } = DEPENDENCIES[name];
      const listed = codes.map((code) => `\`${code}\``).join(', ');
      return [name, { means: `${listed}: ${what}`, next: codes.map((code) => ERRORS[code].next).join(' / ') }];
    }),
  ) as Record<DependencyName, { means: string; next: string }>;
}

function transportDegradations(): Record<DegradingName, { means: string; next: string }> {
  return Object.fromEntries(
    TRANSPORTS.flatMap(({ name, degradation }) => (degradation === null ? [] : [[name, degradation]])),
  ) as Record<DegradingName, { means: string; next: string }>;
}
