import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { tinyModels, tinySettings } from './tiny_models.ts';
import { trainTinyModels } from './trained_models.ts';

const folder = mkdtempSync(join(tmpdir(), 'minutehand-tiny-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Kept models have passed all gates, so that tests can activate them: the verdicts are not compared. */
const contentOf = (path: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(path).map((name) => {
      const bytes = readFileSync(join(path, name));
      const manifest = (): string => JSON.stringify({ ...(JSON.parse(bytes.toString()) as object), gates: undefined });
      return [name, name === 'manifest.json' ? manifest() : bytes.toString('base64')];
    }),
  );

it('a copy of kept models equals a training with other settings of feed, transports, log and pace', async () => {
  const settings = tinySettings({
    minutehand: {
      market: 'live',
      feed: { straggler_timeout_ms: 777 },
      transports: { daemon: { port: 7777 } },
      log: { level: 'info' },
      simulated: { bar_interval_ms: 77, history_bars: 777 },
    },
  });
  const trained = await trainTinyModels(join(folder, 'trained'), { settings, seed: 1 });
  const first = await tinyModels(join(folder, 'first'), { seed: 1 });
  const copy = await tinyModels(join(folder, 'copy'), { seed: 1, settings });
  expect(contentOf(first.path)).toEqual(contentOf(trained.path));
  expect(contentOf(copy.path)).toEqual(contentOf(trained.path));
  const next = await tinyModels(join(folder, 'copy'), { seed: 1 });
  expect([copy.version, next.version]).toEqual([trained.version, `${trained.version}00`]);
});
