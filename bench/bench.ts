import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../shared/root.ts';
import { renderBenchmarks } from './report.ts';
import { benchStations } from './stations.ts';

const MINUTES = 3000;

const result = await benchStations(MINUTES, (line) => void process.stderr.write(`${line}\n`));
writeFileSync(join(packageRoot(), 'docs', 'BENCHMARKS.md'), renderBenchmarks(result));
process.stdout.write(`${JSON.stringify(result, null, 1)}\n`);
