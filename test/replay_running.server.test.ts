import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { activate } from './activate.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { tinyModels } from './tiny_models.ts';

interface Replayed {
  readonly signals: number;
  readonly equal: number;
  readonly unanswered: number;
  readonly differences: readonly unknown[];
}

const REPLAYS = 6;

let place: Workplace;
let daemon: Running;
beforeAll(async () => {
  place = createWorkplace({ minutehand: { simulated: { history_bars: 100, bar_interval_ms: 10 } } });
  activate(place.models, (await tinyModels(place.models)).version);
  daemon = place.start(['daemon']);
  await eventually(
    () => `a daemon that publishes: ${daemon.stderr()}`,
    async () => (await place.run(['status', '--json'])).stdout.includes('"mode":"OK"'),
  );
}, 60_000);
afterAll(() => place.remove());

it('replay --journal reproduces every signal of a running daemon', { timeout: 120_000 }, async () => {
  const journal = join(place.home, 'simulated_main.db');
  const command = ['replay', '--journal', journal, '--models', place.models, '--json'];
  const runs = await place.runEach(Array.from({ length: REPLAYS }, () => command));
  const summaries = runs.map(({ stdout }) => JSON.parse(stdout) as Replayed);
  expect(summaries.flatMap(({ differences }) => differences.slice(0, 1))).toEqual([]);
  expect(runs.map(({ code }) => code)).toEqual(Array.from({ length: REPLAYS }, () => 0));
  for (const { signals, equal, unanswered } of summaries) expect(equal + unanswered).toBe(signals);
  const counts = summaries.map(({ equal }) => equal);
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  // The daemon wrote to the journal meanwhile.
  expect(counts.at(-1)).toBeGreaterThan(counts[0]!);
});
