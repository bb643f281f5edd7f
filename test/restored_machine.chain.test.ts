import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { pointerKind, type ActiveFile } from '../shared/bundle/active_file.ts';
import { PointerMarks } from '../shared/bundle/pointer_marks.ts';
import { ruleFolder } from '../shared/bundle/rule/active_rule.ts';
import { filesOf } from '../shared/bundle/slot_files.ts';
import { ruleSlot } from '../shared/subject/slot.ts';
import { writeRuleBundle } from '../shared/bundle/rule/rule_bundle.ts';
import { openStore, type Store } from '../trainer/store/store.ts';
import { packageRoot } from '../shared/root.ts';
import { activate } from './activate.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { skipNote } from './skip_note.ts';
import { tinyVersions } from './tiny_models.ts';
import { tinyRule } from './tiny_rule.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const hasSqlite = spawnSync('sqlite3', ['--version']).error === undefined;
const INSTRUMENT = 'BTCUSDT@1h';
const OVERRIDES = { minutehand: { instruments: [INSTRUMENT] } };
const PAIR = 'XAUUSD_XAGUSD';

/** What a person sees of what may answer a bar. */
const QUESTIONS = [
  ['models', 'list', '--json'],
  ['rollout', 'status', '--json'],
  ['strategy', 'list', '--json'],
  ['token', 'list', '--json'],
] as const;

/** The commands of a part of the guide, for Linux, with the folders of a test. */
function commandsOf(title: string, place: Workplace, backup: string): string {
  const guide = readFileSync(join(packageRoot(), 'docs', 'guides', 'OPERATE.md'), 'utf8');
  const part = guide.slice(guide.indexOf(`\n## ${title}\n`));
  const block = /```sh\n([\s\S]*?)```/.exec(part)![1]!;
  return block
    .split('\n')
    .filter((line) => !/pg_dump|pg_restore|chown/.test(line))
    .join('\n')
    .replaceAll('/backup/minutehand', backup)
    .replaceAll('/var/lib/minutehand', place.home)
    .replaceAll('-C /etc minutehand', `-C ${dirname(place.config)} ${basename(place.config)}`)
    .replaceAll('-C /etc', `-C ${dirname(place.config)}`);
}

async function hasKeptAll(store: Store): Promise<boolean> {
  const kept = store.db.selectFrom('core.home_files').select('file').where('file', 'in', ['rollout', 'halts.json']);
  return (await kept.execute()).length === 2;
}

