import type { ImportGraph } from './import_graph.ts';

/** Rooms of the strategy `direction`: their files know each other. */
const ROOMS = [
  'shared/bundle/direction/',
  'shared/strategies/direction/',
  'trainer/learning/strategies/direction/',
  'trainer/jobs/strategies/direction/',
  'cli/strategies/direction/',
  // Files that each strategy has by its name.
  'shared/bundle/shelves/direction_shelf.ts',
  'trainer/jobs/kinds/direction_job.ts',
  // The lists of strategies.
  'shared/bundle/shelves/registry.ts',
  'trainer/jobs/strategies/registry.ts',
  'trainer/jobs/kinds/registry.ts',
  'cli/strategies/registry.ts',
];

const TEST_ONLY = /\.(test|fixture|oracle)\.tsx?$/;

/** A comparison with the name of a strategy, of its shelf, or of a run of it. */
const BRANCH = /[!=]== '(?:direction|pairs|pair_reversion)'/g;

/** Production files outside the rooms of direction that import a path with `direction` in it, sorted. */
export function knowDirection(graph: ImportGraph): readonly string[] {
  return [...graph]
    .filter(([file, targets]) => isOutside(file) && targets.some((target) => target.includes('direction')))
    .map(([file]) => file)
    .sort();
}

/** Comparisons with the name of a strategy in the text of a production file. */
export function branchesOnName(file: string, text: string): number {
  return isOutside(file) ? (text.match(BRANCH) ?? []).length : 0;
}

/** Numbers of files by top folder; the trainer by layer. */
export function countedByFolder(files: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const file of files) {
    const [top, layer] = file.split('/') as [string, string];
    const folder = top === 'trainer' ? `${top}/${layer}` : top;
    counts[folder] = (counts[folder] ?? 0) + 1;
  }
  return counts;
}

function isOutside(file: string): boolean {
  return !TEST_ONLY.test(file) && !file.startsWith('test/') && !ROOMS.some((room) => file.startsWith(room));
}
