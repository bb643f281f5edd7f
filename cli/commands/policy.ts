import { actorName } from '../../shared/process/actor.ts';
import type { Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { oneLine } from '../../shared/one_line.ts';
import { homePaths } from '../../shared/home.ts';
import { loadSettings, ownConfigDir } from '../../shared/policy/policy.ts';
import { parseYaml } from '../../shared/policy/yaml.ts';
import { listChanges, type Change } from '../../trainer/control/policy/changes.ts';
import type { EvidenceFigures } from '../../trainer/control/policy/evidence_schema.ts';
import { changedTexts, textsOf } from '../../trainer/control/policy/config_texts.ts';
import { readInUse } from '../../trainer/control/policy/in_use.ts';
import { PolicyChanges } from '../../trainer/control/policy/policy_changes.ts';
import type { Store } from '../../trainer/store/store.ts';
import { differenceLines, effectLines } from '../change_lines.ts';
import { tellWhenInterrupted } from '../interrupted.ts';
import type { Output } from '../output.ts';
import { parseInteger } from '../period.ts';
import { computeEvidence } from '../policy_evidence.ts';
import { inStore } from './token.ts';

const MANY = 1000;

export function addPolicy(program: Command, output: () => Output): void {
  const policy = program
    .command('policy')
    .description(
      'A change is a commit on a branch of the configuration’s Git repository. Approved by another person, it is merged and applied without a restart where that is possible. You act as the user of this system.',
    );
  policy
    .command('propose')
    .argument('<key=value...>', 'e.g. core.require_edge=false; values as in YAML')
    .requiredOption('--reason <text>', 'why')
    .description('checks a change and commits it on a branch of its own')
    .action((pairs: string[], { reason }: { reason: string }) =>
      withChanges((changes) => propose(pairs, reason, changes, output())),
    );
  policy
    .command('list')
    .description('changes of the configuration with status, newest first')
    .action(() => withChanges((_, store) => list(store, output())));
  policy
    .command('show')
    .argument('<id>')
    .description('one change of the configuration: diff, commit and evidence')
    .action((id: string) => withChanges((changes, store) => show(id, changes, store, output())));
  policy
    .command('approve')
    .argument('<id>')
    .description('approves a change of another author, merges and applies it')
    .action((id: string) => withChanges((changes, store) => approve(id, changes, store, output())));
  policy
    .command('reject')
    .argument('<id>')
    .description('rejects an open change, which is then never applied')
    .action((id: string) => withChanges((changes) => reject(id, changes, output())));
  policy
    .command('take-back')
    .argument('<id>')
    .requiredOption('--reason <text>', 'why')
    .description('proposes the values from before an applied change; it is approved as every change')
    .action((id: string, { reason }: { reason: string }) =>
      withChanges((changes) => takeBack(id, reason, changes, output())),
    );
  policy
    .command('restore')
    .description('restores the approved configuration from the repository')
    .action(() => withChanges((changes) => restore(changes, output()), loadNothing));
  policy
    .command('evidence', { hidden: true })
    .argument('<id>')
    .description('computes the evidence of a change, for the trainer')
    .action((id: string) => withChanges((changes, store) => evidence(id, changes, store, output())));
}

type Work = (changes: PolicyChanges, store: Store) => Promise<void>;

function withChanges(work: Work, load = loadSettings): Promise<void> {
  const settings = load();
  return inStore((store) => {
    const open = (): Promise<Store> => Promise.resolve(store);
    return work(new PolicyChanges({ settings, paths: homePaths(), clock: MACHINE_CLOCK, store: open }), store);
  });
}

/** The approved files are damaged: the configuration folder replaces them. */
function loadNothing(): ReturnType<typeof loadSettings> {
  return loadSettings({ configDir: ownConfigDir() });
}

async function propose(pairs: string[], reason: string, policy: PolicyChanges, output: Output): Promise<void> {
  const changes = Object.fromEntries(pairs.map(parseChange));
  tellProposed(await policy.propose({ changes, reason, by: me() }), policy, output);
}

async function takeBack(id: string, reason: string, policy: PolicyChanges, output: Output): Promise<void> {
  const change = await policy.takeBack(parseInteger(id, 'id', 1), reason, me());
  for (const line of differenceLines(change)) output.line(`  ${line}`);
  tellProposed(change, policy, output);
}

function tellProposed(change: Change, policy: PolicyChanges, output: Output): void {
  tellWritten(output, change);
  for (const line of effectLines(change, readInUse(policy.current(), homePaths()))) output.note(line);
  output.line(`Change ${change.change_id}: commit ${change.commit_id!.slice(0, 12)} on ${change.branch}.`);
  output.result(change);
}

function parseChange(text: string): [string, unknown] {
  const found = /^([a-z]+(?:\.[a-z0-9_]+)+)=(.*)$/is.exec(text);
  if (found === null) throw new MinutehandError('USAGE', { seen: text, expected: 'core.theta1_initial=0.7' });
  return [found[1]!, parseYaml(found[2]!)];
}

async function list(store: Store, output: Output): Promise<void> {
  const changes = await listChanges(store, MACHINE_CLOCK.nowMs(), MANY);
  if (changes.length === 0) output.line('No changes.');
  for (const { change_id, status, proposed_by, reason, failure } of changes)
    output.line(
      oneLine(
        `${change_id}  ${status.padEnd(8)}  ${proposed_by}  ${reason}${failure === null ? '' : `  (${failure})`}`,
      ),
    );
  output.result({ changes });
}

async function show(id: string, policy: PolicyChanges, store: Store, output: Output): Promise<void> {
  const change = await changeWith(id, store);
  const { reason, proposed_by, decided_by, status, commit_id, branch, failure, evidence: found } = change;
  output.line(oneLine(`Change ${change.change_id}, ${status}: ${reason}`));
  for (const line of differenceLines(change)) output.line(`  ${line}`);
  for (const line of effectLines(change, readInUse(policy.current(), homePaths()))) output.line(`  ${line}`);
  output.line(`  ${oneLine(`proposed by ${proposed_by}${decided_by === null ? '' : `, decided by ${decided_by}`}`)}`);
  if (commit_id !== null) output.line(`  commit ${commit_id} on ${branch}`);
  if (failure !== null) output.line(`  ${oneLine(failure)}`);
  if (found !== null) {
    if ((found.check?.text ?? '') !== '') output.line(`  check: ${found.check!.text.replaceAll('\n', '\n  check: ')}`);
    output.line(
      `  evidence ${found.status}, ${found.stage} ${found.percent} %${found.error === null ? '' : `: ${found.error}`}`,
    );
    for (const name of ['replay', 'backtest'] as const) {
      const figures = found[name];
      if (figures === null) continue;
      output.line(`  ${name}  before ${text(figures.before)}; after ${text(figures.after)} ${figures.error ?? ''}`);
    }
  }
  output.result(change);
}

function text(figures: EvidenceFigures | null): string {
  return figures === null ? '–' : `${figures.entries} entries, ${figures.net_bps.toFixed(1)} bp net`;
}

async function approve(id: string, policy: PolicyChanges, store: Store, output: Output): Promise<void> {
  const approved = await policy.approve(parseInteger(id, 'id', 1), me());
  tellWritten(output, approved);
  await policy.advance();
  const change = await changeWith(id, store);
  output.line(
    change.status === 'applied'
      ? `Change ${id} is applied: commit ${change.merge_commit!.slice(0, 12)}.`
      : `Change ${id} is approved and not applied yet. ${change.failure ?? ''}`,
  );
  if (change.status === 'applied')
    for (const line of effectLines(change, readInUse(policy.current(), homePaths()))) output.note(line);
  output.result(change);
  if (change.status !== 'applied') process.exitCode = 1;
}

async function reject(id: string, policy: PolicyChanges, output: Output): Promise<void> {
  const change = await policy.reject(parseInteger(id, 'id', 1), me());
  tellWritten(output, change);
  output.line(`Change ${id} is rejected.`);
  output.result(change);
}

async function restore(policy: PolicyChanges, output: Output): Promise<void> {
  const commit = await policy.restore();
  output.written(commit === null ? null : { target: 'configuration', after: { commit } });
  output.line(commit === null ? 'No change was ever applied: nothing to restore.' : `Restored from commit ${commit}.`);
  output.result({ commit });
}

async function evidence(id: string, policy: PolicyChanges, store: Store, output: Output): Promise<void> {
  const { changes } = await changeWith(id, store);
  const before = policy.current();
  const progress = output.progress();
  tellWhenInterrupted({
    output,
    progress,
    kept: () => ['The evidence was not computed; the proposal stays as it is.'],
  });
  const result = await computeEvidence({
    before,
    texts: changedTexts(textsOf(before), changes),
    paths: homePaths(),
    store,
    onProgress: (stage, percent) => progress.update(stage, percent, 100),
  }).finally(() => progress.stop());
  output.result(result);
}

async function changeWith(id: string, store: Store): Promise<Change> {
  const wanted = parseInteger(id, 'id', 1);
  const change = (await listChanges(store, MACHINE_CLOCK.nowMs(), MANY)).find(({ change_id }) => change_id === wanted);
  if (change === undefined) throw new MinutehandError('CHANGE_UNKNOWN', { seen: id });
  return change;
}

function me(): string {
  return actorName();
}

function tellWritten(output: Output, { change_id, before, changes }: Change): void {
  output.written({ target: `change ${change_id}`, before, after: changes });
}