function shell(commands: string): void {
  const { status, stderr } = spawnSync('bash', ['-euc', commands], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
}

describe.skipIf(!hasSqlite)(`a machine that was lost${skipNote(!hasSqlite, 'sqlite3 is not installed')}`, () => {
  let lost: Workplace;
  let next: Workplace;
  let backup: string;
  let rules: readonly [string, string];
  beforeAll(async () => {
    lost = createWorkplace(OVERRIDES);
    next = createWorkplace(OVERRIDES);
    backup = join(lost.folder, 'backup');
    await tinyVersions(lost.models, 3);
    activate(lost.models, '20240101_1200');
    const made = [1, 2].map((day) =>
      writeRuleBundle(
        ruleFolder(lost.models),
        new Date(Date.UTC(2024, 8, day)),
        tinyRule(INSTRUMENT, { market: 'simulated' }),
      ),
    );
    rules = [basename(made[0]!), basename(made[1]!)];
    for (const command of [
      ['models', 'promote', '20240101_1200'],
      ['models', 'promote', '20240102_1200'],
      ['rollout', 'start', '20240103_1200'],
      ['models', 'shadow', '20240101_1200'],
      ['models', 'promote', rules[0]],
      ['models', 'shadow', rules[1]],
      ['halt', PAIR, '--reason', 'a test of the backup'],
      ['token', 'create', '--name', 'desk', '--role', 'viewer'],
    ]) {
      const { code, stderr } = await lost.call(command);
      expect(code, `${command.join(' ')}: ${stderr}`).toBe(0);
    }
    mkdirSync(join(lost.home, 'archive'), { recursive: true });
    // As the installation leaves it.
    mkdirSync(next.home, { mode: 0o700 });
  });
  afterAll(async () => {
    await lost?.remove();
    await next?.remove();
  });

  async function answersOf(place: Workplace): Promise<unknown[]> {
    const all: unknown[] = [];
    for (const question of QUESTIONS) {
      const { code, stdout, stderr } = await place.call(question);
      expect(code, `${question.join(' ')}: ${stderr}`).toBe(0);
      all.push(JSON.parse(stdout.replaceAll(place.folder, '')));
    }
    all.push(readFileSync(join(place.models, 'halts.json'), 'utf8'));
    return all;
  }

  it('comes back by the commands of the guide: models, predecessor, rollout, shadows, rules, halts, tokens', async () => {
    const before = await answersOf(lost);
    expect(JSON.stringify(before)).toContain(rules[0]);
    shell(commandsOf('Back up', lost, backup));
    shell(commandsOf('Restore', next, backup));
    expect(await answersOf(next)).toEqual(before);
    const verified = await next.call(['check', 'models']);
    expect(verified.code, verified.stderr).toBe(0);
    const audit = await next.call(['audit', 'verify']);
    expect(audit.code, audit.stdout + audit.stderr).toBe(0);
  });

  it('of which the store alone is left comes back as well: what was active, in shadow, in the rollout, and stopped', async () => {
    const whole = await answersOf(lost);
    await keptByTrainer();
    for (const name of readdirSync(next.home)) rmSync(join(next.home, name), { recursive: true });
    copyFileSync(join(lost.home, 'trainer.db'), join(next.home, 'trainer.db'));
    // The lost machine owns promotions until a minute after it was last heard of; the test does not wait for that.
    const recovered = await next.call(['models', 'recover', '--json'], { env: { MINUTEHAND_TEST_LEASE_MS: '1' } });
    expect(recovered.code, recovered.stderr).toBe(0);
    const { files } = JSON.parse(recovered.stdout) as { files: string[] };
    expect(files).toEqual(
      expect.arrayContaining(['halts.json', 'mark of active', 'mark of rollout', 'mark of shadow']),
    );
    const active = JSON.parse(readFileSync(join(next.models, 'active.json'), 'utf8')) as object;
    expect(active).toMatchObject({ version: '20240102_1200', previous: '20240101_1200' });
    const [, rollout, rules_, , halts] = await answersOf(next);
    expect([rollout, rules_, halts]).toEqual([whole[1], whole[2], whole[4]]);
    expect(readFileSync(join(next.models, 'shadow.json'), 'utf8')).toContain('20240101_1200');
  });

  it('whose home comes from a backup made before an operator ended a rule does not serve it again', async () => {
    const { name, path } = filesOf(lost.models, ruleSlot(INSTRUMENT)).active;
    const marks = readdirSync(lost.home).filter((file) => file.startsWith(`${name}_mark_`));
    const before = [path, ...marks.map((file) => join(lost.home, file))].map(
      (file) => [file, readFileSync(file)] as const,
    );
    const stopped = await lost.call(['strategy', 'stop', INSTRUMENT]);
    expect(stopped.code, stopped.stderr).toBe(0);
    await keptByTrainer(async (store) => {
      const rows = await store.db.selectFrom('core.home_files').select('content').where('file', '=', name).execute();
      return rows.some(({ content }) => content.includes('"ended"'));
    });
    for (const [file, content] of before) writeFileSync(file, content);
    const pointer = JSON.parse(readFileSync(path, 'utf8')) as ActiveFile;
    const marksOfDaemon = () => new PointerMarks(lost.home, 'daemon_main', pointerKind(name));
    expect(() => marksOfDaemon().check(pointer)).not.toThrow();
    const recovered = await lost.call(['models', 'recover', '--json']);
    expect(recovered.code, recovered.stderr).toBe(0);
    expect((JSON.parse(recovered.stdout) as { files: string[] }).files).toEqual([`mark of ${name}`]);
    expect(() => marksOfDaemon().check(pointer)).toThrow(expect.objectContaining({ code: 'POINTER_ROLLBACK' }));
  });

  /** The trainer of the lost machine has looked once at what it has to keep. */
  async function keptByTrainer(isKept: (store: Store) => Promise<boolean> = hasKeptAll): Promise<void> {
    const trainer = lost.start(['trainer']);
    const store = await openStore(join(lost.home, 'trainer.db'));
    await eventually(trainer.stderr, () => isKept(store));
    await store.close();
    trainer.kill('SIGTERM');
    expect(await trainer.ended).toBe(0);
  }
});
