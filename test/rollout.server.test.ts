import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activate, activateDirection } from './activate.ts';
import { readActive } from '../shared/bundle/bundle.ts';
import { readRollout, type Rollout } from '../shared/bundle/rollout.ts';
import { openJournal } from '../shared/store/journal.ts';
import type { SignalBody } from '../shared/signal/signal.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { writeTinyDirection } from './tiny_direction.ts';
import { tinyModels } from './tiny_models.ts';

const STAGES = [
  { name: 'test', allocation: 0.1, duration: '2h' },
  { name: 'pilot', allocation: 0.3, duration: '2h' },
  { name: 'rollout', allocation: 0.7, duration: '2h' },
  { name: 'full', allocation: 1, duration: 'ongoing' },
] as const;

let place: Workplace;
let daemon: Running;
let versions: string[];
let directions: string[];
beforeAll(async () => {
  place = createWorkplace({
    retrain: { deployment_stages: STAGES, rollout_min_labels: 5, rollout_loss_budget_bps: 10_000 },
    minutehand: { instruments: ['XAUUSD'], simulated: { history_bars: 100, bar_interval_ms: 15 } },
  });
  versions = [];
  for (const seed of [1, 2]) versions.push((await tinyModels(place.models, { seed })).version);
  activate(place.models, versions[0]!);
  directions = [1, 2].map((day) => writeTinyDirection(place.models, 'XAUUSD', '1m', new Date(Date.UTC(2026, 0, day))));
  activateDirection(place.models, directions[0]!, place.home);
}, 60_000);
afterAll(() => place.remove());

const journal = (): string => join(place.home, 'simulated_main.db');

/** Bodies of all signals published so far. The journal's file may come after the first signal. */
function published(): SignalBody[] {
  if (!existsSync(journal())) return [];
  const store = openJournal(journal(), { readOnly: true });
  try {
    return [...store.signals()].map(({ body }) => JSON.parse(`${body}}`) as SignalBody);
  } finally {
    store.close();
  }
}

async function json<Answer>(...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await place.run([...args, '--json']);
  expect(`${code} ${stderr}`).toMatch(/^0 /);
  return JSON.parse(stdout) as Answer;
}

/** Waits for new signals of a kind. */
async function newSignals(what: string, isWanted: (body: SignalBody) => boolean): Promise<void> {
  const before = published().length;
  await eventually(what, () => published().slice(before).some(isWanted) || undefined);
}

describe('a rollout through all processes', { timeout: 300_000 }, () => {
  it('goes through its stages across kill -9, falls back when aborted, and replays byte for byte', async () => {
    daemon = place.start(['daemon']);
    const signals = join(place.home, 'signals');
    await eventually('signals of the champion', async () => {
      // The journal has its tables once the first signal is published.
      if (!existsSync(signals) || readdirSync(signals).length === 0) return undefined;
      return published().some(({ mode }) => mode === 'OK') || undefined;
    });
    const started = await json<Rollout>('rollout', 'start', versions[1]!);
    expect(started).toMatchObject({ stage: 'test', share: 0.1, champion: versions[0], challenger: versions[1] });
    const again = await place.run(['rollout', 'start', versions[1]!]);
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('ROLLOUT_STATE')]);
    await newSignals('signals of the rollout', ({ rollout }) => rollout === started.id);

    daemon.kill('SIGKILL');
    await daemon.ended;
    daemon = place.start(['daemon']);
    await newSignals('signals of the rollout after a kill', ({ rollout }) => rollout === started.id);

    // Until the stage is over and its labels have matured.
    const enough = Date.parse(started.started) + 5 * 3_600_000;
    await eventually('five hours of the market', () => Date.parse(published().at(-1)!.timestamp) > enough);
    const pilot = await eventually('the stage pilot', async () => {
      const { rollout } = await json<{ rollout: Rollout }>('rollout', 'advance');
      expect(rollout.status).toBe('active');
      return rollout.stage === 'test' ? undefined : rollout;
    });
    expect(pilot).toMatchObject({ id: started.id, stage: 'pilot', share: 0.3 });
    await newSignals('signals of the challenger', ({ arm }) => arm === 'challenger');
    expect(readActive(place.models)!.version).toBe(versions[0]);

    const status = await json<{ verdict: string; facts: { labels: number } }>('rollout', 'status');
    expect(status.facts.labels).toBeGreaterThanOrEqual(5);
    await json('rollout', 'abort', 'for a test');
    expect(readRollout(place.models)).toMatchObject({ status: 'aborted', reason: 'for a test' });
    await eventually(
      'signals without a rollout',
      () =>
        published()
          .slice(-8)
          .every(({ arm }) => arm === undefined) || undefined,
    );

    // The same daemon, now of its instrument.
    const own = await json<Rollout>('rollout', 'start', directions[1]!);
    expect(own).toMatchObject({ timeframe: '1m', stage: 'test', champion: directions[0], challenger: directions[1] });
    await newSignals('signals of the direction challenger', ({ model_version: by }) => by === directions[1]);
    daemon.kill('SIGKILL');
    await daemon.ended;
    daemon = place.start(['daemon']);
    await newSignals('its signals after a kill', ({ model_version: by }) => by === directions[1]);
    const look = await json<{ verdict: string; rollout: Rollout }>('rollout', 'advance');
    expect(look).toMatchObject({ rollout: { id: own.id, timeframe: '1m', status: 'active' } });
    expect(['continue', 'advance']).toContain(look.verdict);
    await json('rollout', 'abort', 'for a test');
    const ended = published().length;
    await newSignals('signals of the direction champion alone', ({ model_version: by }) => by === directions[0]);
    expect(published().length).toBeGreaterThan(ended);

    daemon.kill('SIGTERM');
    await daemon.ended;
    const all = published();
    const bodies = all.filter(({ pair_id }) => pair_id !== 'XAUUSD');
    for (const { arm, model_version } of bodies)
      expect(model_version).toBe(arm === 'challenger' ? versions[1] : model_version === '' ? '' : versions[0]);
    expect(new Set(bodies.map(({ arm }) => arm))).toEqual(new Set([undefined, 'champion', 'challenger']));
    const replay = await json<{ differences: unknown[]; equal: number }>(
      ...['replay', '--journal', journal(), '--models', place.models],
    );
    expect(replay.differences).toEqual([]);
    expect(replay.equal).toBe(all.length);
  });
});
