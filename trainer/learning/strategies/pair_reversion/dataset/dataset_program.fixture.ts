import { readFileSync, writeSync } from 'node:fs';
import { readBarFolder } from '../../../../../shared/bar_file/bar_file.ts';
import { parsePair, symbolsOf } from '../../../../../shared/pair.ts';
import { buildDataset, type DatasetPolicy } from './dataset.ts';
import type { CacheOptions } from '../../../dataset/cache_folder.ts';

/** The program's job, as JSON in the file named by its argument. */
export interface DatasetJob {
  readonly pairs: readonly string[];
  readonly data: string;
  readonly policy: DatasetPolicy;
  readonly workers: number;
  readonly cache: CacheOptions | null;
}

/** Builds a dataset in a separate process that may be killed: prints a line per pair, then one with the outcome. */
const job = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as DatasetJob;
const pairs = job.pairs.map(parsePair);
const bars = await readBarFolder(job.data, symbolsOf(pairs));
const { snapshotId, cache } = await buildDataset(pairs, bars, job.policy, {
  workers: job.workers,
  cache: job.cache,
  onProgress: (done) => print({ done }),
});
print({ snapshotId, cache });

/** Synchronous, so that it is written even if the process is killed right after. */
function print(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}
