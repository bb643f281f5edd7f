import type { Selectable } from 'kysely';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import {
  readApproved,
  readPointer,
  writeApproved,
  writeApprovedFiles,
  type ConfigTexts,
} from '../../../shared/policy/approved.ts';
import { configValues } from '../../../shared/policy/config_starts.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { hasSecret, MASK } from '../../../shared/secrets.ts';
import { loadSettings, ownConfigDir, type Settings } from '../../../shared/policy/policy.ts';
import type { Clock } from '../../../shared/ports.ts';
import { waitForLock } from '../../../shared/process/home_lock.ts';
import { changeOf, decideChange, expireChanges, insertChange, updateChange, wantedOf, type Change } from './changes.ts';
import { checkChanges, presentValues, type Changes } from './config_proposal.ts';
import { noteConfigChanges } from '../schedule/config_changes.ts';
import type { ChangeRequestsTable } from '../../store/schema/policy.ts';
import type { Store } from '../../store/store.ts';
import { canonicalJson } from '../../../shared/policy/policy_hash.ts';
import { changeTitle, mergeMessage, proposalMessage } from './change_message.ts';
import { changedTexts, textsOf, valueIn, valuesText } from './config_texts.ts';
import { gitHostOf, type GitHost } from './pull_request.ts';
import { openRepository, type ConfigRepository } from './repository.ts';
import { pathInside } from '../../../shared/path_name.ts';

const LOCK_POLL_MS = 20;
const LOCK_WAIT_MS = 120_000;
const DAY_MS = 86_400_000;
/** Open changes at once. */
export const MAX_OPEN = 20;

export interface PolicyContext {
  /** As this process has loaded them. */
  readonly settings: Settings;
  readonly paths: Pick<HomePaths, 'policy' | 'lock'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly env?: NodeJS.ProcessEnv;
  store(): Promise<Store>;
}

export interface Proposal {
  readonly changes: Changes;
  readonly reason: string;
  readonly by: string;
}

type Row = Selectable<ChangeRequestsTable>;
type Committed = Row & { readonly commit_id: string; readonly base_commit: string; readonly branch: string };

/**
 * Lifecycle of a change: proposed (a commit on a separate branch), approved or rejected, merged, applied. Each step is
 * stored before the next one starts, and is recovered from repository and store after a kill. Steps are serialized by
 * the home's lock `policy`.
 */
export class PolicyChanges {
  readonly #context: PolicyContext;
  readonly #env: NodeJS.ProcessEnv;
  /** Read once: later edits of the files have no effect on this process. */
  readonly #ownTexts: ConfigTexts;

  constructor(context: PolicyContext) {
    this.#context = context;
    this.#env = context.env ?? process.env;
    this.#ownTexts = textsOf(context.settings);
  }

  /** The approved configuration. */
  current(): Settings {
    const { settings, paths } = this.#context;
    const approved = readApproved(paths.policy);
    if (approved === null || approved.commit === settings.sources.approved?.commit) return settings;
    return loadSettings({ configDir: approved.folder, env: this.#env });
  }

  /**
   * Checks a change and commits it on a branch of its own.
   * @throws MinutehandError CHANGE_SECRET, CHANGES_TOO_MANY, CONFIG_INVALID, CONFIG_UNKNOWN_KEY, CHANGE_DIRTY,
   * CHANGE_UNAPPROVED, GIT_MISSING, GIT_FAILED
   */
  propose(proposal: Proposal): Promise<Change> {
    const { changes, reason, by } = proposal;
    return this.#locked(async () => {
      const settings = this.current();
      const before = presentValues(settings, Object.keys(changes));
      refuseSecrets(changes);
      checkChanges(settings, changes);
      const repository = await this.#open();
      await repository.assertClean();
      const base = (await repository.tip())!;
      await this.#assertApproved(repository, base, this.#texts());
      const nowMs = this.#context.clock.nowMs();
      const store = await this.#context.store();
      const expiresMs = nowMs + settings.retrain.change_expiry_days * DAY_MS;
      await refuseBeyondLimit(store, nowMs);
      const stored = { changes, before, reason, by, policyHash: settings.policyHash, expiresMs };
      const { change_id } = await insertChange(store, stored, nowMs);
      try {
        const texts = changedTexts(await repository.texts(base), changes);
        const message = proposalMessage({ id: change_id, changes, before, reason, by });
        const commit = await repository.commit({ parents: [base], texts }, message, { name: by, atMs: nowMs });
        const branch = `minutehand/change-${change_id}-${commit.slice(0, 8)}`;
        await repository.addBranch(branch, commit);
        return await updateChange(store, change_id, { branch, base_commit: base, commit_id: commit });
      } catch (error) {
        await updateChange(store, change_id, { status: 'failed', failure: textOf(error) });
        throw error;
      }
    });
  }

