import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { renderBenchmarks } from '../../bench/report.ts';
import type { BenchResult } from '../../bench/parts.ts';
import { writeApiClient } from '../docs/api_client.ts';
import { renderCliDoc } from '../docs/cli_doc.ts';
import { renderEnginesDoc } from '../docs/engines_doc.ts';
import { renderDegradationsDoc } from '../docs/degradations_doc.ts';
import { renderDashboard } from '../docs/dashboard.ts';
import { renderErrorsDoc } from '../docs/errors_doc.ts';
import { renderFeaturesDoc } from '../docs/features_doc.ts';
import { renderFormulasDoc } from '../docs/formulas_doc.ts';
import { writeConfigurationDoc } from '../docs/configuration_doc.ts';
import { writeJsonSchemas } from '../../shared/policy/json_schema.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { packageRoot } from '../../shared/root.ts';
import { renderGatesDoc } from '../docs/gates_doc.ts';
import { renderMetricsDoc } from '../docs/metrics_doc.ts';
import { renderNotificationsDoc } from '../docs/notifications_doc.ts';
import { instrumentJsonSchema, writeSignalSchema } from '../docs/signal_json_schema.ts';
import { renderStorageDoc } from '../docs/storage_doc.ts';
import type { Output } from '../output.ts';

/** For developers of minutehand: writes the generated parts of docs/ and config/schema. */
export function addDocs(program: Command, output: () => Output): void {
  program.command('docs', { hidden: true }).action(async () => {
    const root = packageRoot();
    writeFileSync(join(root, 'docs', 'reference', 'FEATURES.md'), renderFeaturesDoc(loadSettings().minutehand.windows));
    writeFileSync(join(root, 'docs', 'reference', 'FORMULAS.md'), renderFormulasDoc());
    writeFileSync(join(root, 'docs', 'reference', 'ERRORS.md'), renderErrorsDoc());
    writeFileSync(join(root, 'docs', 'reference', 'GATES.md'), renderGatesDoc());
    writeFileSync(join(root, 'docs', 'reference', 'CLI.md'), renderCliDoc(program));
    writeFileSync(join(root, 'docs', 'reference', 'BENCHMARKS.md'), renderBenchmarks(recordedResult(root)));
    writeFileSync(join(root, 'docs', 'reference', 'ENGINES.md'), renderEnginesDoc());
    writeFileSync(join(root, 'docs', 'reference', 'METRICS.md'), renderMetricsDoc());
    writeFileSync(join(root, 'docs', 'reference', 'DEGRADATIONS.md'), renderDegradationsDoc());
    writeFileSync(join(root, 'docs', 'reference', 'NOTIFICATIONS.md'), renderNotificationsDoc());
    writeFileSync(join(root, 'docs', 'reference', 'STORAGE.md'), renderStorageDoc());
    writeFileSync(join(root, 'config', 'grafana', 'minutehand.json'), renderDashboard());
    writeSignalSchema(join(root, 'docs', 'signal.schema.json'));
    writeSignalSchema(join(root, 'docs', 'instrument.schema.json'), instrumentJsonSchema());
    writeJsonSchemas(join(root, 'config', 'schema'));
    writeConfigurationDoc();
    await writeApiClient(join(root, 'dashboard', 'api'));
    output().line('docs/ and config/schema written');
  });
}

/** The run of the bench that is on record. */
function recordedResult(root: string): BenchResult {
  return JSON.parse(readFileSync(join(root, 'bench', 'results', 'latest.json'), 'utf8')) as BenchResult;
}
