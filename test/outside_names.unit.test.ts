import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '@typescript-eslint/parser';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { programSources } from './program_sources.ts';

/** Why a name in a path is none from outside: file and call, as written. All others go through `pathInside`. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  'the places that check names': ['cli/bundle_name.ts: join(folder, name)', 'shared/path_name.ts: join(folder, name)'],
  'an entry of a listing of this folder, or a constant name in it': [
    'cli/policy_evidence.ts: join(folder, name)',
    'cli/try/gather_files.ts: join(path, own)',
    'trainer/jobs/fleet/own_code.ts: join(root, name)',
    "trainer/learning/league/surroundings.ts: join(root, 'lib', name, 'site-packages')",
    'trainer/learning/league/surroundings.ts: join(folder, name)',
    'trainer/jobs/fleet/fit_trace.ts: join(folder, entry)',
    'trainer/jobs/kinds/kept_generations.ts: join(folder, name)',
    'shared/blob/folder_blobs.ts: join(entry.parentPath, entry.name)',
    'cli/file_patterns.ts: join(folder, name)',
    'cli/stop_door.ts: join(home, FOLDER, name)',
    'cli/stop_door.ts: join(home, FOLDER, `${kind}.${process.pid}.sock`)',
    'cli/stop_door.ts: join(home, FOLDER, `${kind}.${pid}.json`)',
    'cli/terminal/advisor_files.ts: join(from, entry.name)',
    'cli/terminal/advisor_files.ts: join(to, entry.name)',
    'cli/terminal/advisor_files.ts: join(mql5, folder, name)',
    'cli/terminal/terminal.ts: join(folder, name)',
    'cli/file_patterns.ts: join(folder, part)',
    'cli/bars/import.ts: join(source, entry.name)',
    'cli/bars/import.ts: join(source, name)',
    'cli/commands/bars.ts: join(path, name)',
    'cli/commands/series.ts: join(folder, file)',
    'cli/docs/build_docs.ts: join(entry.parentPath, entry.name)',
    'trainer/control/api/doc_site/site.ts: join(folder, below)',
    'trainer/control/api/doc_site/site.ts: join(folder, path)',
    "cli/systemd/installation.ts: join('schema', name)",
    'daemon/infer/file_mark.ts: join(folder, name)',
    'daemon/infer/model_watch.ts: join(folder, name)',
    'daemon/publish/file.ts: join(folder, name)',
    'daemon/publish/file.ts: join(folder, entry.name)',
    'daemon/publish/file.ts: join(path, inner.name)',
    'shared/bar_file/folder_file.ts: join(folder, name)',
    'shared/bundle/bundle.ts: join(draft, name)',
    'shared/bundle/bundle.ts: join(folder, file)',
    'shared/bundle/bundle.ts: join(folder, name)',
    "shared/bundle/bundle_models.ts: join(folder, group === undefined || name === 'net' ? modelFile(name) : groupFile(group, name))",
    'shared/bundle/direction/direction_bundle.ts: join(draft, name)',
    'shared/bundle/direction/direction_bundle.ts: join(folder, name)',
    'shared/bundle/pointer_marks.ts: join(home, entry.name)',
    'shared/policy/approved.ts: join(approved.folder, name)',
    'shared/owner/exchange_owner.ts: join(folder, `.${OWNER_FILE}.${process.pid}.tmp`)',
    'shared/foreign_links.ts: join(folder, name)',
    'shared/files.ts: join(dirname(held), basename(to))',
    'shared/held_folder.ts: join(held, basename(path))',
    'shared/held_folder.ts: join(real, rest[0]!)',
    'shared/held_folder.ts: resolve(real, target)',
    'shared/policy/approved.ts: join(folder, name)',
    'trainer/control/fills/fill_files.ts: join(parent, name)',
    'trainer/control/fills/tail.ts: join(dirname(path), name)',
    'trainer/control/history/journal_rows.ts: join(home, name)',
    'trainer/control/policy/config_proposal.ts: join(folder, basename(file))',
    'trainer/control/registry/models_folder.ts: join(this.#path, name)',
    "trainer/control/registry/trained_on.ts: join(folder, name, 'manifest.json')",
    'trainer/control/records/leftovers.ts: join(folder, name)',
    'trainer/control/records/leftovers.ts: join(systemFolder, name)',
    'trainer/control/records/old_bundles.ts: join(folder, name)',
    'trainer/control/records/old_bundles.ts: join(folder, version)',
    'trainer/control/records/old_bundles.ts: join(folder, asideOf(version))',
    'trainer/control/records/old_records.ts: join(folder, name)',
    'trainer/control/schedule/backtest_runner.ts: join(parent, name)',
    'trainer/control/schedule/config_changes.ts: join(home, name)',
    'trainer/store/audit_anchors.ts: join(dirname(path), old)',
    'trainer/learning/dataset/cache_folder.ts: join(folder, name)',
    'trainer/learning/instruments/instrument_bars.ts: join(folder, own[0]!)',
    'trainer/learning/learners/trees/engines/engine_library.ts: join(folder, name)',
    'trainer/learning/learners/trees/engines/engine_library.ts: join(parent, found)',
    'trainer/learning/search/finished_journals.ts: join(folder, `${search_id}.jsonl`)',
    'trainer/learning/search/finished_journals.ts: join(folder, basename(path))',
    'trainer/learning/search/finished_journals.ts: join(folder, name)',
    'trainer/learning/search/finished_journals.ts: join(searches, FINISHED, name)',
    'trainer/learning/search/finished_journals.ts: join(searches, name)',
    'trainer/learning/strategies/pair_reversion/thresholds/research_theta2.ts: join(folder, name)',
    'trainer/learning/training/deep_verification.ts: join(again, file)',
    'trainer/learning/training/deep_verification.ts: join(folder, file)',
  ],
  'a version that is checked by VERSION where it is read (shared/bundle/active_file.ts), or has just been made': [
    'cli/strategies/direction/bundles.ts: join(folder, version)',
    'cli/policy_evidence.ts: join(paths.models, version)',
    'daemon/daemon.ts: join(folder, models.version)',
    'daemon/daemon.ts: join(folder, shadow)',
    'daemon/daemon.ts: join(directionFolder(folder), version)',
    'cli/commands/models.ts: join(shelfOfSlot(slot).folder(models), earlier)',
    'cli/commands/models.ts: join(folder, made)',
    'daemon/infer/followed_directions.ts: join(directionFolder(modelsFolder), version)',
    'daemon/infer/model_preload.ts: join(modelsFolder, version)',
    'daemon/infer/model_watch.ts: join(modelsFolder, version)',
    'shared/bundle/bundle.ts: join(folder, active.version)',
    'shared/bundle/bundle.ts: join(folder, newest)',
    'shared/bundle/bundle.ts: join(modelsFolder, version)',
    'shared/bundle/bundle.ts: join(one, version)',
    'shared/bundle/direction/active_direction.ts: join(directionFolder(modelsFolder), manifest.version)',
    'shared/bundle/direction/active_direction.ts: join(directionFolder(modelsFolder), version)',
    'trainer/control/api/routes/subjects.ts: join(directionFolder(models), active.version)',
    'trainer/control/api/routes/subjects.ts: join(models, active.version)',
    'trainer/control/monitor/look.ts: join(modelsFolder, version)',
    'trainer/control/registry/active_skill.ts: join(models, version)',
    'trainer/control/schedule/first_models.ts: join(models, active.version)',
  ],
  'a name of the configuration, which its schema limits': [
    'shared/fatal.ts: join(home, `daemon_${shard}.fatal.jsonl`)',
    'shared/home.ts: join(home, `${market}_${shard}.db`)',
    'shared/home.ts: join(home, `config_${shard}.jsonl`)',
    'cli/commands/collect.ts: join(paths.home, `collect_${name}.json`)',
    'cli/commands/parity.ts: join(folder, `parity_${market}_${shard}_${day}`)',
    'cli/docs/configuration_doc.ts: join(configDir, CONFIG_FILES[part])',
    'cli/docs/build_docs.ts: join(root, linked)',
    'cli/docs/build_docs.ts: join(root, path)',
    'shared/bundle/bundle.ts: join(models, name)',
    'cli/systemd/installation.ts: join(root, CONFIG_FOLDER, CONFIG_FILES.minutehand)',
    'daemon/publish/file.ts: join(this.#folder, pairId)',
    'shared/policy/policy.ts: join(configDir, CONFIG_FILES[part])',
    "trainer/control/report/weekly_report.ts: join(home, 'reports', `report_${market}_${from}_${to}.html`)",
  ],
  'a place that a person names for the program to use': [
    'cli/docs/build_docs.ts: join(out, path)',
    'cli/systemd/install.ts: join(root, file.path)',
    'cli/systemd/install.ts: join(root, folder)',
    'cli/systemd/install.ts: join(root, path)',
    'cli/systemd/installation.ts: join(folder, path)',
    "cli/systemd/installation.ts: join(packageRoot(), 'systemd', ...path)",
    'cli/systemd/installation.ts: join(root, UNIT_FOLDER, `${TARGET}.wants`)',
    'shared/policy/unified_file.ts: resolve(dirname(file), own)',
    'trainer/control/history/open_archive_place.ts: resolve(paths.home, path)',
    'trainer/learning/learners/trees/engines/engine_library.ts: join(prefix, at)',
  ],
  'a name that the program makes: a constant, a number, a hash, a process': [
    'cli/docs/build_docs.ts: join(root, folder)',
    'cli/commands/ea_install.ts: join(folder, `.install-${process.pid}`)',
    'cli/terminal/advisor_files.ts: join(sources, folder)',
    'cli/terminal/advisor_files.ts: join(mql5, folder)',
    'cli/terminal/terminal.ts: join(terminals, ...COMMON_FILES)',
    "shared/blob/folder_blobs.ts: join(folder, 'blobs', checkHash(hash).slice(0, 2), hash)",
    "shared/blob/folder_blobs.ts: join(folder, 'results', checkHash(key).slice(0, 2), `${key}.json`)",
    'trainer/jobs/fleet/own_code.ts: join(packageRoot(), folder)',
    // The kernel says where this process is.
    'trainer/jobs/fleet/child/memory_group.ts: join(root, dirname(own))',
    'trainer/jobs/fleet/child/memory_group.ts: join(parent, `task-${pid}`)',
    'trainer/jobs/fleet/fleet_training.ts: join(paths.fleetTraces, `${name}.json`)',
    'shared/blob/folder_blobs.ts: join(folder, kind)',
    "cli/mt5_compilation.ts: join(root, 'mt5', folder)",
    "cli/mt5_compilation.ts: join(root, 'mt5', path)",
    'shared/home.ts: join(home, `${kind}.lock`)',
    'shared/home.ts: join(home, `${kind}.json`)',
    "shared/launcher.ts: join(packageRoot(), isCompiled ? COMPILED_PROGRAM : join('bin', 'minutehand.mjs'))",
    'shared/webassembly.ts: join(packageRoot(), file)',
    'cli/commands/up.ts: join(homePaths().ea, `${paperNameOf(settings)}_paper`)',
    'daemon/publish/file.ts: join(folder, `.${name}.${process.pid}.tmp`)',
    'shared/bar_file/bar_file.ts: join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`)',
    'shared/bundle/bundle.ts: join(modelsFolder, `.${version}.${process.pid}.tmp`)',
    'shared/bundle/bundle.ts: join(parent, `.${basename(target)}.${process.pid}.tmp`)',
    'shared/bundle/pointer_marks.ts: join(home, `${kind.name}_mark_${owner}.json`)',
    'shared/log/log.ts: join(folder, `${name}.log`)',
    'trainer/control/registry/models_folder.ts: join(this.#path, `.${version}.${process.pid}.tmp`)',
    'trainer/control/registry/models_folder.ts: join(this.#path, `.${version}.removed`)',
    "trainer/control/schedule/backtest_runner.ts: join(this.#options.paths.home, 'backtests', String(id))",
    'shared/temporary_folder.ts: join(tmpdir(), `minutehand-${purpose}-`)',
    'trainer/learning/dataset/column_file.ts: join(dirname(path), `.${basename(path)}.${process.pid}.tmp`)',
    'trainer/learning/automl/candidate_cache.ts: join(folder, key)',
    'trainer/learning/league/kept_files.ts: join(folder, key)',
    'trainer/learning/strategies/pair_reversion/dataset/pair_cache.ts: join(folder, key)',
    'trainer/learning/learners/trees/engines/engine_library.ts: join(folder, engine)',
    "trainer/learning/learners/trees/engines/engine_library.ts: join(folder, engine, 'lib')",
    'trainer/learning/learners/trees/engines/engine_library.ts: join(homedir(), folder)',
    'trainer/learning/search/search_model.ts: join(folder, `${model}_${name}.jsonl`)',
  ],
};

interface SyntaxNode {
  readonly type: string;
  readonly range: readonly [number, number];
  readonly [key: string]: unknown;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value;
}

function nodesOf(value: unknown): SyntaxNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesOf);
  if (!isNode(value)) return [];
  const inner = Object.entries(value).flatMap(([key, child]) => (key === 'parent' ? [] : nodesOf(child)));
  return [value, ...inner];
}

/** A text that is written in the source: a literal, or a constant in capitals. */
function isConstant({ type, ...node }: SyntaxNode): boolean {
  if (type === 'Literal') return true;
  if (type === 'TemplateLiteral') return (node['expressions'] as unknown[]).length === 0;
  return type === 'Identifier' && /^[A-Z][A-Z_0-9]*$/.test(node['name'] as string);
}

