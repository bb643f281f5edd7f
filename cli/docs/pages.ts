import type { Command } from 'commander';
import { loadSettings } from '../../shared/policy/policy.ts';
import { renderCliDoc } from './cli_doc.ts';
import { renderConfigurationDoc } from './configuration_doc.ts';
import { renderFeaturesDoc } from './features_doc.ts';
import { renderFormulasDoc } from './formulas_doc.ts';
import { renderGatesDoc } from './gates_doc.ts';
import { DEGRADATIONS } from '../../daemon/queue/degradations.ts';
import { DEPENDENCIES } from '../../shared/dependencies/table.ts';
import { table } from './table.ts';
import { declarationOf, ENGINES, LEARNER_SUMMARIES } from '../../shared/policy/engines.ts';
import { ERRORS } from '../../shared/errors.ts';
import type { Metric } from '../../shared/metrics/metric.ts';
import { DAEMON_METRICS, PROCESS_METRICS } from '../../daemon/metrics/metrics.ts';
import { TRAINER_METRICS } from '../../trainer/control/metrics/metrics.ts';
import { EVENTS } from '../../trainer/store/schema/events.ts';
import { LEFTOVERS, STORAGE_FOLDERS, type StorageFolder, STORED_FILES } from '../../shared/storage/files.ts';
import { JOURNAL_TABLES, STORE_TABLES, type StoredTable } from '../../shared/storage/tables.ts';

/** docs/reference/STORAGE.md: every file and table that the program writes, and what bounds it. */
function renderStorageDoc(): string {
  const files = (Object.keys(STORAGE_FOLDERS) as StorageFolder[]).map((folder) => {
    const own = STORED_FILES.filter((file) => file.in === folder);
    const rows = own.map(({ path, what, bound }) => [`\`${path}\``, what, bound]);
    return `## In ${STORAGE_FOLDERS[folder]}\n\n${table(['file', 'content', 'bound'], rows)}\n`;
  });
  return `# Storage

Generated from \`shared/storage/\` by \`npm run docs\`. Do not edit. Every file and table that the program writes while it runs, and why it does
not fill the disk. Names in \`code\` are keys of [the configuration](CONFIGURATION.md). A test runs a market and refuses files that are not
listed here.

${files.join('\n')}
Killed processes may leave temporary files. ${LEFTOVERS} The trainer removes them every hour once they are an hour old, and folders
\`minutehand-*\` of its own in the system's folder of temporary files once they are a week old.

## Tables of the store

With PostgreSQL \`core_bars\` is \`core.bars\`.

${tables(STORE_TABLES)}

## Tables of a journal

${tables(JOURNAL_TABLES)}
`;
}

function tables(all: Readonly<Record<string, StoredTable>>): string {
  const rows = Object.entries(all).map(([name, { what, bound }]) => [`\`${name}\``, what, bound]);
  return table(['table', 'content', 'bound'], rows);
}


/** docs/reference/NOTIFICATIONS.md: the list of events. */
function renderNotificationsDoc(): string {
  const rows = Object.entries(EVENTS).map(([name, { severity, title, command }]) => [
    `\`${name}\``,
    severity,
    title,
    command === '' ? '' : `\`${command}\``,
  ]);
  return `# Notifications

Generated from \`trainer/store/schema/events.ts\` by \`npm run docs\`. Do not edit.

${table(['event', 'severity', 'meaning', 'do'], rows)}
`;
}


/** docs/reference/METRICS.md: the list of metrics. */
function renderMetricsDoc(): string {
  return `# Metrics

Generated from \`{daemon,trainer}/metrics/metrics.ts\` by \`npm run docs\`. Do not edit. \`GET /metrics\`; times and ages
are in seconds, histograms of times have buckets from 1 µs to 1 s. Alerts: [OPERATE.md](../guides/OPERATE.md#metrics).

## Of a daemon

${metricTable(DAEMON_METRICS)}

## Of its process

${metricTable(PROCESS_METRICS)}

## Of a trainer

${metricTable(TRAINER_METRICS)}
`;
}

