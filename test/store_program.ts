/**
 * For tests across processes: `lock <file>` holds a lock, `write <file> <count>` fills a journal, `prune <file>
 * <count>` deletes from it in batches of `count` signals, `halt <models> <count>` adds halts one by one.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { OpenTime } from '../shared/bar.ts';
import { addHalts } from '../shared/bundle/halts.ts';
import { describeError } from '../shared/errors.ts';
import { lockHome, whenUnlocked } from '../shared/process/home_lock.ts';
import { openJournal, type InputRow } from '../shared/store/journal.ts';
import { appendAnchors } from '../trainer/store/audit_anchors.ts';

const [command, path, count] = process.argv.slice(2) as [string, string, string];
const print = (line: string): void => void process.stdout.write(`${line}\n`);

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

if (command === 'lock') {
  try {
    lockHome(path);
    // The lock is held although nothing references it.
    setImmediate(() => {
      collectGarbage();
      print('locked');
    });
    setInterval(() => undefined, 1000);
  } catch (error) {
    print(describeError(error).code);
  }
} else if (command === 'halt') {
  print('open');
  for (let number = 0; number < Number(count); number++) {
    const pair_id = `P${process.pid}.${number}_Q`;
    const since = new Date(0).toISOString();
    const halt = { pair_id, reason: 'drawdown' as const, seen: '', limit: '', version: '20261101_0300', since };
    await whenUnlocked(() => addHalts(path, [halt]));
  }
  print('done');
} else if (command === 'anchor') {
  for (let entry = 0; entry < 60; entry++)
    await appendAnchors(path, [{ entry_id: Number(count) + entry, hash: 'x'.repeat(64) }], {
      maxBytes: 4000,
      keptBytes: 3900,
    });
} else if (command === 'prune') {
  const store = openJournal(path);
  const bounds = { throughRow: Number.MAX_SAFE_INTEGER, publishedBeforeMs: Infinity };
  while (store.prune(bounds, Number(count)) > 0) print('batch');
  store.close();
} else {
  const store = openJournal(path);
  print('open');
  for (let minute = 0; minute < Number(count); minute++) {
    const time = (minute * 60) as OpenTime;
    const row = (subject: string): InputRow => ({
      kind: 'bar',
      subject,
      time,
      backfill: false,
      bar: { symbol: subject, time, open: 1, high: 1, low: 1, close: 1, volume: minute },
    });
    store.append([row('A'), row('B')], []);
    if (minute === 20) print('well under way');
  }
  store.close();
  print('done');
}