/** Calls of `join` and `resolve` of node:path with a part behind the first that is no constant. */
function variableJoins(file: string): string[] {
  const source = readFileSync(join(packageRoot(), file), 'utf8');
  if (!source.includes("'node:path'")) return [];
  const nodes = nodesOf(parse(source, { range: true, sourceType: 'module' }));
  const imported = nodes
    .filter(
      ({ type, source: from }) => type === 'ImportDeclaration' && (from as { value: string }).value === 'node:path',
    )
    .flatMap(({ specifiers }) => specifiers as { imported?: { name: string }; local: { name: string } }[]);
  const local = new Set(
    imported.filter((one) => ['join', 'resolve'].includes(one.imported?.name ?? '')).map((one) => one.local.name),
  );
  return nodes
    .filter(({ type, callee }) => type === 'CallExpression' && isNode(callee) && local.has(callee['name'] as string))
    .filter(({ arguments: given }) => (given as SyntaxNode[]).slice(1).some((part) => !isConstant(part)))
    .map(({ range: [from, to] }) => `${file}: ${source.slice(from, to).replaceAll(/\s+/g, ' ')}`);
}

describe('A name from outside', () => {
  it(
    'becomes a part of a path by pathInside alone: every other call of join and resolve is known, with a reason',
    { timeout: 120_000 },
    () => {
      const files = programSources(['cli', 'daemon', 'shared', 'trainer']).filter(
        (file) => !file.endsWith('.oracle.ts'),
      );
      const found = new Set(files.flatMap(variableJoins));
      const known = Object.values(KNOWN).flat();
      expect(found.size).toBeGreaterThan(50);
      expect([...found].filter((one) => !known.includes(one))).toEqual([]);
      // What is gone, or has changed, is judged anew.
      expect(known.filter((one) => !found.has(one))).toEqual([]);
    },
  );
});
