import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { packageRoot } from '../shared/root.ts';
import { LEARNER_PROGRAM } from '../shared/policy/environment.ts';
import { createRng } from '../shared/rng.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';

vi.setConfig({ testTimeout: 180_000 });

const FIXTURE = join(packageRoot(), 'trainer/learning/learners/program/logistic_program.fixture.mjs');
/** A learner whose first epoch calls up in 80 % of the rows, and which learns as the fixture does. */
const PROGRAM = [
  process.execPath,
  '-e',
  `console.log(JSON.stringify({ minutehand_learner: 2, name: 'one-sided', tasks: ['binary', 'multiclass'] }));
   require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
     const { id } = JSON.parse(line);
     console.log(JSON.stringify({ id, progress: 0.1, epoch: { class_shares: [0.8, 0.1, 0.1] } }));
     const { stdout } = require('node:child_process').spawnSync(process.execPath, [${JSON.stringify(FIXTURE)}], {
       input: line + '\\n', encoding: 'utf8',
     });
     console.log(stdout.trim().split('\\n').at(-1));
   });`,
];

let place: Workplace;
beforeAll(() => {
  place = createWorkplace();
  const rng = createRng('one-sided');
  let price = 100;
  const bars = Array.from({ length: 1800 }, (_, t) => {
    const open = price;
    price *= Math.exp(0.006 * rng.normal());
    return `${1_599_998_400 + t * 3600},${open},${Math.max(open, price)},${Math.min(open, price)},${price},1`;
  });
  writeFileSync(join(place.folder, 'BTCUSDT-1h.csv'), `time,open,high,low,close,volume\n${bars.join('\n')}\n`);
});
afterAll(() => place.remove());

it('a training tells one-sided epochs on standard error, and its trainer as a remark to log', async () => {
  const train = ['train', '--strategy', 'direction', '--data', '.', '--symbols', 'BTCUSDT', '--engine', 'program'];
  const env = { [LEARNER_PROGRAM]: JSON.stringify(PROGRAM) };
  const text = 'program at 10 % of a fit calls up in 80 % of the watched rows (more than 70 %).';
  const byHand = await place.run(train, { env });
  expect(byHand.code, byHand.stderr).toBe(0);
  expect(byHand.stderr.split('\n')).toContain(text);
  const asRun = await place.run(train, { env: { ...env, MINUTEHAND_PROGRESS: 'json' } });
  expect(asRun.stderr.split('\n')).toContain(JSON.stringify({ note: text }));
});
