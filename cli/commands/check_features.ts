import type { Command } from 'commander';
import { isoMinute, type OpenTime } from '../../shared/bar.ts';
import { readActive } from '../../shared/bundle/bundle.ts';
import { featureSchema, type FeatureSchema, type InstrumentSchema } from '../../shared/bundle/feature_schema.ts';
import { ALL_SHELVES, shelfOfFolder } from '../../shared/bundle/shelves/registry.ts';
import { isRuleBundle, ruleFolder } from '../../shared/bundle/rule/active_rule.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { parsePair } from '../../shared/pair.ts';
import { pathInside } from '../../shared/path_name.ts';
import { FEATURES_OF_BARS, FEATURES_OF_STORE } from '../../shared/policy/feature_place.ts';
import { withFormulas } from '../../shared/policy/feature_settings.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { openSource } from '../../trainer/jobs/feature_source/open_source.ts';
import {
  identitiesOf,
  schemaDiff,
  type ColumnIdentity,
  type SchemaDiff,
} from '../../trainer/learning/feature_table/feature_table.ts';
import { bundleByName } from '../bundle_name.ts';
import { configOf, configOption } from '../config_option.ts';
import type { Output } from '../output.ts';
import { commandsOfShelf } from '../strategies/registry.ts';
import { isThere } from '../../shared/files.ts';

interface CheckFeaturesFlags {
  readonly features?: string;
  readonly model?: string;
  readonly config?: string;
}

/** Rows that a table has of a pair. */
interface PairEnd {
  readonly pair: string;
  /** null: no rows. */
  readonly newest: string | null;
}

export function addCheckFeatures(check: Command, output: () => Output): void {
  check
    .command('features')
    .description(
      'compares the columns of a feature table, or of a bundle, with the features that this version and configuration compute: missing, extra, and of other windows or formulas; exit code 1 when they differ, or a configured pair has no rows',
    )
    .option(
      '--features <place>',
      'a CSV or Parquet file, store, table:schema.name or postgres://…?table=schema.name (default: retrain_features, else store)',
    )
    .option(
      '--model <version or path>',
      'a bundle of pairs, or of a direction model, in place of a table; `active`: the active one of pairs',
    )
    .addOption(configOption())
    .addHelpText(
      'after',
      '\nExamples:\n  minutehand check features --features table:research.pair_features\n  minutehand check features --model active',
    )
    .action((flags: CheckFeaturesFlags) => checkFeatures(flags, output()));
}

/** @throws MinutehandError USAGE; MODEL_MISSING, MODEL_MANIFEST; DATA_MISSING, TABLE_FORMAT, STORE_UNUSABLE */
async function checkFeatures(flags: CheckFeaturesFlags, output: Output): Promise<void> {
  if (flags.features !== undefined && flags.model !== undefined)
    throw new MinutehandError('USAGE', { seen: '--features with --model', expected: 'one of them' });
  const settings = withFormulas(loadSettings(configOf(flags.config)));
  const { place, columns, pairs, schema } =
    flags.model === undefined
      ? await readTable(tableOf(flags, settings), settings)
      : await readBundleColumns(bundleFolder(flags.model), settings);
  const difference = schemaDiff(identitiesOf(schema.definitions), columns);
  const without = pairs.filter(({ newest }) => newest === null);
  const isSame = difference.missing.length + difference.extra.length + difference.changed.length === 0;
  const ok = isSame && without.length === 0;
  output.line(
    `${place}: ${columns.length} columns; this configuration computes ${schema.definitions.length} (${schema.hash})`,
  );
  for (const line of differenceLines(difference)) output.line(`  ${line}`);
  for (const { pair, newest } of pairs) output.line(`  ${pair}: ${newest === null ? 'no rows' : `rows to ${newest}`}`);
  if (ok) output.line('The same features.');
  output.result({ ok, place, schema: schema.hash, ...difference, pairs });
  if (!ok) process.exitCode = 1;
}

/** @throws MinutehandError USAGE for bars, which have no table */
function tableOf({ features }: CheckFeaturesFlags, { retrain }: Settings): string {
  if (features === FEATURES_OF_BARS)
    throw new MinutehandError('USAGE', { seen: '--features bars', expected: 'a table: those of bars are computed' });
  if (features !== undefined) return features;
  return retrain.retrain_features === FEATURES_OF_BARS ? FEATURES_OF_STORE : retrain.retrain_features;
}

/** Columns of a table or a bundle, and what this version and configuration compute for the same subjects. */
interface Compared {
  readonly place: string;
  readonly columns: readonly ColumnIdentity[];
  readonly pairs: readonly PairEnd[];
  readonly schema: FeatureSchema | InstrumentSchema;
}

async function readTable(place: string, settings: Settings): Promise<Compared> {
  const source = (await openSource(place, settings, settings.minutehand.market))!;
  try {
    const pairs: PairEnd[] = [];
    for (const { id } of settings.minutehand.pairs.map(parsePair)) {
      const newest = await source.newest(id);
      pairs.push({ pair: id, newest: newest === null ? null : isoMinute(newest as OpenTime) });
    }
    const schema = featureSchema(settings.minutehand.windows);
    return { place: source.place, columns: source.columns, pairs, schema };
  } finally {
    await source.close();
  }
}

function bundleFolder(name: string): string {
  const { models } = homePaths();
  return name === 'active'
    ? activeFolder(models)
    : bundleByName([...ALL_SHELVES.map((shelf) => shelf.folder(models)), ruleFolder(models)], name);
}

/**
 * The columns of a bundle, with windows as its manifest has them.
 * @throws MinutehandError USAGE for a rule
 */
async function readBundleColumns(folder: string, settings: Settings): Promise<Compared> {
  const { columnsOf } = commandsOfShelf(shelfOfFolder(folder).name);
  if (isRuleBundle(folder) || columnsOf === undefined)
    throw new MinutehandError('USAGE', {
      seen: `${folder} is a rule`,
      expected: 'a bundle of models: a rule has no columns',
    });
  const own = await columnsOf(folder, settings);
  return { place: own.version, columns: own.columns, pairs: [], schema: own.schema };
}

function activeFolder(models: string): string {
  const active = readActive(models);
  const folder = active === null ? null : pathInside(models, active.version);
  if (folder === null || !isThere(folder))
    throw new MinutehandError('MODEL_MISSING', { seen: `no active version in ${models}` });
  return folder;
}

function differenceLines({ missing, extra, changed }: SchemaDiff): string[] {
  return [
    ...missing.map((name) => `missing: ${name}`),
    ...extra.map((name) => `extra: ${name}`),
    ...changed.map(({ name, text }) => `other: ${name} (${text})`),
  ];
}
