import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { describeError, MinutehandError } from '../../shared/errors.ts';
import { homePaths, type HomePaths } from '../../shared/home.ts';
import { inspectSettings, shardsOf, type Settings } from '../../shared/policy/policy.ts';
import { problemsError } from '../../shared/policy/problem.ts';
import type { Presence } from '../../shared/process/process_state.ts';
import { packageManifest, packageRoot } from '../../shared/root.ts';
import { openJournal } from '../../shared/store/journal.ts';
import { endWithChecks, printChecks, type CheckResult } from '../check_result.ts';
import { checkEnvironment } from '../environment_check.ts';
import { checkActiveModels } from '../strategies/registry.ts';
import type { Output } from '../output.ts';
import { checkStore } from '../store_check.ts';
import { lookAtDaemon } from '../status/daemon_state.ts';
import { lookAtTrainer } from '../status/trainer_state.ts';

const GUIDE = 'docs/guides/OPERATE.md#upgrade-without-a-missed-bar';

export function addUpgrade(program: Command, output: () => Output): void {
  program
    .command('upgrade')
    .description('whether this program can take over an installation from the version that runs there')
    .option('--check', 'look at configuration, models, store, journals and running processes, and change nothing')
    .addHelpText(
      'after',
      `
Run it from the folder of the new version, with the environment of the running one (MINUTEHAND_HOME, MINUTEHAND_CONFIG,
MINUTEHAND_DATABASE_URL), while that goes on. Exit code 1 when something stands in the way. Then: ${GUIDE}

Example:
  MINUTEHAND_HOME=/var/lib/minutehand /opt/minutehand-new/bin/minutehand.mjs upgrade --check`,
    )
    .action((flags: { check?: boolean }) => {
      if (flags.check !== true)
        throw new MinutehandError('USAGE', {
          seen: 'upgrade without --check',
          expected: '`minutehand upgrade --check`: a running version is replaced by its successor, process by process',
          next: `Check first, then follow ${GUIDE}.`,
        });
      return checkUpgrade(output());
    });
}

async function checkUpgrade(output: Output): Promise<void> {
  const { version } = packageManifest();
  const paths = homePaths();
  const { settings, problems } = inspectSettings();
  const { warnings, problems: unusable } = checkEnvironment();
  const findings: CheckResult[] = [
    { what: 'this program', verdict: 'ok', detail: `${version} in ${packageRoot()}, Node ${process.versions.node}` },
    ...(settings !== null && problems.length + unusable.length === 0
      ? [configuration(settings)]
      : [
          {
            what: 'configuration',
            verdict: 'error' as const,
            detail: problemsError([...problems, ...unusable]).message,
          },
        ]),
    ...warnings.map((detail): CheckResult => ({ what: 'environment', verdict: 'warning', detail })),
    await checkStore(paths),
  ];
  if (settings !== null) {
    findings.push(...(await checkActiveModels(settings, paths)));
    findings.push(...journals(settings, paths), ...(await processes(settings, paths, version)));
  }
  printChecks(findings, output);
  const isOk = endWithChecks(findings);
  output.line(
    isOk ? `Nothing stands in the way. Next: ${GUIDE}` : 'Mend what is marked with ✗ first: the old version goes on.',
  );
  output.result({ ok: isOk, version, findings });
}

function configuration({ sources, policyHash }: Settings): CheckResult {
  const { configDir, delivered } = sources;
  const added = delivered.length === 0 ? '' : `; not in the files, delivered values apply: ${delivered.join(', ')}`;
  return { what: 'configuration', verdict: 'ok', detail: `${configDir}, policy_hash ${policyHash}${added}` };
}

/** The journal of each shard that has one. */
function journals({ minutehand }: Settings, paths: HomePaths): CheckResult[] {
  return shardsOf(minutehand).map(({ name }): CheckResult => {
    const what = `journal ${name}`;
    const path = paths.journal(minutehand.market, name);
    if (!existsSync(path)) return { what, verdict: 'ok', detail: 'none yet: the daemon makes it' };
    try {
      openJournal(path, { readOnly: true }).close();
      return { what, verdict: 'ok', detail: `${path} is read by this program` };
    } catch (error) {
      const { code, message, next } = describeError(error);
      return { what, verdict: 'error', detail: `${code}: ${message} ${next}` };
    }
  });
}

async function processes(settings: Settings, paths: HomePaths, own: string): Promise<CheckResult[]> {
  const daemons = await Promise.all(shardsOf(settings.minutehand).map((shard) => lookAtDaemon(settings, paths, shard)));
  const trainer = await lookAtTrainer(settings, paths);
  return [
    ...daemons.map(({ shard, presence, health, hasStandby }): CheckResult => {
      const standby = hasStandby ? ', with a standby' : ', without a standby';
      const detail = runningText(presence, health?.program_version ?? '', own);
      return { what: `daemon ${shard}`, ...detail, detail: `${detail.detail}${presence === 'up' ? standby : ''}` };
    }),
    { what: 'trainer', ...runningText(trainer.presence, trainer.health?.program_version ?? '', own) },
  ];
}

function runningText(presence: Presence, version: string, own: string): Pick<CheckResult, 'verdict' | 'detail'> {
  if (presence === 'down') return { verdict: 'ok', detail: 'does not run' };
  if (presence === 'mute')
    return { verdict: 'warning', detail: 'runs and does not answer: look at it before it is replaced' };
  if (version === own) return { verdict: 'ok', detail: `runs ${own}, the version of this program` };
  return { verdict: 'ok', detail: `runs ${version}, to be replaced by ${own}` };
}
