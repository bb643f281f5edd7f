import type { Command } from 'commander';
import { homePaths } from '../../shared/policy/home.ts';
import { verifyAudit } from '../../trainer/api/audit.ts';
import { openStore, storeUrl } from '../../trainer/store/store.ts';
import type { Output } from '../output.ts';

export function addAudit(program: Command, output: () => Output): void {
  const audit = program
    .command('audit')
    .description('The audit of the API: every write, each entry chained to the one before by its hash.');
  audit
    .command('verify')
    .description(
      'recomputes all hashes; exit code 1 when an entry was changed, inserted or removed. Keep the last hash elsewhere to notice entries cut off at the end',
    )
    .action(() => verify(output()));
}

async function verify(output: Output): Promise<void> {
  const store = await openStore(storeUrl(process.env, homePaths()));
  try {
    const check = await verifyAudit(store);
    const { entries, head, broken } = check;
    output.line(
      broken === null
        ? `${entries} entries are whole; last hash ${head}`
        : `Entry ${broken} does not fit; ${entries} before it are whole.`,
    );
    output.result(check);
    if (broken !== null) process.exitCode = 1;
  } finally {
    await store.close();
  }
}
