import { rmSync } from 'node:fs';
import { createRng } from '../../../../shared/rng.ts';
import { temporaryFolder } from '../../../../shared/temporary_folder.ts';

let requests = 0;

export interface AskedFit {
  /** Path of the file of the rows. */
  readonly rows: string;
  readonly features: readonly string[];
  readonly seed: string;
  /** Absent: one probability. */
  readonly classes?: number | undefined;
}

/** What the request of every fit says. No two of this process have the same id. */
export function fitRequest({ rows, features, seed, classes }: AskedFit) {
  return {
    id: ++requests,
    ...(classes === undefined ? { task: 'binary' as const } : { task: 'multiclass' as const, classes }),
    rows,
    features,
    seed: createRng(seed).integer(2 ** 31),
  };
}

/** Names of some columns of a matrix, where a column has none by its number. */
export function namesOf(columns: readonly number[], columnNames: readonly string[]): string[] {
  return columns.map((column) => columnNames[column] ?? `column_${column}`);
}

/** Gives work a temporary folder for the files of a request, which is removed afterward. */
export async function inTemporaryFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = temporaryFolder('learner');
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
