import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { buildDocs } from '../docs/build_docs.ts';
import { writeApiClient } from '../docs/api_client.ts';
import { renderDashboard } from '../docs/dashboard.ts';
import { writeJsonSchemas } from '../../shared/policy/json_schema.ts';
import { packageRoot } from '../../shared/root.ts';
import { instrumentJsonSchema, writeSignalSchema } from '../docs/signal_json_schema.ts';
import { writeStrategyHalves } from '../docs/strategy_halves.ts';
import { STRATEGY_NAMES } from '../../shared/strategies/registry.ts';
import type { Output } from '../output.ts';

/**
 * For developers of minutehand: builds the documentation into var/docs, and writes what is generated into the checkout.
 * With `--out` it only builds the documentation.
 */
export function addDocs(program: Command, output: () => Output): void {
  const command = program.command('docs', { hidden: true }).option('--out <folder>', 'builds only the pages, here');
  command.action(async ({ out }: { readonly out?: string }) => {
    const root = packageRoot();
    const folder = out === undefined ? join(root, 'var', 'docs') : resolve(out);
    if (out === undefined) rmSync(folder, { recursive: true, force: true });
    const files = buildDocs(root, folder, program);
    output().line(`${folder}: ${files.length} files`);
    if (out !== undefined) return;
    writeStrategyHalves(root, STRATEGY_NAMES);
    writeFileSync(join(root, 'config', 'grafana', 'minutehand.json'), renderDashboard());
    writeSignalSchema(join(root, 'docs', 'signal.schema.json'));
    writeSignalSchema(join(root, 'docs', 'instrument.schema.json'), instrumentJsonSchema());
    writeJsonSchemas(join(root, 'config', 'schema'));
    await writeApiClient(join(root, 'dashboard', 'api'));
    output().line('config/schema written');
  });
}
