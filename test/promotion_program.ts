/**
 * For tests of the owner of promotions: `<store> <home> <models> <versions>` promotes one version after the other, with
 * a pause between admission and write, until it is killed. Prints `promoted <version> <fence>` or the code of a
 * refusal.
 */
import { activateAdmitted } from '../shared/bundle/admission/activation.ts';
import { describeError } from '../shared/errors.ts';
import { promotionFence } from '../trainer/control/registry/promotion_fence.ts';
import { registryOf } from '../trainer/control/registry/registry.ts';
import { openStore } from '../trainer/store/store.ts';
import { unjudged } from './activate.ts';

const [url, home, models, list] = process.argv.slice(2) as [string, string, string, string];
const versions = list.split(',');
const paths = { home, models };
const store = await openStore(url);
const registry = registryOf(store, paths, 'pairs');

for (let n = 0; ; n++) {
  const version = versions[n % versions.length]!;
  try {
    const fence = await promotionFence(store, paths, { market: 'live' });
    await new Promise((resolve) => setTimeout(resolve, 30 * Math.random()));
    activateAdmitted(unjudged('promotion', models, version, { fence }), paths);
    await registry.mend('promoted');
    process.stdout.write(`promoted ${version} ${fence}\n`);
  } catch (error) {
    process.stdout.write(`${describeError(error).code}\n`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
