import { counted } from '../../shared/counted.ts';
import { basename, join } from 'node:path';
import { actorName } from '../../shared/process/actor.ts';
import type { Command } from 'commander';
import { MACHINE_CLOCK } from '../../shared/clock.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/home.ts';
import {
  AUDIT_RESTART,
  appendAudit,
  missingHeads,
  unanchoredEntries,
  verifyAudit,
  type AuditCheck,
  type AuditEntry,
} from '../../trainer/control/api/audit.ts';
import { setAnchorsAside } from '../../trainer/store/audit_anchors.ts';
import { openStore, storeUrl, type Store } from '../../trainer/store/store.ts';
import type { Output } from '../output.ts';
import { certifiedHeads, type CertifiedHead } from '../parity/certified_audit.ts';
import { isThere } from '../../shared/files.ts';

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

async function restart(reason: string, output: Output): Promise<void> {
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    const { missing } = await verifyAudit(store);
    const unanchored = await unanchoredEntries(store);
    const certified = await contradicting(store);
    if (store.auditAnchors === null || (missing === null && unanchored === 0 && certified.length === 0))
      throw new MinutehandError('AUDIT_WHOLE');
    const nowMs = MACHINE_CLOCK.nowMs();
    const isAnew = (missing !== null || unanchored > 0) && isThere(store.auditAnchors);
    const aside = isAnew ? setAnchorsAside(store.auditAnchors, nowMs) : null;
    const entry: AuditEntry = {
      actor: actorName(),
      role: '',
      via: 'cli',
      action: AUDIT_RESTART,
      target: basename(aside ?? store.auditAnchors),
      before: missing ?? (unanchored > 0 ? { unanchored } : { certified: certified.map(({ head }) => head) }),
      after: { reason },
      outcome: 'done',
    };
    await appendAudit(store, entry, nowMs);
    if (missing !== null) output.line(`${missingText(missing)}. The anchors are now in ${aside}.`);
    else if (unanchored === 0)
      output.line(`Certificates until now no longer count: ${counted(certified.length, 'certificate')}.`);
    else output.line(`The anchors begin anew in ${store.auditAnchors}.`);
    output.result({ missing, aside });
  } finally {
    await store.close();
  }
}

async function verify({ certificates }: CertificateFlags, output: Output): Promise<void> {
  if (certificates !== undefined && !isThere(certificates))
    throw new MinutehandError('USAGE', { seen: `no folder ${certificates}`, expected: 'a folder of certificates' });
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    const check = await verifyAudit(store);
    const { entries, head, broken, breaks, missing } = check;
    const unanchored = await unanchoredEntries(store);
    const certified = await contradicting(store, certificates);
    if (broken === null && missing === null && unanchored === 0 && certified.length === 0)
      output.line(`Whole: ${counted(entries, 'entry', 'entries')}; last hash ${head}`);
    if (broken !== null) output.line(`${breaks} of ${entries} entries do not fit; the first is entry ${broken}.`);
    if (missing !== null)
      output.line(
        `Missing: ${missingText(missing)}. After a restored backup: \`minutehand audit restart --reason …\`.`,
      );
    if (unanchored > 0)
      output.line(
        `No anchors: ${store.auditAnchors!} was removed or emptied: it lacks those of ${unanchored} of ${entries} entries. Whether others were removed at the end of the table is unknown. Put the file back; without it: \`minutehand audit restart --reason …\`.`,
      );
    const [first] = certified;
    if (first !== undefined)
      output.line(
        `Cut off: ${counted(certified.length, 'certificate')} saw a last entry that the table lacks; the oldest is ${first.file} of ${first.createdAt}, entry ${first.head}. After a restored backup: \`minutehand audit restart --reason …\`.`,
      );
    output.result({ ...check, anchored: unanchored === 0, contradicting: certified.map(({ file }) => file) });
    if (broken !== null || missing !== null || unanchored > 0 || first !== undefined) process.exitCode = 1;
  } finally {
    await store.close();
  }
}
