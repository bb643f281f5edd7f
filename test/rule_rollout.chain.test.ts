import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OpenTime } from '../shared/bar.ts';
import type { Rollout } from '../shared/bundle/rollout.ts';
import { ruleFolder } from '../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../shared/bundle/rule/rule_bundle.ts';
import type { StrategyDocument } from '../shared/policy/strategy_file.ts';
import type { InstrumentBody } from '../shared/signal/instrument_signal.ts';
import { openJournal } from '../shared/store/journal.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { tinyModels } from './tiny_models.ts';
import { tinyRule } from './tiny_rule.ts';

const ID = 'XAUUSD';
/** Nothing but a person ends the rollout, and each arm decides half of the hours. */
const STAGES = [
  { name: 'test', allocation: 0.5, duration: '90d' },
  { name: 'pilot', allocation: 0.6, duration: '90d' },
  { name: 'rollout', allocation: 0.7, duration: '90d' },
  { name: 'full', allocation: 1, duration: 'ongoing' },
] as const;
/** Maximum age of a position in bars: the only exit of both arms. */
const MAX_AGE = 7;

const ruleOf = (name: string, entries: Partial<StrategyDocument>): StrategyDocument => ({
  name,
  description: 'a test',
  subject: 'instrument',
  max_age: MAX_AGE,
  ...entries,
});
const RISES = ruleOf('rises', { entry_long: 'close > delay(close, 1)' });
const FALLS = ruleOf('falls', { entry_short: 'close < delay(close, 1)' });

interface Answered {
  readonly bootId: string;
  readonly time: number;
  readonly body: InstrumentBody;
  readonly position: { readonly side: number; readonly positionId: string; readonly rollout?: string };
}

let place: Workplace;
let champion: string;
let challenger: string;
beforeAll(async () => {
  place = createWorkplace({
    retrain: {
      deployment_stages: STAGES,
      rollout_min_labels: 1_000_000,
      rollout_loss_budget_bps: 10_000,
      rollout_block_minutes: 60,
      rollout_timeout_days: 365,
    },
    minutehand: { instruments: [ID], simulated: { history_bars: 400, bar_interval_ms: 50 } },
  });
  activate(place.models, (await tinyModels(place.models)).version);
  const write = (day: number, strategy: StrategyDocument): string => {
    const content = tinyRule(ID, { market: 'simulated', strategy });
    return basename(writeRuleBundle(ruleFolder(place.models), new Date(Date.UTC(2026, 0, day)), content));
  };
  champion = write(1, RISES);
  challenger = write(2, FALLS);
}, 60_000);
afterAll(() => place.remove());

function read<Rows>(work: (journal: ReturnType<typeof openJournal>) => Rows): Rows {
  const journal = openJournal(join(place.home, 'simulated_main.db'), { readOnly: true });
  try {
    return work(journal);
  } finally {
    journal.close();
  }
}

function published(): Answered[] {
  if (!existsSync(join(place.home, 'simulated_main.db'))) return [];
  return read((journal) =>
    [...journal.signals()].flatMap(({ pairId, bootId, time, body, position }) =>
      pairId === ID
        ? [
            {
              bootId,
              time,
              body: JSON.parse(`${body}}`) as InstrumentBody,
              position: JSON.parse(position) as Answered['position'],
            },
          ]
        : [],
    ),
  );
}

/** Virtual answers of an arm. */
function answersOf(version: string, rollout: string): { readonly time: number; readonly body: InstrumentBody }[] {
  return read((journal) =>
    [...journal.shadowsOf(`${version}@${rollout}`, 0 as OpenTime)].map(({ time, body }) => ({
      time,
      body: JSON.parse(`${body}}`) as InstrumentBody,
    })),
  );
}

async function start(...args: string[]): Promise<Running> {
  const before = new Set(published().map(({ bootId }) => bootId));
  const running = place.start(args);
  await eventually(
    () => `signals of ${args.join(' ')}: ${running.stderr()}`,
    () => published().some(({ bootId, body }) => !before.has(bootId) && body.mode !== 'WARMUP') || undefined,
  );
  return running;
}

/** Waits until the newest signal leaves a position of this arm open. */
const openPosition = (ofChallenger: boolean, rollout: string): Promise<unknown> =>
  eventually('an open position of the arm', () => {
    const { position, body } = published().at(-1)!;
    const isOfChallenger = position.rollout === rollout;
    return (position.side !== 0 && body.reason === 'IN_POSITION' && isOfChallenger === ofChallenger) || undefined;
  });

