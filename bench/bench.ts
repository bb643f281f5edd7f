/**
 * `npm run bench`: runs every part. Writes docs/reference/BENCHMARKS.md and the raw figures to
 * bench/results/latest.json, and prints them. Takes about 45 minutes; with `-- --soak 1m --swaps 200`, 30 minutes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../shared/root.ts';
import { parseDurationMs } from './duration.ts';
import { soakFailure } from './end_to_end/soak.ts';
import { PARTS } from './part_names.ts';
import { runParts } from './parts.ts';
import { renderBenchmarks } from './report.ts';

const USAGE = 'Usage: npm run bench [-- --soak 10m --swaps 1000]. For single parts: minutehand bench --help\n';

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        soak: { type: 'string', default: '10m' },
        swaps: { type: 'string', default: '1000' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (!values.help) return { soakMs: parseDurationMs(values.soak), manySwaps: Number(values.swaps) };
    process.stdout.write(USAGE);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

const result = await runParts({
  parts: PARTS,
  idle: true,
  ...readOptions(),
  print: (line) => void process.stderr.write(`${line}\n`),
});
const root = packageRoot();
const raw = join(root, 'bench', 'results', 'latest.json');
mkdirSync(dirname(raw), { recursive: true });
writeFileSync(raw, `${JSON.stringify(result, null, 1)}\n`);
writeFileSync(join(root, 'docs', 'reference', 'BENCHMARKS.md'), renderBenchmarks(result));
process.stdout.write(`${JSON.stringify(result)}\n`);
const failure = result.soak === undefined ? null : soakFailure(result.soak);
if (failure !== null) {
  process.stderr.write(`The soak failed: ${failure}.\n`);
  process.exitCode = 1;
}
