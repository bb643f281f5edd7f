import { counted } from '../../shared/counted.ts';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { actorName } from '../../shared/process/actor.ts';
import type { Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import {
  appendAudit,
  missingHeads,
  verifyAudit,
  type AuditCheck,
  type AuditEntry,
} from '../../trainer/control/api/audit.ts';
import { readAnchors, setAnchorsAside } from '../../trainer/store/audit_anchors.ts';
import { openStore, storeUrl, type Store } from '../../trainer/store/store.ts';
import type { Output } from '../output.ts';
import { certifiedHeads, type CertifiedHead } from '../parity/certified_audit.ts';

export function addAudit(program: Command, output: () => Output): void {
  const audit = program
    .command('audit')
    .description('The audit of the API: every write, each entry chained to the one before by its hash.');
  audit
    .command('verify')
    .description(
      'recomputes all hashes and compares them with the anchors, a file outside the database, and with the daily certificates; exit code 1 when an entry was changed, inserted or removed, also at the end',
    )
    .option(
      '--certificates <folder>',
      'of `parity`, such as copies on another machine (default: parity of MINUTEHAND_HOME)',
    )
    .action((flags: CertificateFlags) => verify(flags, output()));
  audit
    .command('restart')
    .description(
      'sets the anchors aside, for example after a backup of the database was restored; recorded in the audit with the entries that are missing',
    )
    .requiredOption('--reason <text>', 'why entries are missing')
    .action(({ reason }: { reason: string }) => restart(reason, output()));
}

interface CertificateFlags {
  readonly certificates?: string;
}

/** Certificates, the oldest first, whose last entry the table lacks. */
function contradicting(store: Store, folder = join(homePaths().home, 'parity')): Promise<CertifiedHead[]> {
  return missingHeads(store, certifiedHeads(folder));
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
    const certified = await contradicting(store);
    if (store.auditAnchors === null || (missing === null && !isUnanchored && certified.length === 0))
      throw new MinutehandError('AUDIT_WHOLE');
    const nowMs = MACHINE_CLOCK.nowMs();
    const aside = isUnanchored || missing === null ? null : setAnchorsAside(store.auditAnchors, nowMs);
    const entry: AuditEntry = {
      actor: actorName(),
      role: '',
      via: 'cli',
      action: 'audit restart',
      target: basename(aside ?? store.auditAnchors),
      before: missing ?? (isUnanchored ? { unanchored: entries } : { certified: certified.map(({ head }) => head) }),
      after: { reason },
      outcome: 'done',
    };
    await appendAudit(store, entry, nowMs);
    if (missing !== null) output.line(`${missingText(missing)}. The anchors are now in ${aside}.`);
    else if (!isUnanchored)
      output.line(`Certificates until now no longer count: ${counted(certified.length, 'certificate')}.`);
    else output.line(`The anchors begin anew in ${store.auditAnchors}.`);
    output.result({ missing, aside });
  } finally {
    await store.close();
  }
}

async function verify({ certificates }: CertificateFlags, output: Output): Promise<void> {
  if (certificates !== undefined && !existsSync(certificates))
    throw new MinutehandError('USAGE', { seen: `no folder ${certificates}`, expected: 'a folder of certificates' });
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    const check = await verifyAudit(store);
    const { entries, head, broken, breaks, missing } = check;
    const isUnanchored = lacksAnchors(store, entries);
    const certified = await contradicting(store, certificates);
    if (broken === null && missing === null && !isUnanchored && certified.length === 0)
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
    const [first] = certified;
    if (first !== undefined)
      output.line(
        `Cut off: ${counted(certified.length, 'certificate')} saw a last entry that the table lacks; the oldest is ${first.file} of ${first.createdAt}, entry ${first.head}. After a restored backup: \`minutehand audit restart --reason …\`.`,
      );
    output.result({ ...check, anchored: !isUnanchored, contradicting: certified.map(({ file }) => file) });
    if (broken !== null || missing !== null || isUnanchored || first !== undefined) process.exitCode = 1;
  } finally {
    await store.close();
  }
}
