/**
 * For tests of the owner of promotions: `<store> <home> <models> <versions> [clock]` promotes one version after the
 * other, with a pause between admission and write, until it is killed. Prints `promoted <version> <fence> <serial>` (0:
 * another's pointer was there already), or the code of a refusal.
 *
 * `clock`: a file with the milliseconds by which this machine's clock is wrong.
 */
import { readFileSync } from 'node:fs';
import { activateAdmitted } from '../shared/bundle/admission/activation.ts';
import { readActiveFile } from '../shared/bundle/bundle.ts';
import { describeError } from '../shared/errors.ts';
import { promotionFence } from '../trainer/control/registry/promotion_fence.ts';
import { registryOf } from '../trainer/control/registry/registry.ts';
import { openStore } from '../trainer/store/store.ts';
import { unjudged } from './activate.ts';
import { whenUnlocked } from '../shared/process/home_lock.ts';

const [url, home, models, list, clock] = process.argv.slice(2) as [string, string, string, string, string?];
const right = Date.now;
if (clock !== undefined) Date.now = () => right() + Number(readFileSync(clock, 'utf8'));
const versions = list.split(',');
const paths = { home, models };
const store = await openStore(url);
const registry = registryOf(store, paths, 'pairs');

for (let n = 0; ; n++) {
  const version = versions[n % versions.length]!;
  try {
    const fence = await promotionFence(store, paths, { market: 'live' });
    await new Promise((resolve) => setTimeout(resolve, 30 * Math.random()));
    await whenUnlocked(() => activateAdmitted(unjudged('promotion', models, version, { fence }), paths));
    const pointer = readActiveFile(models);
    const serial = pointer?.fence === fence && pointer.version === version ? pointer.serial! : 0;
    await registry.mend('promoted');
    process.stdout.write(`promoted ${version} ${fence} ${serial}\n`);
  } catch (error) {
    process.stdout.write(`${describeError(error).code}\n`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
