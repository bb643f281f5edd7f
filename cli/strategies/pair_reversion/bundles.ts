import { activePath } from '../../../shared/bundle/bundle.ts';
import { refuseDenied } from '../../../shared/files.ts';
import { listVersions, readManifest } from '../../../shared/bundle/bundle.ts';
import { keyOf } from '../../../shared/bundle/gates/gate_result.ts';
import type { Manifest, Skill } from '../../../shared/bundle/manifest.ts';
import { recordedGates } from '../../../shared/bundle/recorded_gates.ts';
import { slotPointers } from '../../../shared/bundle/shelves/slot_pointers.ts';
import { describeError } from '../../../shared/errors.ts';
import { homePaths } from '../../../shared/home.ts';
import { pathInside } from '../../../shared/path_name.ts';
import { rolloutCard } from '../../../trainer/control/rollout/rollout_card.ts';
import { renderCard } from '../../../trainer/learning/bundle/card.ts';
import type { Output } from '../../output.ts';
import { gatesLine } from '../../gates_line.ts';
import { versionMark } from '../../version_mark.ts';

/** Prints the bundles of pairs of a folder of models, oldest first. @returns what `models list --json` tells of them */
export function listPairs(models: string, output: Output) {
  const { version: active, previous, shadow } = slotPointers(models, 'pairs');
  const rows = listVersions(models).map((version) => ({
    version,
    active: version === active,
    shadow: version === shadow,
    ...summarize(pathInside(models, version)),
  }));
  if (rows.length === 0) refuseDenied(activePath(models));
  if (rows.length === 0) output.line(`No bundles of pairs in ${models}. \`minutehand train\` makes one.`);
  for (const row of rows) {
    const about =
      row.error === null
        ? `${row.market!.padEnd(9)} AI1 AUC ${row.auc?.toFixed(4) ?? '–'}${row.skill === null ? '' : `, skill ${row.skill.skill.toFixed(4)}`}, ${row.pairs_with_edge} of ${row.pairs} pairs with an edge${gatesLine(row)}`
        : row.error;
    output.line(`${versionMark(row)} ${row.version.padEnd(16)} ${about}`);
    if (row.learning !== null) output.line(`    ${learningLine(row.learning)}`);
    if (row.active || row.shadow) for (const line of breakEvenLines(row.break_even)) output.line(line);
  }
  return { active, previous, bundles: rows };
}

/** Prints the card of a bundle of pairs. @throws MinutehandError as readManifest */
export function showPairs(folder: string, output: Output): void {
  const manifest = readManifest(folder);
  output.line(renderCard(manifest) + rolloutCard(homePaths().models, manifest.version));
  const { golden: _golden, ...rest } = manifest;
  output.result(rest);
}

type BreakEven = Readonly<Record<string, { break_even_cost_bps: number | null; cost_bps: number | null }>>;

function breakEvenLines(pairs: BreakEven): string[] {
  const bps = (value: number | null): string => (value === null ? '–' : value.toFixed(2)).padStart(6);
  return Object.entries(pairs).map(
    ([pair, { break_even_cost_bps, cost_bps }]) =>
      `    ${pair.padEnd(16)} break-even cost ${bps(break_even_cost_bps)} bps, configured ${bps(cost_bps)} bps`,
  );
}

/** What a bundle was learned from, and how. */
interface Learning {
  readonly from: string;
  readonly to: string;
  readonly engine: string;
  readonly seed: number;
  /** SHA-256 of the rows that were learned from and evaluated on: the same table has the same one; null: unknown. */
  readonly dataset_id: string | null;
  /** Settings as plain values, `section.key`, with policy_hash; null in earlier bundles. */
  readonly configuration: NonNullable<Manifest['configuration']> | null;
  /** Of the parameter search; 0 without one, null in earlier bundles. */
  readonly search_trials: number | null;
  /** Roles whose model is of another program. */
  readonly imported: readonly string[];
}

function learningOf({ period, engine, seed, dataset_id, configuration, search, imported = {} }: Manifest): Learning {
  return {
    from: period.from,
    to: period.to,
    engine: engine.name,
    seed,
    dataset_id: dataset_id ?? null,
    configuration: configuration ?? null,
    search_trials:
      search === undefined ? null : Math.max(...[search.ai1, search.ai2, search.ai3].map((own) => own?.trials ?? 0)),
    imported: Object.keys(imported),
  };
}

/** `gbdt of 2023-11-01T00:00Z to 2024-01-05T11:59Z, seed 1, table 1f0c9a77b2d4, settings 5c3e01d2aa4f`. */
function learningLine({
  from,
  to,
  engine,
  seed,
  dataset_id,
  configuration,
  search_trials,
  imported,
}: Learning): string {
  const table = dataset_id === null ? '' : `, table ${dataset_id.slice(0, 12)}`;
  const { policy_hash } = configuration ?? {};
  const settings = policy_hash === undefined ? '' : `, settings ${String(policy_hash).slice(0, 12)}`;
  const search =
    search_trials === null ? '' : search_trials === 0 ? ', no search' : `, search of ${search_trials} trials`;
  const brought = imported.length === 0 ? '' : ` (${imported.join(', ')} imported)`;
  return `${engine}${brought} of ${from} to ${to}, seed ${seed}${table}${settings}${search}`;
}

function summarize(folder: string): {
  learning: Learning | null;
  failed_gates: readonly string[];
  /** Without a verdict. */
  missing_gates: readonly string[];
  market: string | null;
  auc: number | null;
  skill: Skill | null;
  pairs: number;
  pairs_with_edge: number;
  break_even: BreakEven;
  error: string | null;
} {
  try {
    const manifest = readManifest(folder);
    const { market, metrics, edge, skill = null } = manifest;
    const { failed, missing } = recordedGates(manifest);
    const edges = Object.values(edge);
    return {
      learning: learningOf(manifest),
      failed_gates: failed.map(keyOf),
      missing_gates: missing.map(keyOf),
      market,
      auc: metrics.ai1.holdout.auc,
      skill,
      pairs: edges.length,
      pairs_with_edge: edges.filter(({ no_edge }) => !no_edge).length,
      break_even: Object.fromEntries(
        Object.entries(edge).map(([pair, { break_even_cost_bps = null, mean_cost_bps = null }]) => [
          pair,
          { break_even_cost_bps, cost_bps: mean_cost_bps },
        ]),
      ),
      error: null,
    };
  } catch (error) {
    const { code, message } = describeError(error);
    return {
      learning: null,
      failed_gates: [],
      missing_gates: [],
      market: null,
      auc: null,
      skill: null,
      pairs: 0,
      pairs_with_edge: 0,
      break_even: {},
      error: `${code}: ${message}`,
    };
  }
}