/** What a rule answers to each bar, by a plain loop over the closes. */
function expectedActions(bars: readonly { readonly body: InstrumentBody }[], side: number): string[] {
  let age = -1;
  let before = NaN;
  return bars.map(({ body: { price } }) => {
    const isEntry = side * (price! - before) > 0;
    before = price!;
    if (age >= 0) {
      age++;
      if (age < MAX_AGE) return 'HOLD';
      age = -1;
      return 'EXIT';
    }
    if (!isEntry) return 'HOLD';
    age = 0;
    return 'ENTER';
  });
}

async function json<Answer>(...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await place.run([...args, '--json']);
  expect(`${code} ${stderr}`).toMatch(/^0 /);
  return JSON.parse(stdout) as Answer;
}

it(
  'arms, positions and answers of a rollout of rules go on over SIGKILL and `up --replace`, and replay to the byte',
  { timeout: 300_000 },
  async () => {
    let running = await start('daemon');
    await json('models', 'promote', champion);
    await eventually('the champion', () => published().at(-1)!.body.model_version === `rule/${champion}` || undefined);
    const { id } = await json<Rollout>('rollout', 'start', challenger);

    await openPosition(true, id);
    running.kill('SIGKILL');
    await running.ended;
    running = await start('daemon');
    await openPosition(false, id);
    running.kill('SIGKILL');
    await running.ended;

    const first = await start('up');
    await openPosition(true, id);
    const boots = new Set(published().map(({ bootId }) => bootId)).size;
    const second = await start('up', '--replace');
    expect(await first.ended).toBe(0);
    await openPosition(true, id);
    await openPosition(false, id);
    const { rollout } = await json<{ rollout: Rollout }>('rollout', 'status');
    expect(rollout).toMatchObject({ id, status: 'active', stage: 'test' });
    await json('rollout', 'abort', 'for a test');
    await eventually('the champion alone', () => {
      const last = published().slice(-20);
      return last.every(({ body }) => body.model_version === `rule/${champion}`) || undefined;
    });
    second.kill('SIGTERM');
    await second.ended;

    const all = published();
    expect(new Set(all.map(({ bootId }) => bootId)).size).toBe(boots + 1);
    // Each position ends in the arm that opened it, whichever process answers.
    const rows = all.filter(({ body }) => body.model_version.startsWith('rule/'));
    const began = rows.findIndex(({ position }) => position.rollout === id);
    for (const [index, { body, bootId }] of rows.entries()) {
      const before = rows[index - 1];
      if (index <= began || before === undefined || before.position.side === 0) continue;
      const isOfChallenger = before.position.rollout === id;
      const isAborted = index > rows.findLastIndex(({ body: own }) => own.model_version === `rule/${challenger}`);
      if (!isAborted) expect(body.model_version).toBe(`rule/${isOfChallenger ? challenger : champion}`);
      expect(body.position_id).toBe(before.position.positionId);
      if (before.bootId !== bootId) expect(['IN_POSITION', 'AGE_EXIT', 'SILENCE', 'SHUTDOWN']).toContain(body.reason);
    }
    expect(
      rows.filter(({ body }) => body.reason === 'SHUTDOWN' && body.timestamp > rollout.started).length,
    ).toBeLessThan(3);

    // The evidence: both arms have answered every bar, as if nothing had happened.
    const arms = [answersOf(champion, id), answersOf(challenger, id)] as const;
    expect(arms[0].length).toBeGreaterThan(100);
    expect(arms[0].map(({ time }) => time)).toEqual(arms[1].map(({ time }) => time));
    const span = all.filter(({ time }) => time >= arms[0][0]!.time && time <= arms[0].at(-1)!.time);
    const answered = span.filter(({ body }) => !['SILENCE', 'SHUTDOWN', 'BAR_SUSPECT'].includes(body.reason));
    expect(arms[0].map(({ time }) => time)).toEqual(answered.map(({ time }) => time));
    for (const [index, side] of [1, -1].entries()) {
      const bars = arms[index]!;
      // Without the first: its previous close is before the rollout.
      const flat = bars.findIndex(({ body }, at) => at > 0 && body.target === 0 && body.action === 'HOLD');
      const actions = bars.map(({ body }) => body.action);
      expect(actions.slice(flat + 1)).toEqual(expectedActions(bars.slice(flat), side).slice(1));
    }

    const replay = await json<{ differences: unknown[]; equal: number; signals: number }>(
      ...['replay', '--journal', join(place.home, 'simulated_main.db'), '--models', place.models],
    );
    expect(replay.differences).toEqual([]);
    expect(replay.equal).toBe(replay.signals);
  },
);