function metricTable(metrics: readonly Metric<never>[]): string {
  const rows = metrics.map(({ name, labels = [], type, help }) => {
    const withLabels = labels.length === 0 ? name : `${name}{${labels.join()}}`;
    return [`\`${withLabels}\``, type, help];
  });
  return table(['metric', 'type', 'meaning'], rows);
}


/** docs/reference/ERRORS.md: the table of codes. */
function renderErrorsDoc(): string {
  const rows = Object.entries(ERRORS).map(([code, { status, message, next }]) => [
    `\`${code}\``,
    String(status),
    message,
    next,
  ]);
  return `# Error codes

Generated from \`shared/errors.ts\` by \`npm run docs\`. Do not edit. API answers, CLI messages, logs and
\`minutehand_bars_total{outcome}\` use the same codes.

${table(['code', 'HTTP status', 'what is wrong', 'what to do'], rows)}
`;
}


/** docs/reference/ENGINES.md: the list of engines. */
function renderEnginesDoc(): string {
  const rows = ENGINES.map((engine) => {
    const { summary, library } = declarationOf(engine);
    return [`\`${engine}\``, summary, library === null ? '' : library.installation];
  });
  rows.push(...Object.entries(LEARNER_SUMMARIES).map(([name, summary]) => [`\`${name}\``, summary, '']));
  return `# Engines

Generated from \`shared/policy/engines.ts\` by \`npm run docs\`. Do not edit. \`train.engine\` and \`--engine\` of \`train\` choose
what learns, \`--engine\` of \`fit\` one of those that learn trees; each exports ONNX. All of them learn one probability, and
the probabilities of several classes (a direction: up, down, range); a \`program\` says which of the two it learns.

${table(['engine', 'what', 'needs'], rows)}
`;
}


/** docs/reference/DEGRADATIONS.md: what can be wrong while signals continue. */
function renderDegradationsDoc(): string {
  const rows = Object.entries(DEGRADATIONS).map(([name, { means, next }]) => [`\`${name}\``, means, next]);
  const checked = Object.entries(DEPENDENCIES).map(([name, { what, check, codes, by }]) => [
    `\`${name}\``,
    what,
    check,
    codes.map((code) => `\`${code}\``).join(', '),
    by.join(', '),
  ]);
  return `# Degradations

Generated from \`daemon/queue/degradations.ts\` by \`npm run docs\`. Do not edit. A degradation shows in \`/healthz\` \`degradations\`, in mode DEGRADED of
every signal, and in \`minutehand status\`. Signals continue, and the mode recovers automatically.

${table(['degradation', 'meaning', 'what to do'], rows)}

## Dependencies

Generated from \`shared/dependencies/table.ts\`. Everything that a process needs while it runs is checked every ten seconds. A failure
shows within a minute in \`minutehand status\` (exit code 1), in \`/healthz\` \`dependencies\`, as
\`minutehand_dependency_up{dependency="…"} 0\` in \`/metrics\` and as a notification. Of a daemon it is a degradation too.

${table(['dependency', 'what', 'check', 'codes', 'checked by'], checked)}
`;
}


const PAGES = {
  CLI: renderCliDoc,
  CONFIGURATION: () => renderConfigurationDoc(),
  DEGRADATIONS: renderDegradationsDoc,
  ENGINES: renderEnginesDoc,
  ERRORS: renderErrorsDoc,
  FEATURES: () => renderFeaturesDoc(loadSettings({ env: {} }).minutehand.windows),
  FORMULAS: renderFormulasDoc,
  GATES: renderGatesDoc,
  METRICS: renderMetricsDoc,
  NOTIFICATIONS: renderNotificationsDoc,
  STORAGE: renderStorageDoc,
} satisfies Readonly<Record<string, (program: Command) => string>>;

export type ReferencePage = keyof typeof PAGES;

/** The reference pages that code knows, by name; `program` has all commands. */
export const REFERENCE_PAGES: Readonly<Record<ReferencePage, (program: Command) => string>> = PAGES;

export const REFERENCE_PAGE_NAMES = Object.keys(PAGES) as ReferencePage[];
