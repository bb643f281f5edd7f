import { rememberPlainWords } from '../../../shared/secrets.ts';

/** Severities: `notification_routes` of retrain_policy.yaml assigns channels to each. */
export const SEVERITIES = ['critical', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

interface EventDeclaration {
  readonly severity: Severity;
  /** What happened, as the first words of a notification. */
  readonly title: string;
  /** Suggested command or action. */
  readonly command: string;
}

/** All notification events; the list in docs/guides/OPERATE.md is generated from here. */
export const EVENTS = {
  daemon_dead: {
    severity: 'critical',
    title: 'Daemon does not run',
    command: 'minutehand status; systemctl start minutehand.target, or minutehand up',
  },
  daemon_mute: {
    severity: 'critical',
    title: 'Daemon does not respond',
    command: 'minutehand status; end its process if this persists',
  },
  daemon_fatal: { severity: 'critical', title: 'Daemon ended with an error', command: 'minutehand doctor' },
  feed_silent: { severity: 'critical', title: 'No bars arrive', command: 'minutehand status; check the feeder' },
  feed_stopped: {
    severity: 'critical',
    title: 'Entries stopped: received bars are wrong',
    command: 'minutehand bars check',
  },
  feed_suspect: { severity: 'warning', title: 'Received bars look wrong', command: 'minutehand bars check' },
  daemon_halt: { severity: 'critical', title: 'Daemon is in mode HALT', command: 'minutehand status' },
  daemon_degraded: { severity: 'warning', title: 'Daemon is DEGRADED', command: 'minutehand status' },
  dependency: {
    severity: 'critical',
    title: 'Something that minutehand needs has failed',
    command: 'minutehand status',
  },
  latency: { severity: 'warning', title: 'Signals exceed the latency budget', command: 'minutehand status' },
  redis: { severity: 'warning', title: 'Redis is unavailable', command: 'minutehand doctor' },
  disk: { severity: 'critical', title: 'Disk is nearly full', command: 'df -h' },
  store: { severity: 'critical', title: 'Trainer cannot write its store', command: 'minutehand doctor' },
  kpi_halt: { severity: 'critical', title: 'Live KPI halt', command: 'minutehand models resume <pair>' },
  drift: { severity: 'warning', title: 'Model drift', command: 'minutehand runs list' },
  risk_streak: { severity: 'warning', title: 'Risk flag streak', command: 'minutehand status' },
  retrain_failed: { severity: 'warning', title: 'Training run failed', command: 'minutehand runs list' },
  retrain_aborted: { severity: 'critical', title: 'Training aborted', command: 'minutehand runs list' },
  retrain_adopted: { severity: 'info', title: 'Models adopted', command: 'minutehand models list' },
  models_recovered: {
    severity: 'warning',
    title: 'Lost models restored from the registry',
    command: 'minutehand models verify',
  },
  models_lost: {
    severity: 'critical',
    title: 'Active models are lost',
    command: 'minutehand models recover',
  },
  retrain_trained: { severity: 'info', title: 'Models trained', command: 'minutehand models promote <version>' },
  retrain_rollout: { severity: 'info', title: 'Rollout started', command: 'minutehand rollout status' },
  retrain_rejected: { severity: 'info', title: 'Models rejected', command: 'minutehand runs list' },
  parity: {
    severity: 'critical',
    title: 'Live differs from the backtest',
    command: 'minutehand parity --day <day>',
  },
  daily_summary: { severity: 'info', title: 'Daily summary', command: 'minutehand report' },
  report: { severity: 'info', title: 'Weekly report', command: 'minutehand report' },
  rollout: { severity: 'info', title: 'Rollout stage', command: 'minutehand rollout status' },
  archive_failed: { severity: 'warning', title: 'Signals cannot be archived', command: 'minutehand signals archive' },
  delivery_failed: { severity: 'warning', title: 'Models cannot be delivered', command: 'minutehand models deliver' },
  channel_failed: { severity: 'warning', title: 'A channel refuses notifications', command: 'minutehand alerts list' },
  unit_failed: { severity: 'critical', title: 'Service ended with an error', command: 'minutehand status' },
  self_test: { severity: 'info', title: 'Self-test', command: '' },
} as const satisfies Readonly<Record<string, EventDeclaration>>;

export type EventName = keyof typeof EVENTS;

rememberPlainWords(Object.keys(EVENTS));
