import { join } from 'node:path';
import type { FileStat, FileSystem } from '../../shared/ports.ts';
import type { OnText, SignalSource } from './signal_source.ts';
import { pathInside } from '../../shared/path_name.ts';

const LOOK_MS = 20;

/** Follows `<signals>/<pair_id>/signal.json` of these pairs: reads each file again when it was replaced. */
export function followFiles(
  files: FileSystem,
  signals: string,
  pairIds: readonly string[],
  receive: OnText,
): SignalSource {
  const seen = new Map<string, FileStat>();

  function look(): void {
    for (const pairId of pairIds) {
      const path = join(pathInside(signals, pairId), 'signal.json');
      const stat = files.stat(path);
      const last = seen.get(pairId);
      if (stat === null) continue;
      const isSame = last?.inode === stat.inode && last.modifiedMs === stat.modifiedMs && last.bytes === stat.bytes;
      if (isSame) continue;
      let text: string;
      try {
        text = files.read(path).toString();
      } catch {
        // On Windows a file that is just being replaced cannot be read: the next look can.
        continue;
      }
      seen.set(pairId, stat);
      receive(text, pairId);
    }
  }

  const timer = setInterval(look, LOOK_MS);
  return {
    state: () => (seen.size === 0 ? `no signal.json in ${signals} yet` : `files in ${signals}`),
    stop() {
      clearInterval(timer);
      return Promise.resolve();
    },
  };
}
