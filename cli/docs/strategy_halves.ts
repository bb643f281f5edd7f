import { writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

const REGISTRY = 'shared/strategies/registry.ts';

/** What each strategy has in one layer of the program. */
interface Half {
  /** The list of them all, which is generated. */
  readonly list: string;
  /** Where that of a strategy is. */
  fileOf(strategy: string): string;
  /** What its file exports. */
  exportOf(strategy: string): string;
}

const inCapitals = (strategy: string, what: string): string => `${strategy.toUpperCase()}_${what}`;
const inCamelCase = (strategy: string): string =>
  strategy.replace(/_[a-z]/g, (start) => start.slice(1).toUpperCase());

/** A half whose list has what the file at `contract` declares, by strategies. */
interface Implementation extends Half {
  readonly contract: string;
  readonly type: string;
  /** Name of the list. */
  readonly name: string;
}

const IMPLEMENTATIONS: readonly Implementation[] = [
  {
    list: 'shared/bundle/shelves/shelves.ts',
    name: 'SHELVES',
    type: 'BundleShelf',
    contract: 'shared/bundle/shelves/bundle_shelf.ts',
    fileOf: (strategy) => `shared/bundle/shelves/${strategy}_shelf.ts`,
    exportOf: (strategy) => inCapitals(strategy, 'SHELF'),
  },
  {
    list: 'trainer/jobs/strategies/trainings.ts',
    name: 'TRAININGS',
    type: 'StrategyTraining',
    contract: 'trainer/jobs/strategies/strategy_training.ts',
    fileOf: (strategy) => `trainer/jobs/strategies/${strategy}/training.ts`,
    exportOf: (strategy) => inCapitals(strategy, 'TRAINING'),
  },
  {
    list: 'cli/strategies/commands.ts',
    name: 'COMMANDS',
    type: 'StrategyCommands',
    contract: 'cli/strategies/strategy_commands.ts',
    fileOf: (strategy) => `cli/strategies/${strategy}/commands.ts`,
    exportOf: (strategy) => inCapitals(strategy, 'COMMANDS'),
  },
];

/** Schemas of the jobs that do the strategies' runs. */
const JOBS: Half = {
  list: 'trainer/jobs/kinds/strategy_jobs.ts',
  fileOf: (strategy) => `trainer/jobs/kinds/${strategy}_job.ts`,
  exportOf: (strategy) => `${inCamelCase(strategy)}JobSchema`,
};

/**
 * The list of each half of the strategies: a layer imports none above it, so that no single file can name all halves,
 * and one line in the registry names them all instead.
 * @returns texts by their files
 */
export function renderStrategyHalves(strategies: readonly string[]): Readonly<Record<string, string>> {
  const lists = IMPLEMENTATIONS.map((half) => [half.list, implementationsText(half, strategies)] as const);
  return { ...Object.fromEntries(lists), [JOBS.list]: jobsText(strategies) };
}

/** @param root of the program whose lists are written */
export function writeStrategyHalves(root: string, strategies: readonly string[]): void {
  for (const [file, text] of Object.entries(renderStrategyHalves(strategies))) writeFileSync(join(root, file), text);
}

function implementationsText(half: Implementation, strategies: readonly string[]): string {
  const { list, name, type, contract, exportOf } = half;
  const imports = [
    importText(list, REGISTRY, 'StrategyName', true),
    importText(list, contract, type, true),
    ...importsOf(half, strategies),
  ];
  const entries = strategies.map((strategy) => `  ${strategy}: ${exportOf(strategy)},`);
  return fileText(imports, [`export const ${name}: Readonly<Record<StrategyName, ${type}>> = {`, ...entries, '};']);
}

function jobsText(strategies: readonly string[]): string {
  const schemas = strategies.map(JOBS.exportOf).join(', ');
  return fileText(importsOf(JOBS, strategies), [`export const STRATEGY_JOBS = [${schemas}] as const;`]);
}

function importsOf({ list, fileOf, exportOf }: Half, strategies: readonly string[]): string[] {
  return strategies.map((strategy) => importText(list, fileOf(strategy), exportOf(strategy), false));
}

function importText(from: string, file: string, name: string, isType: boolean): string {
  const path = posix.relative(dirname(from), file);
  return `import ${isType ? 'type ' : ''}{ ${name} } from '${path.startsWith('.') ? path : `./${path}`}';`;
}

function fileText(imports: readonly string[], body: readonly string[]): string {
  const note = `// Generated from ${REGISTRY} by \`npm run docs\`. Do not edit.`;
  return [note, ...imports, '', ...body, ''].join('\n');
}
