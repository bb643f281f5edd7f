#!/usr/bin/env node
/**
 * The built program, and the suites of its parts, on Windows: on Windows itself, or under Wine on Linux (`apt-get
 * install wine wine64`). Arguments replace the list of files. Without either, nothing is tested, which the last line
 * says. Not a part of CI: it takes a quarter of an hour, and needs Wine.
 */
import { ensureReady, run } from './setup.mjs';
import { withLock } from './lock.mjs';
import { print } from './project.mjs';
import { conclude, mustHold, testsHold } from './steps.mjs';
import { endWindows, hasWindows, prepareWindows, TREE_LOCK } from './windows_tree.mjs';

await run(async () => {
  if (!hasWindows()) {
    print('SKIPPED: nothing of Windows was tested, because there is no Wine here.');
    print('  → apt-get install --no-install-recommends wine wine64, or run it on Windows');
    return 0;
  }
  await ensureReady('development');
  const onWait = (/** @type {number} */ pid) => print(`waiting for process ${pid}, which tests Windows too`);
  return withLock(TREE_LOCK, onWait, async () => {
    /** @type {import('./windows_tree.mjs').WindowsPlace | undefined} */
    let place;
    await mustHold('prepare Windows', async () => void (place = await prepareWindows()));
    if (place === undefined) return conclude();
    const given = process.argv.slice(2);
    const files = given.length > 0 ? given : ['test/windows/'];
    try {
      await testsHold('Windows', ['--maxWorkers=1', ...files], { env: { MINUTEHAND_WINDOWS: JSON.stringify(place) } });
    } finally {
      endWindows(place);
    }
    return conclude();
  });
});
