import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRng } from '../shared/rng.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';

const HOUR = 3600;
const BARS = 2000;
const GENERATIONS = 20;
const SEARCHES = 5;

const SPACE = `name: crash
description: A search that is killed.
subject: instrument
features:
  - formula: close / delay(close, n) - 1
    windows: [1, 3, 6, 12]
    thresholds: [-0.02, -0.01, -0.005, 0.005, 0.01, 0.02]
  - formula: rsi(n)
    windows: [7, 14]
    thresholds: [20, 30, 40, 50, 60, 70, 80]
operators: [and, or]
sides: [long, short]
max_conditions: 3
stop_bps: [null, 50, 100, 200]
target_bps: [null, 50, 100, 200]
max_age: [1, 2, 4, 8, 16]
population: 30
generations: ${GENERATIONS}
complexity_penalty: 0.1
`;

let place: Workplace;
beforeAll(() => {
  place = createWorkplace();
  const rng = createRng('evolve crash');
  let price = 100;
  const bars = Array.from({ length: BARS }, (_, t) => {
    const open = price;
    price *= Math.exp(0.006 * rng.normal());
    return `${1_600_000_000 - (1_600_000_000 % HOUR) + t * HOUR},${open},${Math.max(open, price)},${Math.min(open, price)},${price},1`;
  });
  writeFileSync(join(place.folder, 'BTCUSDT.csv'), `time,open,high,low,close,volume\n${bars.join('\n')}\n`);
  writeFileSync(join(place.folder, 'space.yaml'), SPACE);
});
afterAll(() => place.remove());

function search(out: string): string[] {
  const subject = ['--symbol', 'BTCUSDT@1h', '--data', place.folder];
  return [
    'evolve',
    join(place.folder, 'space.yaml'),
    ...subject,
    '--resamples',
    '100',
    '--out',
    join(place.folder, out),
  ];
}

function read(out: string, file: string): string {
  return readFileSync(join(place.folder, out, file), 'utf8');
}

/** Generations that the state has, of all searches. */
function generationsOf(out: string): number {
  if (!existsSync(join(place.folder, out, 'state.json'))) return 0;
  const { searches } = JSON.parse(read(out, 'state.json')) as {
    searches: Readonly<Record<string, { readonly generation: number }>>;
  };
  return Object.values(searches).reduce((sum, { generation }) => sum + generation, 0);
}

describe('a search that is killed', () => {
  it(
    'continues from its last generation, however often, and ends with the bytes of one that was not',
    { timeout: 180_000 },
    async () => {
      const whole = await place.run(search('whole'));
      expect(whole.code).toBe(0);
      expect(generationsOf('whole')).toBe(SEARCHES * GENERATIONS);
      const total = SEARCHES * GENERATIONS;
      let before = 0;
      for (const least of [5, 45]) {
        const killed = place.start(search('killed'));
        await eventually(`generation ${least}`, () => generationsOf('killed') >= least);
        killed.kill('SIGKILL');
        expect(await killed.ended).toBe('SIGKILL');
        const kept = generationsOf('killed');
        // Nothing that was kept is lost.
        expect(kept).toBeGreaterThanOrEqual(Math.max(before, least));
        expect(kept).toBeLessThan(total);
        expect(existsSync(join(place.folder, 'killed', 'report.json'))).toBe(false);
        before = kept;
      }
      const resumed = await place.run(search('killed'));
      expect(resumed.code).toBe(0);
      for (const file of ['state.json', 'report.json', 'rule.yaml'])
        expect(read('killed', file)).toBe(read('whole', file));
    },
  );
});
