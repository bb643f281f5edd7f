import { homePaths } from '../../../shared/home.ts';
import { loadSettings, type Settings } from '../../../shared/policy/policy.ts';
import { parseSymbolList } from '../../../shared/policy/symbol_names.ts';
import { NO_SYMBOL_NAMES } from '../../../shared/symbol/symbol.ts';
import {
  DIRECTION_DEFAULTS,
  DIRECTION_SEED,
  defaultLabel,
  defaultSymbols,
} from '../../../trainer/jobs/kinds/direction_defaults.ts';
import type { DirectionJob } from '../../../trainer/jobs/kinds/direction_job.ts';
import { directionRows, type DirectionContext } from '../../../trainer/jobs/kinds/run_direction.ts';
import { factsPath, writeRoleTable } from '../../../trainer/learning/role_table/write_role_table.ts';
import { DIRECTION_PARTS } from '../../../trainer/learning/strategies/direction/direction_table.ts';
import { gitCommit } from '../../git_commit.ts';
import { tellWhenInterrupted } from '../../interrupted.ts';
import type { Output } from '../../output.ts';
import { parseInteger, parseWindow } from '../../period.ts';
import { joinedLine } from '../../series_folder.ts';
import {
  lookText,
  parseParts,
  refuseGiven,
  refuseStoreOfRole,
  syntheticText,
  type ExportFlags,
} from '../exported_rows.ts';

/** The rows that `train --strategy direction` would learn from before its first evaluated block, with its options. */
export async function exportDirection(flags: ExportFlags, output: Output): Promise<void> {
  const { out } = flags;
  refuseStoreOfRole(flags);
  refuseGiven(
    { '--holdout-from': flags.holdoutFrom },
    { seen: 'with --role direction', expected: 'none: its holdout are the evaluated blocks of the walk-forward' },
  );
  const parts = parseParts(flags.parts ?? 'learn', DIRECTION_PARTS);
  const settings = loadSettings();
  const job = directionExport(flags, settings);
  const progress = output.progress();
  tellWhenInterrupted({ output, progress, kept: () => [`${out} was not written.`] });
  const context: DirectionContext = {
    settings,
    paths: homePaths(),
    gitCommit: gitCommit(),
    onProgress: (stage, done, total) => progress.update(stage, done, total),
    onJoined: (symbol, seconds) => output.line(joinedLine(symbol, seconds, job.timeframe)),
  };
  try {
    const { table, look } = await directionRows(job, parts, context);
    const rows = await writeRoleTable(out, table);
    progress.stop();
    const { facts, pairs } = table;
    const { learn, holdout, synthetic } = facts.rows;
    output.line(`${rows} rows of direction written to ${out}, facts to ${factsPath(out)}`);
    output.line(`learn ${learn}${syntheticText(synthetic)}, holdout ${holdout}; balance ${facts.balance}`);
    for (const [name, own] of Object.entries(facts.learned_classes))
      output.line(`  ${name.padEnd(5)} ${own.rows} rows to learn from, total weight ${own.weight.toFixed(1)}`);
    output.line(
      `Labels to learn from are known before ${facts.learned_until}; the evaluated blocks begin ${facts.holdout_from}.`,
    );
    if (look !== null) output.note(lookText(look));
    output.result({ out, written_rows: rows, look, symbols: pairs, ...facts });
  } finally {
    progress.stop();
  }
}

/** The training whose rows are exported. */
function directionExport(flags: ExportFlags, settings: Settings): DirectionJob {
  const { timeframe = '1h', balance, data, symbols, seed } = flags;
  return {
    kind: 'direction',
    market: data === undefined ? settings.minutehand.market : 'live',
    timeframe,
    symbols:
      symbols === undefined
        ? defaultSymbols(settings, timeframe)
        : [...parseSymbolList(symbols, '--symbols', NO_SYMBOL_NAMES)],
    window: parseWindow(flags),
    source: { folder: data ?? null, series: flags.series ?? null },
    seed: seed === undefined ? DIRECTION_SEED : parseInteger(seed, '--seed'),
    parameters: {
      ...DIRECTION_DEFAULTS,
      compare: [],
      peers: [],
      label: defaultLabel(timeframe),
      balance: balance ?? 'none',
    },
    output: { folder: null, is_dry_run: true },
    adopt: false,
    resources: { workers: 1 },
    trigger: { code: 'command', values: { command: 'dataset export' } },
  };
}
