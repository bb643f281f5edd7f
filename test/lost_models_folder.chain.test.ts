import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readRolloutFile, type Rollout } from '../shared/bundle/rollout.ts';
import { readActiveRule, readRuleShadow, ruleFolder } from '../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../shared/bundle/rule/rule_bundle.ts';
import { readShadow } from '../shared/bundle/shadow_pointer.ts';
import { readActive } from '../shared/bundle/bundle.ts';
import { openJournal } from '../shared/store/journal.ts';
import { openStore } from '../trainer/store/store.ts';
import { passedGates } from './passed_gates.ts';
import { copyUnder, tinyModels } from './tiny_models.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { tinyRule } from './tiny_rule.ts';

/** With a rollout of its rules, and with a rule in shadow. */
const ROLLED = 'XAUUSD';
const SHADOWED = 'XAGUSD';
const ACTIVE = '20240106_1200';
const SHADOW = '20240107_1200';
const PERIOD = { from: '2024-01-01T00:00Z', to: '2024-01-05T00:00Z', holdout_from: '2024-01-04T00:00Z' };

let place: Workplace;
let champion: string;
let challenger: string;
let ruleShadow: string;
beforeAll(async () => {
  place = createWorkplace({
    retrain: {
      rollout_min_labels: 1_000_000,
      rollout_loss_budget_bps: 10_000,
      rollout_block_minutes: 60,
      rollout_timeout_days: 365,
    },
    minutehand: { instruments: [ROLLED, SHADOWED], simulated: { history_bars: 400, bar_interval_ms: 100 } },
  });
  const { version } = await tinyModels(place.models);
  for (const one of [ACTIVE, SHADOW])
    copyUnder(place.models, version, one, { gates: passedGates('pairs'), period: PERIOD });
  const write = (day: number, instrument: string): string => {
    const content = tinyRule(instrument, { market: 'simulated' });
    return basename(writeRuleBundle(ruleFolder(place.models), new Date(Date.UTC(2026, 0, day)), content));
  };
  champion = write(1, ROLLED);
  challenger = write(2, ROLLED);
  ruleShadow = write(3, SHADOWED);
}, 60_000);
afterAll(() => place.remove());

async function json<Answer>(...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await place.run([...args, '--json']);
  expect(`${code} ${stderr}`).toMatch(/^0 /);
  return JSON.parse(stdout) as Answer;
}

function journaled<Rows>(work: (journal: ReturnType<typeof openJournal>) => Rows): Rows | undefined {
  if (!existsSync(join(place.home, 'simulated_main.db'))) return undefined;
  const journal = openJournal(join(place.home, 'simulated_main.db'), { readOnly: true });
  try {
    return work(journal);
  } finally {
    journal.close();
  }
}

/** Number of answers of a version in shadow, or of an arm. */
const shadowAnswers = (version: string): number =>
  journaled((journal) => [...journal.shadowsOf(version, 0 as never)].length) ?? 0;
const signals = (): number => journaled((journal) => [...journal.signals()].length) ?? 0;

const standing = () => ({
  active: readActive(place.models)?.version,
  shadow: readShadow(place.models, 'pairs'),
  rule: readActiveRule(place.models, ROLLED)?.version,
  ruleShadow: readRuleShadow(place.models, SHADOWED),
  rollout: withoutSeal(),
});

function withoutSeal(): Omit<Rollout, 'seal'> | null {
  const file = readRolloutFile(place.models);
  if (file === null) return null;
  const { seal: _, ...rollout } = file;
  return rollout;
}

it(
  'a models folder that is deleted under a running `up` comes back with shadow, rule, rollout; signals go on and replay',
  { timeout: 240_000 },
  async () => {
    await json('models', 'promote', ACTIVE);
    await json('models', 'promote', champion);
    const up = place.start(['up']);
    await eventually(
      () => `signals: ${up.stderr()}`,
      () => signals() > 0 || undefined,
    );
    await json('models', 'shadow', SHADOW);
    await json('models', 'shadow', ruleShadow);
    const { id } = await json<Rollout>('rollout', 'start', challenger);
    const followed = [SHADOW, `rule/${ruleShadow}`, `${challenger}@${id}`];
    const counts = (): number[] => followed.map(shadowAnswers);
    await eventually(
      () => `answers of shadows and challenger: ${counts().join(' ')}`,
      () => counts().every((count) => count > 5) || undefined,
    );
    // The trainer looks every ten seconds, and keeps the bytes of what pointers name.
    await eventually(
      'the bytes of the rules',
      async () => {
        const opened = await openStore(join(place.home, 'trainer.db'));
        const rows = await opened.db.selectFrom('core.model_artifacts').select('version').distinct().execute();
        await opened.close();
        const kept = rows.map(({ version }) => version);
        return [champion, challenger, ruleShadow].every((one) => kept.includes(`rule/${one}`)) || undefined;
      },
      1,
    );
    const before = standing();
    const manifest = readFileSync(join(ruleFolder(place.models), challenger, 'manifest.json'));
    expect(before).toMatchObject({ active: ACTIVE, shadow: SHADOW, rule: champion, ruleShadow });

    rmSync(place.models, { recursive: true });
    const lostAt = signals();
    await eventually(
      () => `what stood: ${JSON.stringify(standing())} ${up.stderr().slice(-2000)}`,
      () => JSON.stringify(standing()) === JSON.stringify(before) || undefined,
    );
    expect(readFileSync(join(ruleFolder(place.models), challenger, 'manifest.json'))).toEqual(manifest);
    await eventually(
      'the report',
      () => /Restored from the registry: .*active again: .*rollout/.test(up.stderr() + up.stdout()) || undefined,
    );
    const restored = signals();
    const answered = counts();
    expect(restored).toBeGreaterThan(lostAt);
    await eventually(
      () => `answers after the loss: ${counts().join(' ')} above ${answered.join(' ')}`,
      () => (signals() > restored + 20 && counts().every((count, at) => count > answered[at]! + 5)) || undefined,
    );
    const { rollout } = await json<{ rollout: Rollout }>('rollout', 'status');
    expect(rollout).toMatchObject({ id, status: 'active', challenger });
    // A shadow that a person has ended stays ended.
    await json('models', 'shadow', 'off', '--rule', SHADOWED);
    rmSync(join(place.models, 'shadow.json'));
    await eventually('the shadow again', () => readShadow(place.models, 'pairs') === SHADOW || undefined);
    expect(readRuleShadow(place.models, SHADOWED)).toBeNull();
    up.kill('SIGTERM');
    expect(await up.ended).toBe(0);

    const replay = await json<{ differences: unknown[]; equal: number; signals: number }>(
      ...['replay', '--journal', join(place.home, 'simulated_main.db'), '--models', place.models],
    );
    expect(replay.differences).toEqual([]);
    expect(replay.equal).toBe(replay.signals);

    // Without daemon and trainer, by hand.
    const atEnd = standing();
    rmSync(place.models, { recursive: true });
    await json('models', 'recover');
    expect(standing()).toEqual(atEnd);
  },
);
