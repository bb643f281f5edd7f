import { counted } from '../../shared/counted.ts';
import { basename } from 'node:path';
import { actorName } from '../../shared/process/actor.ts';
import type { Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { appendAudit, verifyAudit, type AuditCheck, type AuditEntry } from '../../trainer/control/api/audit.ts';
import { setAnchorsAside } from '../../trainer/store/audit_anchors.ts';
import { openStore, storeUrl } from '../../trainer/store/store.ts';
import type { Output } from '../output.ts';

export function addAudit(program: Command, output: () => Output): void {
  const audit = program
    .command('audit')
    .description('The audit of the API: every write, each entry chained to the one before by its hash.');
  audit
    .command('verify')
    .description(
      'recomputes all hashes and compares them with the anchors, a file outside the database; exit code 1 when an entry was changed, inserted or removed, also at the end',
    )
    .action(() => verify(output()));
  audit
    .command('restart')
    .description(
      'sets the anchors aside, for example after a backup of the database was restored; recorded in the audit with the entries that are missing',
    )
    .requiredOption('--reason <text>', 'why entries are missing')
    .action(({ reason }: { reason: string }) => restart(reason, output()));
}

/** Entries of the anchors that the table lacks. */
function missingText({ first, last, entries }: NonNullable<AuditCheck['missing']>): string {
  const which = first === last ? `entry ${first}` : `${entries} entries between ${first} and ${last}`;
  return `${which} stood in the table when they were written, and are no longer there or were changed`;
}

async function restart(reason: string, output: Output): Promise<void> {
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    const { missing } = await verifyAudit(store);
    if (missing === null || store.auditAnchors === null) {
      throw new MinutehandError('AUDIT_WHOLE');
    }
    const nowMs = MACHINE_CLOCK.nowMs();
    const aside = setAnchorsAside(store.auditAnchors, nowMs);
    const entry: AuditEntry = {
      actor: actorName(),
      role: '',
      via: 'cli',
      action: 'audit restart',
      target: basename(aside),
      before: missing,
      after: { reason },
      outcome: 'done',
    };
    await appendAudit(store, entry, nowMs);
    output.line(`${missingText(missing)}. The anchors are now in ${aside}.`);
    output.result({ missing, aside });
  } finally {
    await store.close();
  }
}

async function verify(output: Output): Promise<void> {
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    const check = await verifyAudit(store);
    const { entries, head, broken, breaks, missing } = check;
    if (broken === null && missing === null)
      output.line(`Whole: ${counted(entries, 'entry', 'entries')}; last hash ${head}`);
    if (broken !== null) output.line(`${breaks} of ${entries} entries do not fit; the first is entry ${broken}.`);
    if (missing !== null)
      output.line(
        `Missing: ${missingText(missing)}. After a restored backup: \`minutehand audit restart --reason …\`.`,
      );
    output.result(check);
    if (broken !== null || missing !== null) process.exitCode = 1;
  } finally {
    await store.close();
  }
}
