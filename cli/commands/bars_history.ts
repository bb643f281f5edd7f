import { actorName } from '../../shared/process/actor.ts';
import type { Command } from 'commander';
import { isoMinute } from '../../shared/bar.ts';
import type { Market } from '../../shared/bar_file/bar_sink.ts';
import { verdictText } from '../../shared/bar_file/verdict/finding_text.ts';
import { readStoredVerdicts } from '../../shared/bar_file/verdict/stored_verdicts.ts';
import { homePaths } from '../../shared/home.ts';
import { modelsTrainedOn } from '../../trainer/control/registry/trained_on.ts';
import type { ChangePreview, ListedRun, TouchedBars } from '../../trainer/store/import_runs.ts';
import type { Store } from '../../trainer/store/store.ts';
import type { Output } from '../output.ts';
import { loadSettings } from '../../shared/policy/policy.ts';
import { symbolNames } from '../../shared/policy/symbol_names.ts';
import { parseSymbol } from '../../shared/symbol/symbol.ts';
import { parseInteger, parsePeriod } from '../period.ts';
import { marketOption, withStore } from './bars_store.ts';

interface DeleteFlags {
  readonly market: Market;
  readonly symbol: string;
  readonly from?: string;
  readonly to?: string;
  readonly dryRun?: boolean;
}

/** `bars history`, `bars undo`, `bars delete`. */
export function addImportHistory(bars: Command, output: () => Output): void {
  bars
    .command('history')
    .description(
      'lists imports and deletions by their number, the newest first, with the clock on which files were read and the verdict on each symbol',
    )
    .addOption(marketOption('which bars of the store'))
    .option('--limit <count>', 'at most so many', '100')
    .action(({ market, limit }: { market: Market; limit: string }) =>
      runHistory(market, parseInteger(limit, '--limit', 1), output()),
    );
  bars
    .command('undo')
    .argument('<number>', 'the number of the import or the deletion')
    .option('--dry-run', 'only show what would change')
    .description(
      'takes an import or a deletion back, whole or not at all: what it added goes, what it replaced or deleted returns. Bars that a later import contained as well are gone with the import that added them: import that file again. Models that were trained on the bars are named',
    )
    .action((number: string, { dryRun }: { dryRun?: boolean }) => {
      return runUndo(parseInteger(number, 'number', 1), dryRun === true, output());
    });
  bars
    .command('delete')
    .requiredOption('--symbol <symbol>', 'whose bars')
    .option('--from <day>', 'first UTC day or minute of the bars')
    .option('--to <day>', 'UTC day or minute of the end')
    .option('--dry-run', 'only show what would change')
    .addOption(marketOption('which bars of the store'))
    .description('deletes bars of one symbol; the deletion is numbered, and `bars undo` brings them back')
    .action((flags: DeleteFlags) => {
      return runDelete(flags, output());
    });
}

async function runHistory(market: Market, limit: number, output: Output): Promise<void> {
  const other = market === 'live' ? 'simulated' : 'live';
  const { runs, isOther } = await withStore(async (store) => {
    const own = await store.importRuns.list(market, limit);
    return { runs: own, isOther: own.length === 0 && (await store.importRuns.list(other, 1)).length > 0 };
  });
  for (const run of runs) for (const line of linesOf(run)) output.line(line);
  if (runs.length === 0) output.line(`No import of the ${market} market has been numbered yet.`);
  if (isOther) output.line(`Of the ${other} market there are some: --market ${other}`);
  output.result(runs.map((run) => ({ ...run, verdicts: JSON.parse(run.verdicts) as unknown })));
}

function linesOf(run: ListedRun): string[] {
  const { import_number, kind, source, began_ms, finished_ms, added, removed, rejected, done_by, undone_ms } = run;
  const state = undone_ms !== null ? 'undone' : finished_ms === null ? 'not finished' : 'done';
  const isDecision = kind === 'accept' || kind === 'leave_out';
  const counts = isDecision
    ? 'received bars'
    : `${added} added, ${removed} ${kind === 'delete' ? 'deleted' : 'replaced'}, ${rejected} rejected`;
  return [
    `${String(import_number).padStart(4)}  ${isoMinute(began_ms / 1000)}  ${kind.padEnd(9)}  ${state.padEnd(12)}  ${counts}  ${done_by}  ${source}`,
    ...readingOf(run).map((text) => `      ${text}`),
  ];
}

/** On which clock its files were read, and the verdict on each symbol. */
function readingOf({ clocks, verdicts }: ListedRun): string[] {
  const { symbols, accepted } = readStoredVerdicts(verdicts);
  const anyway = accepted.length === 0 ? '' : ` (accepted: ${accepted.join(', ')})`;
  return [
    ...(clocks.length === 0 ? [] : [`clock ${clocks.join(', ')}`]),
    ...Object.entries(symbols).map(
      ([symbol, verdict]) => `${symbol}  ${verdictText(verdict)}${verdict.findings.length === 0 ? '' : anyway}`,
    ),
  ];
}

async function runUndo(number: number, isDry: boolean, output: Output): Promise<void> {
  await withStore(async (store) => {
    const preview = await store.importRuns.previewUndo(number);
    const models = await affectedModels(store, preview);
    if (!isDry) {
      await store.importRuns.undo(number, actorName());
    }
    output.written(isDry ? null : { target: `import ${number}`, after: preview });
    say(isDry ? `Import ${number} would be undone:` : `Import ${number} is undone:`, preview, models, output);
    output.result({ import_number: number, dry_run: isDry, ...preview, models });
  });
}

async function runDelete(flags: DeleteFlags, output: Output): Promise<void> {
  const { market, dryRun } = flags;
  const symbol = parseSymbol(flags.symbol, '--symbol', symbolNames(loadSettings()));
  const period = parsePeriod(flags);
  await withStore(async (store) => {
    const isDry = dryRun === true;
    const done = isDry ? null : await store.importRuns.delete(market, symbol, period, actorName());
    const preview = done ?? (await store.importRuns.previewDelete(market, symbol, period));
    const models = await affectedModels(store, preview);
    output.written(done === null ? null : { target: `import ${done.number}`, after: preview });
    say(
      done === null ? 'Would be deleted:' : `Deleted; \`minutehand bars undo ${done.number}\` brings them back:`,
      preview,
      models,
      output,
    );
    if (preview.removed.length === 0) process.exitCode = 1;
    output.result({ import_number: done?.number ?? null, dry_run: isDry, ...preview, models });
  });
}

async function affectedModels(store: Store, { market, removed, restored }: ChangePreview): Promise<readonly string[]> {
  return modelsTrainedOn(store, homePaths().models, market, [...removed, ...restored]);
}

function say(title: string, preview: ChangePreview, models: readonly string[], output: Output): void {
  const span = ({ symbol, bars, first, last }: TouchedBars): string =>
    `${symbol}: ${bars} bars, ${isoMinute(first)} to ${isoMinute(last)}`;
  output.line(title);
  for (const one of preview.removed) output.line(`  − ${span(one)}`);
  for (const { symbol, name, values } of preview.series) output.line(`  − ${symbol} ${name}: ${values} values`);
  for (const one of preview.restored) output.line(`  + ${span(one)}`);
  if (preview.removed.length + preview.restored.length + preview.series.length === 0) output.line('  nothing');
  if (preview.later_files.length > 0)
    output.note(
      `Imported later, and perhaps with bars of the same minutes: ${preview.later_files.join(', ')}. Import again what is to stay.`,
    );
  if (models.length > 0)
    output.note(`Models that were trained on these bars: ${models.join(', ')}. Train again before you rely on them.`);
}