  /**
   * @throws MinutehandError CHANGE_UNKNOWN, CHANGE_OWN, CHANGE_CONFLICT, CHANGE_DIRTY, CHANGE_UNAPPROVED, GIT_MISSING,
   * GIT_FAILED
   */
  async approve(id: number, by: string): Promise<Change> {
    return this.#locked(async () => {
      const store = await this.#context.store();
      const row = await this.#openRow(store, id);
      const needsTwo = this.current().retrain.change_two_person_rule;
      if (needsTwo && row.proposed_by === by) throw new MinutehandError('CHANGE_OWN', { seen: by });
      const repository = await this.#open();
      await repository.assertClean();
      await this.#assertMergeable(repository, committed(row), this.#texts());
      return decideChange(store, id, 'approved', by, this.#context.clock.nowMs());
    });
  }

  /** @throws MinutehandError CHANGE_UNKNOWN */
  async reject(id: number, by: string): Promise<Change> {
    const store = await this.#context.store();
    return decideChange(store, id, 'rejected', by, this.#context.clock.nowMs());
  }

  /**
   * Proposes the values from before an applied change.
   * @throws MinutehandError CHANGE_UNKNOWN when it is not applied; CHANGE_CONFLICT when a later one has changed a value
   * of it; as propose
   */
  async takeBack(id: number, reason: string, by: string): Promise<Change> {
    const { db } = await this.#context.store();
    const rows = db.selectFrom('core.change_requests').selectAll().where('change_id', '=', id);
    const row = await rows.where('status', '=', 'applied').executeTakeFirst();
    if (row === undefined)
      throw new MinutehandError('CHANGE_UNKNOWN', { seen: String(id), expected: 'an applied change' });
    if (row.before.includes(MASK)) throw new MinutehandError('CHANGE_SECRET', { seen: `values of change ${id}` });
    const wanted = wantedOf(row);
    const present = presentValues(this.current(), Object.keys(wanted));
    for (const key of Object.keys(wanted))
      if (canonicalJson(present[key] ?? null) !== canonicalJson(wanted[key] ?? null))
        throw new MinutehandError('CHANGE_CONFLICT', {
          seen: `${key} has been changed since change ${id}`,
          expected: JSON.stringify(wanted[key]),
        });
    return this.propose({ changes: JSON.parse(row.before) as Changes, reason, by });
  }

  /**
   * Performs pending work: opens and closes pull requests, merges and applies approved changes, oldest approval first.
   * Failures are stored with the change and retried by the next call.
   * @returns the applied changes
   */
  async advance(): Promise<number[]> {
    const store = await this.#context.store();
    await expireChanges(store, this.#context.clock.nowMs());
    const due = await dueRows(store, (this.#env['MINUTEHAND_POLICY_TOKEN'] ?? '') !== '');
    if (due.length === 0) return [];
    return this.#locked(async () => {
      const applied: number[] = [];
      const repository = await this.#open();
      const host = gitHostOf(repository.remote, this.#env);
      for (const row of due)
        try {
          if (row.status !== 'approved') await this.#followPullRequest(store, repository, host, row);
          else if (await this.#apply(store, repository, host, row)) applied.push(Number(row.change_id));
        } catch (error) {
          const isFinal = error instanceof MinutehandError && error.code === 'CHANGE_CONFLICT';
          await updateChange(store, Number(row.change_id), {
            failure: textOf(error),
            ...(isFinal && { status: 'failed' as const }),
          });
        }
      return applied;
    });
  }

  /**
   * Restores the approved files from the repository.
   * @returns the commit; null when nothing was applied
   */
  restore(): Promise<string | null> {
    return this.#locked(async () => {
      const pointer = readPointer(this.#context.paths.policy);
      if (pointer === null) return null;
      const texts = await (await this.#open()).texts(pointer.commit);
      writeApprovedFiles(this.#context.paths.policy, pointer.commit, texts);
      readApproved(this.#context.paths.policy);
      return pointer.commit;
    });
  }

  // ---- merge and apply ----

  /** Each part may have been done by a killed process. @returns whether it is applied now */
  async #apply(store: Store, repository: ConfigRepository, host: GitHost | null, row: Row): Promise<boolean> {
    const { paths, clock } = this.#context;
    const id = Number(row.change_id);
    const change = committed(row);
    if (readApproved(paths.policy)?.change_id === id) {
      await updateChange(store, id, { status: 'applied', failure: null, applied_ms: clock.nowMs() });
      return true;
    }
    const approvedTexts = this.#texts();
    const commit = await this.#merge(repository, host, change, approvedTexts);
    const texts = await repository.texts(commit);
    writeApprovedFiles(paths.policy, commit, texts);
    const settings = loadSettings({ configDir: pathInside(paths.policy, commit), env: this.#env });
    const author = row.proposed_by;
    const approver = row.decided_by ?? '';
    // Before the pointer, so that the daemon's own record of its configuration finds no change.
    const noted = {
      changed_by: author,
      program: 'policy',
      reason: row.reason,
      approved_by: approver,
      commit_id: commit,
    };
    await store.transaction((db) =>
      noteConfigChanges({ db }, configValues(settings), clock, settings.policyHash, noted),
    );
    const applied_at = new Date(clock.nowMs()).toISOString();
    writeApproved(paths.policy, { change_id: id, commit, author, approver, reason: row.reason, applied_at }, texts);
    const done = { status: 'applied' as const, merge_commit: commit, failure: null, applied_ms: clock.nowMs() };
    await updateChange(store, id, done);
    await repository.pull();
    return true;
  }

  /** @returns the commit whose files are the approved ones with only this change */
  async #merge(
    repository: ConfigRepository,
    host: GitHost | null,
    change: Committed,
    approvedTexts: ConfigTexts,
  ): Promise<string> {
    const tip = await this.#assertMergeable(repository, change, approvedTexts);
    if (tip !== null) {
      await repository.assertClean();
      if (host !== null && change.pull_request_number !== null) {
        await host.merge(Number(change.pull_request_number), change.commit_id);
        await repository.fetch();
      } else {
        const texts = changedTexts(await repository.texts(tip), wantedOf(change));
        const person = { name: change.decided_by ?? '', atMs: Number(change.decided_ms) };
        const merged = await repository.commit(
          { parents: [tip, change.commit_id], texts },
          mergeMessage({
            id: Number(change.change_id),
            reason: change.reason,
            by: change.proposed_by,
            approver: change.decided_by ?? '',
          }),
          person,
        );
        await repository.advance(tip, merged);
      }
    }
    const merged = (await repository.tip())!;
    await this.#assertApproved(repository, merged, changedTexts(approvedTexts, wantedOf(change)));
    return merged;
  }

  /**
   * @returns the tip to merge into; null when the commit has been merged already
   * @throws MinutehandError CHANGE_CONFLICT, CHANGE_UNAPPROVED
   */
  async #assertMergeable(
    repository: ConfigRepository,
    { commit_id, base_commit, branch, changes }: Committed,
    approvedTexts: ConfigTexts,
  ): Promise<string | null> {
    const wanted = wantedOf({ changes });
    const tip = (await repository.tip())!;
    if (await repository.isAncestor(commit_id, tip)) {
      await this.#assertApproved(repository, tip, changedTexts(approvedTexts, wanted));
      return null;
    }
    const head = await repository.branchTip(branch);
    if (head !== commit_id)
      throw new MinutehandError('CHANGE_UNAPPROVED', { seen: `${branch} is at ${head}`, expected: commit_id });
    await this.#assertApproved(repository, tip, approvedTexts);
    const base = await repository.texts(base_commit);
    for (const key of Object.keys(wanted))
      if (valueIn(base, key) !== valueIn(approvedTexts, key))
        throw new MinutehandError('CHANGE_CONFLICT', {
          seen: `${key} is ${valueIn(approvedTexts, key)}`,
          expected: valueIn(base, key),
        });
    return tip;
  }

  /** @throws MinutehandError CHANGE_UNAPPROVED when the files of a commit have other values than these */
  async #assertApproved(repository: ConfigRepository, commit: string, texts: ConfigTexts): Promise<void> {
    if (valuesText(await repository.texts(commit)) === valuesText(texts)) return;
    const applied = readPointer(this.#context.paths.policy)?.commit;
    const since = applied === undefined ? '' : `, behind ${applied.slice(0, 12)}`;
    throw new MinutehandError('CHANGE_UNAPPROVED', { seen: `${repository.base} at ${commit.slice(0, 12)}${since}` });
  }

  // ---- pull requests ----

  async #followPullRequest(store: Store, repository: ConfigRepository, host: GitHost | null, row: Row): Promise<void> {
    if (host === null) return;
    const id = Number(row.change_id);
    if (row.status !== 'open') {
      await host.close(Number(row.pull_request_number));
      await updateChange(store, id, { pull_request_open: 0, failure: null });
      return;
    }
    const { branch } = committed(row);
    const { changes, before, reason } = changeOf(row);
    const opened = await host.open({
      branch,
      base: repository.base,
      title: changeTitle(id, reason),
      body: proposalMessage({ id, changes, before, reason, by: row.proposed_by }),
    });
    const known = { pull_request_number: opened.number, pull_request_url: opened.url, pull_request_open: 1 };
    await updateChange(store, id, { ...known, failure: null });
  }

  // ---- places ----

  #texts(): ConfigTexts {
    const approved = readApproved(this.#context.paths.policy);
    if (approved === null) return this.#ownTexts;
    return textsOf(loadSettings({ configDir: approved.folder, env: this.#env }));
  }

  /** The files that commits get their secrets from: the approved ones, or a person's where those are damaged. */
  #textsWithSecrets(): ConfigTexts {
    try {
      return this.#texts();
    } catch {
      return this.#ownTexts;
    }
  }

  async #open(): Promise<ConfigRepository> {
    const { paths, settings } = this.#context;
    const repository = await openRepository({
      policyFolder: paths.policy,
      configDir: settings.sources.approved === null ? settings.sources.configDir : ownConfigDir(this.#env),
      configured: this.#env['MINUTEHAND_POLICY_REPOSITORY'],
      texts: () => this.#texts(),
      secrets: () => this.#textsWithSecrets(),
    });
    // Before the first approved change, the files are edited directly and our repository follows them.
    if (readPointer(paths.policy) === null) await repository.adopt(this.#ownTexts, valuesText);
    return repository;
  }

  async #openRow({ db }: Store, id: number): Promise<Row> {
    const rows = db
      .selectFrom('core.change_requests')
      .selectAll()
      .where('change_id', '=', id)
      .where('status', '=', 'open');
    const row = await rows.where('expires_ms', '>', this.#context.clock.nowMs()).executeTakeFirst();
    if (row === undefined) throw new MinutehandError('CHANGE_UNKNOWN', { seen: String(id) });
    return row;
  }

  async #locked<Result>(work: () => Promise<Result>): Promise<Result> {
    const path = this.#context.paths.lock('policy');
    const unlock = await waitForLock(path, LOCK_POLL_MS, AbortSignal.timeout(LOCK_WAIT_MS));
    if (unlock === null) throw new MinutehandError('HOME_LOCKED', { seen: path });
    try {
      return await work();
    } finally {
      unlock();
    }
  }
}

/** Approved changes; with a Git host, also open ones without a pull request, and ended ones with an open one. */
async function dueRows({ db }: Store, hasHost: boolean): Promise<Row[]> {
  const rows = await db
    .selectFrom('core.change_requests')
    .selectAll()
    .where('status', '!=', 'applied')
    .orderBy('decided_ms')
    .orderBy('change_id')
    .execute();
  return rows.filter(({ status, commit_id, pull_request_number, pull_request_open }) => {
    if (status === 'approved') return true;
    if (!hasHost || commit_id === null) return false;
    return status === 'open' ? pull_request_number === null : pull_request_open === 1;
  });
}

/** @throws MinutehandError CHANGE_CONFLICT for a change without a commit: its proposal did not end */
function committed(row: Row): Committed {
  if (row.commit_id !== null && row.base_commit !== null && row.branch !== null) return row as Committed;
  throw new MinutehandError('CHANGE_CONFLICT', { seen: `change ${row.change_id} has no commit` });
}

/**
 * Evidence of each open change takes up to half an hour of a processor.
 * @throws MinutehandError CHANGES_TOO_MANY
 */
async function refuseBeyondLimit(store: Store, nowMs: number): Promise<void> {
  await expireChanges(store, nowMs);
  const { open } = await store.db
    .selectFrom('core.change_requests')
    .select(({ fn }) => fn.countAll().as('open'))
    .where('status', '=', 'open')
    .executeTakeFirstOrThrow();
  if (Number(open) >= MAX_OPEN)
    throw new MinutehandError('CHANGES_TOO_MANY', { seen: `${Number(open)} open`, expected: `below ${MAX_OPEN}` });
}

/**
 * A change is shown to every viewer and stays in the history of a repository, so a secret must not be in one.
 * @throws MinutehandError CHANGE_SECRET
 */
function refuseSecrets(changes: Changes): void {
  const keys = Object.keys(changes).filter((key) => hasSecret(changes[key]));
  if (keys.length > 0)
    throw new MinutehandError('CHANGE_SECRET', { seen: `a password or token in ${keys.join(', ')}` });
}

function textOf(error: unknown): string {
  const { code, message } = describeError(error);
  return `${code}: ${message}`;
}
