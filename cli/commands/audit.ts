import { counted } from '../../shared/counted.ts';
import { basename } from 'node:path';
import { actorName } from '../../shared/process/actor.ts';
import type { Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import { appendAudit, verifyAudit, type AuditCheck, type AuditEntry } from '../../trainer/control/api/audit.ts';
import { readAnchors, setAnchorsAside } from '../../trainer/store/audit_anchors.ts';
import { openStore, storeUrl, type Store } from '../../trainer/store/store.ts';
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
  if (first === last)
    return `entry ${first} stood in the table when it was written, and is no longer there or was changed`;
  return `${entries} entries between ${first} and ${last} stood in the table when they were written, and are no longer there or were changed`;
}

/**
 * Whether the file of anchors was removed or emptied, so that nothing tells of entries that are missing at the end of
 * the table. Each entry has its anchor, but for one whose process was killed. On a server, entries may all be those of
 * another home, which has their anchors.
 */
function lacksAnchors({ kind, auditAnchors }: Store, entries: number): boolean {
  return kind === 'sqlite' && auditAnchors !== null && entries > 1 && readAnchors(auditAnchors).length === 0;
}

async function restart(reason: string, output: Output): Promise<void> {
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    const { missing, entries } = await verifyAudit(store);
    const isUnanchored = lacksAnchors(store, entries);
    if (store.auditAnchors === null || (missing === null && !isUnanchored)) throw new MinutehandError('AUDIT_WHOLE');
    const nowMs = MACHINE_CLOCK.nowMs();
    const aside = isUnanchored ? null : setAnchorsAside(store.auditAnchors, nowMs);
    const entry: AuditEntry = {
      actor: actorName(),
      role: '',
      via: 'cli',
      action: 'audit restart',
      target: basename(aside ?? store.auditAnchors),
      before: missing ?? { unanchored: entries },
      after: { reason },
      outcome: 'done',
    };
    await appendAudit(store, entry, nowMs);
    if (missing !== null) output.line(`${missingText(missing)}. The anchors are now in ${aside}.`);
    else output.line(`The anchors begin anew in ${store.auditAnchors}.`);
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
    const isUnanchored = lacksAnchors(store, entries);
    if (broken === null && missing === null && !isUnanchored)
      output.line(`Whole: ${counted(entries, 'entry', 'entries')}; last hash ${head}`);
    if (broken !== null) output.line(`${breaks} of ${entries} entries do not fit; the first is entry ${broken}.`);
    if (missing !== null)
      output.line(
        `Missing: ${missingText(missing)}. After a restored backup: \`minutehand audit restart --reason …\`.`,
      );
    if (isUnanchored)
      output.line(
        `No anchors: ${store.auditAnchors!} is gone or empty, although the table has ${entries} entries. Whether others were removed at its end is unknown. Put the file back; without it: \`minutehand audit restart --reason …\`.`,
      );
    output.result({ ...check, anchored: !isUnanchored });
    if (broken !== null || missing !== null || isUnanchored) process.exitCode = 1;
  } finally {
    await store.close();
  }
}
