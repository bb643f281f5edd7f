import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { readApproved } from '../shared/policy/approved.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { verifySignal } from '../shared/signal/verify.ts';
import type { EvidenceResult } from '../trainer/control/policy/evidence_schema.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';

// Each wait has its own deadline and names its condition.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 60_000 });

let place: Workplace;
let remote: string;
let env: NodeJS.ProcessEnv;
beforeAll(() => {
  place = createWorkplace({
    minutehand: { simulated: { bar_interval_ms: 200, history_bars: 200 }, train: { min_bars: 100_000 } },
  });
  remote = join(place.folder, 'remote.git');
  env = { MINUTEHAND_POLICY_REPOSITORY: remote };
  const checkout = join(place.folder, 'checkout');
  git(place.folder, 'init', '--quiet', '--bare', remote);
  git(place.folder, 'clone', '--quiet', remote, checkout);
  cpSync(place.config, checkout, { recursive: true });
  git(checkout, 'add', '.');
  git(checkout, 'commit', '--quiet', '-m', 'in use');
  git(checkout, 'push', '--quiet', 'origin', 'HEAD:main');
});
afterAll(() => place.remove());

function git(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=ops', '-c', 'user.email=ops@localhost', '-c', 'init.defaultBranch=main'];
  return execFileSync('git', [...identity, ...args], { cwd, encoding: 'utf8', stdio: 'pipe' }).trim();
}

interface Up {
  readonly up: Running;
  readonly trainer: string;
  /** Newest signal since the start; null before the first. */
  newest(): Signal | null;
}

async function startUp(): Promise<Up> {
  const up = place.start(['up', '--json'], env);
  const text = await eventually(
    () => `the ready line of up: ${up.stderr()}`,
    () => up.stdout(),
  );
  const ready = JSON.parse(text) as { daemons: { port: number }[]; trainer: { port: number } };
  let newest: Signal | null = null;
  const socket = new WebSocket(`ws://127.0.0.1:${ready.daemons[0]!.port}/signals`);
  socket.on('message', (data: Buffer) => (newest = verifySignal(data.toString('utf8'))));
  socket.on('error', () => undefined);
  return { up, trainer: `http://127.0.0.1:${ready.trainer.port}`, newest: () => newest };
}

async function tokenOf(name: string): Promise<string> {
  const { stdout } = await place.run(['token', 'create', '--role', 'approver', '--name', name, '--json']);
  return (JSON.parse(stdout) as { token: string }).token;
}

async function call(url: string, method: string, token: string, body?: object) {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

it('a change goes from HTTP through Git and approval to the next signal, survives a kill, and the day replays byte for byte', async () => {
  const ann = await tokenOf('ann');
  const bob = await tokenOf('bob');
  const { up, trainer, newest } = await startUp();
  const first = await eventually('the first signal', () => newest());
  const proposal = { changes: { 'minutehand.decision.z_entry': 1.75 }, reason: 'more candidates' };
  const proposed = await call(`${trainer}/api/ml/config`, 'PUT', ann, proposal);
  expect(proposed).toMatchObject({ status: 202, body: { status: 'open', proposed_by: 'ann' } });
  const {
    change_id: id,
    commit_id,
    branch,
  } = proposed.body as { change_id: number; commit_id: string; branch: string };
  expect(git(remote, 'rev-parse', branch)).toBe(commit_id);
  const approve = (token: string) => call(`${trainer}/api/changes/${id}/approve`, 'POST', token);
  expect(await approve(ann)).toMatchObject({ status: 403, body: { error: { code: 'CHANGE_OWN' } } });
  expect(newest()!.policy_hash).toBe(first.policy_hash);
  expect((await approve(bob)).status).toBe(200);
  const changed = await eventually(
    () => `a signal of the new policy: ${up.stderr()}`,
    () => (newest()!.policy_hash === first.policy_hash ? null : newest()),
  );
  // In one process: nothing was restarted for it.
  expect(changed.boot_id).toBe(first.boot_id);
  const { commit } = readApproved(join(place.home, 'policy'))!;
  expect(git(remote, 'rev-parse', 'main')).toBe(commit);
  const store = await openStore(join(place.home, 'trainer.db'));
  const audit = await store.db.selectFrom('audit.config_changes').selectAll().where('commit_id', '=', commit).execute();
  await store.close();
  expect(audit).toMatchObject([
    { part: 'minutehand', key: 'decision', changed_by: 'ann', approved_by: 'bob', policy_hash: changed.policy_hash },
  ]);
  expect(JSON.parse(audit[0]!.before!)).toMatchObject({ z_entry: place.settings.minutehand.decision.z_entry });
  expect(JSON.parse(audit[0]!.after!)).toMatchObject({ z_entry: 1.75 });
  await eventually('the trainer continues with the change', () =>
    up.stderr().includes('Trainer continues with change'),
  );
  const config = await eventually('the trainer answers', async () => {
    const answer = await call(`${trainer}/api/ml/config`, 'GET', bob).catch(() => null);
    return answer?.body['policy_hash'] === changed.policy_hash ? answer : null;
  });
  expect(config.status).toBe(200);
  up.killGroup('SIGKILL');
  await up.ended;
  const again = await startUp();
  const after = await eventually('a signal after the restart', () => again.newest());
  expect([after.policy_hash, after.boot_id === first.boot_id]).toEqual([changed.policy_hash, false]);
  again.up.killGroup('SIGINT');
  await again.up.ended;
  const replay = await place.run(['replay', '--journal', join(place.home, 'simulated_main.db'), '--json']);
  const { equal, signals, differences } = JSON.parse(replay.stdout) as Record<string, unknown>;
  expect([differences, replay.code]).toEqual([[], 0]);
  expect(equal).toBe(signals);
});

it('the commands propose, show, reject and compute evidence beside it, from the journals of the installation', async () => {
  const policy = (...args: string[]) => place.run(['policy', ...args], { env });
  const proposed = await policy(
    'propose',
    'core.require_edge=true',
    'minutehand.windows.z_window=25',
    '--reason',
    'back',
    '--json',
  );
  expect(proposed.stderr).toContain('minutehand.windows.z_window: takes effect at the next start of the daemon');
  const { change_id: id } = JSON.parse(proposed.stdout) as { change_id: number };
  const { stdout, stderr } = await policy('evidence', String(id), '--json');
  expect(stderr).toMatch(/^replay: \d+ %$/m);
  const { check, replay, backtest } = JSON.parse(stdout) as EvidenceResult;
  expect(check).toMatchObject({ ok: true, text: '' });
  expect(replay!.before).toMatchObject({ entries: 0, net_bps: 0 });
  // No models are active, which is reported as such.
  expect(backtest).toMatchObject({ before: null, after: null });
  expect(backtest!.error).not.toBeNull();
  const own = await policy('approve', String(id), '--json');
  expect(JSON.parse(own.stdout)).toMatchObject({ error: { code: 'CHANGE_OWN' } });
  expect((await policy('reject', String(id))).code).toBe(0);
  expect((await policy('list')).stdout).toMatch(new RegExp(`^${id}  rejected`, 'm'));
});
