import type { Logger } from 'pino';
import { describeError, type ErrorReport } from '../shared/errors.ts';
import type { Pair } from '../shared/pair.ts';
import { approvedPath } from '../shared/policy/approved.ts';
import { pairCosts } from '../shared/policy/costs.ts';
import { decisionRecord } from '../shared/policy/decision_record.ts';
import type { HomePaths } from '../shared/home.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { FileSystem, Scheduler } from '../shared/ports.ts';
import type { PolicyInput } from './queue/input.ts';

export interface PolicyWatchOptions {
  readonly paths: Pick<HomePaths, 'policy'>;
  readonly pairs: readonly Pair[];
  /** policy_hash that decides now. */
  policyHash(): string;
  readonly files: FileSystem;
  readonly scheduler: Scheduler;
  readonly pollMs: number;
  readonly log: Logger;
  print(line: string): void;
  /** Reads the configuration again. @throws MinutehandError CONFIG_* */
  load(): Settings;
  /** Takes effect between two minutes. */
  apply(input: PolicyInput, settings: Settings): void;
}

export interface PolicyWatch {
  /** Looks now. */
  check(): void;
  stop(): void;
}

/**
 * Follows the approved configuration. What policy_hash covers takes effect between two bars: core_policy.yaml, and the
 * decision rules and costs of minutehand.yaml; everything else at the next start of the daemon. A look is one `stat`.
 */
export function watchPolicy(options: PolicyWatchOptions): PolicyWatch {
  const { paths, pairs, files, log, print } = options;
  const path = approvedPath(paths.policy);
  let current: string | null = null;

  function check(): void {
    const stat = files.stat(path);
    const seen = stat === null ? 'absent' : `${stat.inode}:${stat.bytes}:${stat.modifiedMs}`;
    if (seen === current) return;
    current = seen;
    if (stat === null) return;
    try {
      const settings = options.load();
      const record = decisionRecord(settings);
      if (record.policyHash === options.policyHash()) return;
      // Here, and not between two bars: a symbol without costs.
      for (const pair of pairs) pairCosts(record.costs, pair);
      options.apply({ kind: 'policy', record }, settings);
      const { change_id, author, approver, commit } = settings.sources.approved!;
      log.info({ policy_hash: record.policyHash, change_id, author, approver, commit }, 'policy changed');
      print(
        `Policy ${record.policyHash} from the next bar on: change ${change_id} by ${author}, approved by ${approver}.`,
      );
    } catch (error) {
      refuse(describeError(error));
    }
  }

  function refuse(report: ErrorReport): void {
    log.error(report, 'the approved configuration was not applied');
    print(`${report.code}: the approved configuration was not applied, the previous policy stays. ${report.message}`);
  }

  return { check, stop: options.scheduler.every(options.pollMs, check) };
}
