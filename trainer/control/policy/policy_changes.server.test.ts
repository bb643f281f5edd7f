import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../shared/bar.ts';
import { readApproved } from '../../../shared/policy/approved.ts';
import { homePaths } from '../../../shared/home.ts';
import { inspectSettings, loadSettings } from '../../../shared/policy/policy.ts';
import { packageRoot } from '../../../shared/root.ts';
import { listChanges } from './changes.ts';
import { openStore, type Store } from '../../store/store.ts';
import { MAX_OPEN, PolicyChanges } from './policy_changes.ts';

let folder: string;
let config: string;
let store: Store;
let nowMs: number;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-policy-'));
  config = join(folder, 'config');
  cpSync(join(packageRoot(), 'config'), config, { recursive: true });
  store = await openStore(join(folder, 'trainer.db'));
  nowMs = Date.parse('2026-11-21T12:00:00Z');
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;
const MORE = { changes: { 'core.min_expected_net_bps': 0.5 }, reason: 'costs rose', by: 'ann' };

function git(cwd: string, ...args: string[]): string {
  const identity = ['-c', 'user.name=eve', '-c', 'user.email=eve@localhost', '-c', 'init.defaultBranch=main'];
  return execFileSync('git', [...identity, ...args], { cwd, encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** Like a freshly started process. */
function start(env: NodeJS.ProcessEnv = {}): PolicyChanges {
  const own = { ...env, MINUTEHAND_HOME: folder, MINUTEHAND_CONFIG: config };
  const settings = loadSettings({ env: own });
  const clock = { nowMs: () => nowMs as EpochMs };
  return new PolicyChanges({ settings, paths: homePaths(own), clock, env: own, store: () => Promise.resolve(store) });
}

const appliedMinimum = (): number =>
  loadSettings({ env: { MINUTEHAND_HOME: folder, MINUTEHAND_CONFIG: config } }).core.min_expected_net_bps;
const changeOf = async (id: number) => (await listChanges(store, nowMs, 10)).find(({ change_id }) => change_id === id)!;
const ownRepository = (): string => join(folder, 'policy', 'repository.git');

/** A bare remote with the configuration, and another user's checkout. */
function makeRemote(): { remote: string; other: string } {
  const remote = join(folder, 'remote.git');
  const other = join(folder, 'other');
  git(folder, 'init', '--bare', '--quiet', remote);
  git(folder, 'clone', '--quiet', remote, other);
  cpSync(config, join(other, 'deploy'), { recursive: true });
  git(other, 'add', '.');
  git(other, 'commit', '--quiet', '-m', 'first');
  git(other, 'push', '--quiet', 'origin', 'HEAD:main');
  return { remote, other };
}

function edit(file: string, from: RegExp, to: string): void {
  const text = readFileSync(file, 'utf8');
  expect(text).toMatch(from);
  writeFileSync(file, text.replace(from, to));
}

describe('a change of the configuration', () => {
  it('is a commit on a branch, approved by another person, merged, applied and audited', async () => {
    const changes = start();
    const before = loadSettings({ configDir: config, env: {} });
    const proposed = await changes.propose(MORE);
    expect(git(ownRepository(), 'log', '-1', '--format=%an %s', proposed.branch!)).toBe('ann costs rose');
    expect(await changes.advance()).toEqual([]);
    expect(appliedMinimum()).toBe(0);
    await expect(changes.approve(proposed.change_id, 'ann')).rejects.toThrow(withCode('CHANGE_OWN'));
    await changes.approve(proposed.change_id, 'bob');
    expect(appliedMinimum()).toBe(0);
    expect(await changes.advance()).toEqual([proposed.change_id]);
    expect(appliedMinimum()).toBe(0.5);
    const applied = await changeOf(proposed.change_id);
    expect(applied).toMatchObject({ status: 'applied', decided_by: 'bob', failure: null });
    expect(git(ownRepository(), 'rev-parse', 'main')).toBe(applied.merge_commit);
    expect(git(ownRepository(), 'log', '-1', '--format=%P', 'main').split(' ')).toContain(proposed.commit_id);
    const rows = await store.db
      .selectFrom('audit.config_changes')
      .selectAll()
      .where('commit_id', 'is not', null)
      .execute();
    const row = rows.find(({ key }) => key === 'min_expected_net_bps');
    expect(row).toMatchObject({ changed_by: 'ann', approved_by: 'bob', commit_id: applied.merge_commit, after: '0.5' });
    expect(row!.policy_hash).not.toBe(before.policyHash);
    // Direct edits of the folder have no effect any more.
    edit(join(config, 'core_policy.yaml'), /min_expected_net_bps:\n  value: 0/, 'min_expected_net_bps:\n  value: 9');
    expect(appliedMinimum()).toBe(0.5);
    expect(await start().advance()).toEqual([]);
  });

  it('with a secret is refused, and what a file holds comes neither into commits nor into tables', async () => {
    const file = join(config, 'minutehand.yaml');
    edit(file, /url: redis:\/\/\S+/, 'url: redis://ann:pw-of-redis@127.0.0.1:6379');
    const lease = 'postgres://ann:pw-of-lease@10.0.0.5/d?sslpassword=pw-of-tls';
    edit(file, /(?<=machines use; null = one machine\.\n\s+)url: null/, `url: ${lease}`);
    const secret = /pw-of-(?:redis|lease|tls|new)/;
    const changes = start();
    const url = 'rediss://:pw-of-new@127.0.0.1:6380';
    await expect(changes.propose({ ...MORE, changes: { 'minutehand.transports.redis.url': url } })).rejects.toThrow(
      withCode('CHANGE_SECRET'),
    );
    expect(await listChanges(store, nowMs, 10)).toEqual([]);
    const plain = { ...MORE, changes: { ...MORE.changes, 'minutehand.transports.redis.url': 'redis://10.0.0.9:6379' } };
    const { change_id: id } = await changes.propose({ ...plain, reason: `not ${url} any more` });
    await changes.approve(id, 'bob');
    expect(await changes.advance()).toEqual([id]);
    const applied = loadSettings({ env: { MINUTEHAND_HOME: folder, MINUTEHAND_CONFIG: config } }).minutehand;
    expect(applied.transports.redis.url).toBe('redis://10.0.0.9:6379');
    expect(applied.lease.url).toBe(lease);
    expect(git(ownRepository(), 'log', '--all', '-p', '--format=%B')).not.toMatch(secret);
    expect(JSON.stringify(await listChanges(store, nowMs, 10))).not.toMatch(secret);
    for (const table of ['core.change_requests', 'audit.config_changes'] as const)
      expect(JSON.stringify(await store.db.selectFrom(table).selectAll().execute())).not.toMatch(secret);
    // The next process finds the same configuration, and restores it with its passwords.
    await start().restore();
    expect(start().current().minutehand.lease.url).toBe(applied.lease.url);
    const next = await start().propose({ changes: { 'core.min_expected_net_bps': 1 }, reason: 'again', by: 'ann' });
    await start().approve(next.change_id, 'bob');
    expect(await start().advance()).toEqual([next.change_id]);
  });

  it('is refused while too many are open', async () => {
    const changes = start();
    const row = { changes: '{}', before: '{}', reason: 'r', proposed_by: 'ann', proposed_ms: nowMs, policy_hash: '' };
    const rows = Array.from({ length: MAX_OPEN }, () => ({
      ...row,
      status: 'open' as const,
      expires_ms: nowMs + 1000,
    }));
    await store.db.insertInto('core.change_requests').values(rows).execute();
    await expect(changes.propose(MORE)).rejects.toThrow(withCode('CHANGES_TOO_MANY'));
    // Those whose time is over do not count.
    nowMs += 1001;
    expect((await changes.propose(MORE)).status).toBe('open');
  });

  it('has a message to which its reason adds no trailer, mention or command of the host', async () => {
    const changes = start();
    const reason = 'wider\n\nApproved-by: boss\r\n/approve\u2028Signed-off-by: boss\n@team fixes #12 \u001b[2J';
    const { change_id: id, branch } = await changes.propose({ ...MORE, reason, by: 'ann\nApproved-by: boss' });
    await changes.approve(id, 'bob');
    await changes.advance();
    for (const ref of [branch!, 'main']) {
      const trailers = git(ownRepository(), 'log', '-1', '--format=%(trailers:only,unfold)', ref);
      expect(trailers).toContain('Proposed-by: ann Approved-by: boss');
      expect(trailers.split('\n').filter((line) => /^(?:Approved|Signed-off)-by/.test(line))).toEqual(
        ref === 'main' ? ['Approved-by: bob'] : [],
      );
      const message = git(ownRepository(), 'log', '-1', '--format=%B', ref);
      for (const text of ['@team', '#12', '\n/approve', '\u001b', '\r', '\u2028']) expect(message).not.toContain(text);
    }
  });

  it('keeps comments, and the change after it begins with it', async () => {
    const changes = start();
    const first = await changes.propose(MORE);
    await changes.approve(first.change_id, 'bob');
    await changes.advance();
    const second = await start().propose({ ...MORE, changes: { 'minutehand.decision.z_entry': 2.25 } });
    await changes.approve(second.change_id, 'bob');
    await changes.advance();
    const { folder: files } = readApproved(join(folder, 'policy'))!;
    expect(readFileSync(join(files, 'minutehand.yaml'), 'utf8')).toContain('# Minimum |z| of an entry candidate');
    expect([appliedMinimum(), loadSettings({ configDir: files }).minutehand.decision.z_entry]).toEqual([0.5, 2.25]);
  });

  it('is refused when another one has changed the same value since, and merges beside one of another value', async () => {
    const changes = start();
    const one = await changes.propose(MORE);
    const two = await changes.propose({ ...MORE, changes: { 'core.min_expected_net_bps': 1 } });
    const three = await changes.propose({ ...MORE, changes: { 'core.require_edge': false } });
    for (const { change_id } of [one, three]) await changes.approve(change_id, 'bob');
    expect(await changes.advance()).toEqual([one.change_id, three.change_id]);
    await expect(changes.approve(two.change_id, 'bob')).rejects.toThrow(withCode('CHANGE_CONFLICT'));
    expect(appliedMinimum()).toBe(0.5);
  });

  it('expires without a decision, and cannot be approved then', async () => {
    const changes = start();
    const { change_id } = await changes.propose(MORE);
    nowMs += 7 * 86_400_000;
    await expect(changes.approve(change_id, 'bob')).rejects.toThrow(withCode('CHANGE_UNKNOWN'));
    expect(await changeOf(change_id)).toMatchObject({ status: 'expired' });
    expect(await start().advance()).toEqual([]);
    expect(appliedMinimum()).toBe(0);
  });

  it('is approved by its author only where the policy allows one person', async () => {
    edit(
      join(config, 'retrain_policy.yaml'),
      /change_two_person_rule:\n  value: true/,
      'change_two_person_rule:\n  value: false',
    );
    const changes = start();
    const { change_id } = await changes.propose(MORE);
    await changes.approve(change_id, 'ann');
    expect(await changes.advance()).toEqual([change_id]);
  });

  it('is taken back by a change of its own, which another person approves, and not over a later change', async () => {
    const changes = start();
    const { change_id } = await changes.propose(MORE);
    await expect(changes.takeBack(change_id, 'too few entries', 'ann')).rejects.toThrow(withCode('CHANGE_UNKNOWN'));
    await changes.approve(change_id, 'bob');
    await changes.advance();
    const back = await changes.takeBack(change_id, 'too few entries', 'ann');
    expect(back).toMatchObject({ status: 'open', changes: { 'core.min_expected_net_bps': 0 }, before: MORE.changes });
    await expect(changes.approve(back.change_id, 'ann')).rejects.toThrow(withCode('CHANGE_OWN'));
    await changes.approve(back.change_id, 'bob');
    expect(await changes.advance()).toEqual([back.change_id]);
    expect(appliedMinimum()).toBe(0);
    await expect(changes.takeBack(change_id, 'again', 'ann')).rejects.toThrow(withCode('CHANGE_CONFLICT'));
  });

  it('gives a value to a key that the files may leave out, and takes it out again', async () => {
    const changes = start();
    const trained = (): object => {
      const { train } = loadSettings({ env: { MINUTEHAND_HOME: folder, MINUTEHAND_CONFIG: config } }).minutehand;
      return { members: train.vote_members, epochs: train.networks?.epochs, direction: train.direction_engine };
    };
    const before = trained();
    expect(before).toEqual({ members: undefined, epochs: undefined, direction: undefined });
    const wanted = {
      'minutehand.train.vote_members': ['gbdt', 'logistic'],
      'minutehand.train.networks.epochs': 20,
      'minutehand.train.direction_engine': 'vote',
    };
    const { change_id } = await changes.propose({ changes: wanted, reason: 'an ensemble', by: 'ann' });
    await changes.approve(change_id, 'bob');
    expect(await changes.advance()).toEqual([change_id]);
    expect(trained()).toEqual({ members: ['gbdt', 'logistic'], epochs: 20, direction: 'vote' });
    const back = await changes.takeBack(change_id, 'one model', 'ann');
    await changes.approve(back.change_id, 'bob');
    expect(await changes.advance()).toEqual([back.change_id]);
    expect(trained()).toEqual(before);
    const refused = (key: string, value: unknown): Promise<unknown> =>
      changes.propose({ changes: { [key]: value }, reason: 'a slip', by: 'ann' }).catch((error: unknown) => error);
    expect(await refused('minutehand.train.enigne', 'vote')).toMatchObject({
      code: 'CONFIG_UNKNOWN_KEY',
      seen: expect.stringContaining('did you mean "minutehand.train.engine"') as string,
    });
    expect(await refused('minutehand.train.vote_members', ['gbdt'])).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await refused('minutehand.train.engine', null)).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('needs git, and names it', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = join(folder, 'nothing');
    try {
      await expect(start().propose(MORE)).rejects.toThrow(withCode('GIT_MISSING'));
    } finally {
      process.env['PATH'] = path;
    }
  });

  it('is applied once by the next process when the one that merged it was killed before it applied it', async () => {
    const { remote } = makeRemote();
    const env = { MINUTEHAND_POLICY_REPOSITORY: remote };
    const changes = start(env);
    const { change_id, commit_id } = await changes.propose(MORE);
    await changes.approve(change_id, 'bob');
    // What the killed process has done: the merge, and nothing after it.
    const checkout = join(folder, 'killed');
    git(folder, 'clone', '--quiet', '--branch', 'main', remote, checkout);
    git(checkout, 'merge', '--quiet', '--no-ff', '-m', 'merge', commit_id!);
    git(checkout, 'push', '--quiet', 'origin', 'main');
    expect(appliedMinimum()).toBe(0);
    expect(await start(env).advance()).toEqual([change_id]);
    expect(await start(env).advance()).toEqual([]);
    expect(appliedMinimum()).toBe(0.5);
    expect(readApproved(join(folder, 'policy'))!.commit).toBe(git(checkout, 'rev-parse', 'HEAD'));
    const rows = await store.db
      .selectFrom('audit.config_changes')
      .selectAll()
      .where('key', '=', 'min_expected_net_bps')
      .execute();
    expect(rows).toHaveLength(1);
  });
});

describe('what was never approved', () => {
  it('is not applied when pushed to the approved branch, nor together with an approved change', async () => {
    const { remote, other } = makeRemote();
    const env = { MINUTEHAND_POLICY_REPOSITORY: remote };
    const { change_id } = await start(env).propose(MORE);
    edit(join(other, 'deploy', 'core_policy.yaml'), /require_edge:\n  value: true/, 'require_edge:\n  value: false');
    git(other, 'commit', '--quiet', '-am', 'sneaky');
    git(other, 'push', '--quiet', 'origin', 'HEAD:main');
    const changes = start(env);
    expect(await changes.advance()).toEqual([]);
    await expect(changes.propose(MORE)).rejects.toThrow(withCode('CHANGE_UNAPPROVED'));
    await expect(changes.approve(change_id, 'bob')).rejects.toThrow(withCode('CHANGE_UNAPPROVED'));
    expect(loadSettings({ env: { MINUTEHAND_HOME: folder } }).core.require_edge).toBe(true);
    git(other, 'revert', '--no-edit', 'HEAD');
    git(other, 'push', '--quiet', 'origin', 'HEAD:main');
    await changes.approve(change_id, 'bob');
    expect(await changes.advance()).toEqual([change_id]);
    expect(appliedMinimum()).toBe(0.5);
  });

  it('is not applied when the branch of a change is edited, before or after its approval', async () => {
    const { remote, other } = makeRemote();
    const env = { MINUTEHAND_POLICY_REPOSITORY: remote };
    const changes = start(env);
    const first = await changes.propose(MORE);
    const second = await changes.propose(MORE);
    await changes.approve(second.change_id, 'bob');
    for (const { branch } of [first, second]) {
      git(other, 'fetch', '--quiet');
      git(other, 'checkout', '--quiet', '-B', 'edited', `origin/${branch}`);
      edit(
        join(other, 'deploy', 'core_policy.yaml'),
        /min_expected_net_bps:\n  value: 0.5/,
        'min_expected_net_bps:\n  value: -9',
      );
      git(other, 'commit', '--quiet', '-am', 'more');
      git(other, 'push', '--quiet', 'origin', `HEAD:${branch}`);
    }
    await expect(changes.approve(first.change_id, 'bob')).rejects.toThrow(withCode('CHANGE_UNAPPROVED'));
    expect(await start(env).advance()).toEqual([]);
    expect((await changeOf(second.change_id)).failure).toContain('CHANGE_UNAPPROVED');
    expect(appliedMinimum()).toBe(0);
  });

  it('stops every start when it is edited into the approved files, until they are restored', async () => {
    const changes = start();
    const { change_id } = await changes.propose(MORE);
    await changes.approve(change_id, 'bob');
    await changes.advance();
    const { folder: files } = readApproved(join(folder, 'policy'))!;
    edit(join(files, 'core_policy.yaml'), /value: 0.5/, 'value: -5');
    const env = { MINUTEHAND_HOME: folder };
    expect(inspectSettings({ env }).problems.map(({ code }) => code)).toEqual(['CONFIG_UNAPPROVED']);
    await changes.restore();
    expect(appliedMinimum()).toBe(0.5);
  });
});

describe('a configuration folder that is a checkout', () => {
  it('is brought to the merged commit, and blocks changes while it is dirty', async () => {
    git(config, 'init', '--quiet');
    git(config, 'add', '.');
    git(config, 'commit', '--quiet', '-m', 'first');
    const changes = start();
    const { change_id, branch } = await changes.propose(MORE);
    expect(git(config, 'branch', '--list', branch!)).toContain(branch);
    edit(join(config, 'core_policy.yaml'), /require_edge:\n  value: true/, 'require_edge:\n  value: false');
    await expect(changes.approve(change_id, 'bob')).rejects.toThrow(withCode('CHANGE_DIRTY'));
    await expect(changes.propose(MORE)).rejects.toThrow(withCode('CHANGE_DIRTY'));
    git(config, 'checkout', '--quiet', '.');
    await changes.approve(change_id, 'bob');
    expect(await changes.advance()).toEqual([change_id]);
    expect(git(config, 'status', '--porcelain')).toBe('');
    expect(loadSettings({ configDir: config, env: {} }).core.min_expected_net_bps).toBe(0.5);
    expect(appliedMinimum()).toBe(0.5);
  });
});

describe.each([
  {
    kind: 'GitHub',
    remote: 'https://github.com/acme/policy.git',
    api: '',
    open: 'POST /repos/acme/policy/pulls',
    merge: 'PUT /repos/acme/policy/pulls/7/merge',
    close: 'PATCH /repos/acme/policy/pulls/7',
    answer: { number: 7, html_url: 'https://github.com/acme/policy/pull/7' },
    auth: { authorization: 'Bearer secret' },
  },
  {
    kind: 'GitLab',
    remote: 'git@gitlab.com:acme/policy.git',
    api: '/api/v4',
    open: 'POST /api/v4/projects/acme%2Fpolicy/merge_requests',
    merge: 'PUT /api/v4/projects/acme%2Fpolicy/merge_requests/7/merge',
    close: 'PUT /api/v4/projects/acme%2Fpolicy/merge_requests/7',
    answer: { iid: 7, web_url: 'https://gitlab.com/acme/policy/-/merge_requests/7' },
    auth: { 'private-token': 'secret' },
  },
])('with a token of $kind', ({ remote: url, api, open, merge, close, answer, auth }) => {
  it('a change opens a request there, which the approval merges and the rejection closes', async () => {
    const { remote, other } = makeRemote();
    const asked: { what: string; body: Record<string, unknown> }[] = [];
    let isDown = true;
    const server = createServer((request, response) => {
      const what = `${request.method} ${request.url}`;
      void json(request).then((body) => {
        asked.push({ what, body: body as Record<string, unknown> });
        expect(request.headers).toMatchObject(auth);
        if (what === merge) {
          git(other, 'fetch', '--quiet');
          git(other, 'checkout', '--quiet', '-B', 'merged', 'origin/main');
          git(other, 'merge', '--quiet', '--no-ff', '-m', 'by the host', String((body as { sha: string }).sha));
          git(other, 'push', '--quiet', 'origin', 'HEAD:main');
        }
        response.writeHead(isDown ? 503 : 200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(isDown ? { message: 'later' } : answer));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const redirected = {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `url.${remote}.insteadOf`,
      GIT_CONFIG_VALUE_0: url,
    };
    Object.assign(process.env, redirected);
    try {
      const address = `http://127.0.0.1:${port}${api}`;
      const env = {
        MINUTEHAND_POLICY_REPOSITORY: url,
        MINUTEHAND_POLICY_TOKEN: 'secret',
        MINUTEHAND_POLICY_API: address,
      };
      const changes = start(env);
      const first = await changes.propose(MORE);
      const second = await changes.propose({ ...MORE, changes: { 'core.require_edge': false } });
      await changes.advance();
      expect((await changeOf(first.change_id)).failure).toContain('status 503');
      isDown = false;
      await changes.advance();
      expect(await changeOf(first.change_id)).toMatchObject({
        failure: null,
        pull_request_url: answer.html_url ?? answer.web_url,
      });
      expect(asked.find(({ what }) => what === open)!.body).toMatchObject({ title: 'Change 1: costs rose' });
      await changes.approve(first.change_id, 'bob');
      expect(await changes.advance()).toEqual([first.change_id]);
      expect(asked.find(({ what }) => what === merge)!.body['sha']).toBe(first.commit_id);
      expect(appliedMinimum()).toBe(0.5);
      await changes.reject(second.change_id, 'bob');
      await changes.advance();
      expect(asked.filter(({ what }) => what === close)).toHaveLength(1);
    } finally {
      for (const name of Object.keys(redirected)) delete process.env[name];
      server.close();
    }
  });
});
