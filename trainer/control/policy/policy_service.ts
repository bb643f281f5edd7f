import type { Logger } from 'pino';
import type { Change } from './changes.ts';
import { EvidenceRunner } from './evidence.ts';
import { PolicyChanges, type PolicyContext, type Proposal } from './policy_changes.ts';

const LOOK_MS = 5000;

export interface PolicyService {
  propose(proposal: Proposal): Promise<Change>;
  approve(id: number, by: string): Promise<Change>;
  reject(id: number, by: string): Promise<Change>;
  takeBack(id: number, reason: string, by: string): Promise<Change>;
  stop(): Promise<void>;
}

/** Performs each step of a change when due, and completes those that an earlier trainer left unfinished. */
export function startPolicyService(
  context: PolicyContext & { readonly command: readonly string[]; readonly yields: boolean; readonly log: Logger },
): PolicyService {
  const { log } = context;
  const changes = new PolicyChanges(context);
  const evidence = new EvidenceRunner(context);
  let advancing: Promise<void> | null = null;
  let stopped = false;

  function look(): void {
    if (stopped) return;
    evidence.look();
    advancing ??= changes
      .advance()
      .then((applied) => {
        for (const change_id of applied) log.info({ change_id }, 'a change of the configuration was applied');
      })
      .catch((error: unknown) => log.warn({ err: error }, 'changes of the configuration wait'))
      .finally(() => (advancing = null));
  }

  const timer = setInterval(look, LOOK_MS).unref();
  setImmediate(look);
  const andLook = async (work: Promise<Change>): Promise<Change> => {
    const change = await work;
    // A running pass has missed it.
    void Promise.resolve(advancing).then(look);
    return change;
  };
  return {
    propose: (proposal) => andLook(changes.propose(proposal)),
    approve: (id, by) => andLook(changes.approve(id, by)),
    reject: (id, by) => andLook(changes.reject(id, by)),
    takeBack: (id, reason, by) => andLook(changes.takeBack(id, reason, by)),
    async stop() {
      stopped = true;
      clearInterval(timer);
      await evidence.stop();
      await advancing;
    },
  };
}
