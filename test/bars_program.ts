/** For tests that kill imports: `import <store> <source>` imports and prints a line once the first rows are stored. */
import { importBars } from '../cli/bars/import.ts';
import type { BarSink } from '../shared/bar_file/bar_sink.ts';
import { openStore } from '../trainer/store/store.ts';
import { storeSink } from '../cli/bars/store_sink.ts';

const [url, source] = process.argv.slice(2) as [string, string];
const print = (line: string): void => void process.stdout.write(`${line}\n`);

const store = await openStore(url);
print('open');
const sink = storeSink(store, 'live');
const talking: BarSink = {
  ...sink,
  open(symbol) {
    const target = sink.open(symbol);
    return {
      ...target,
      async put(rows) {
        print('putting');
        await target.put(rows);
      },
    };
  },
};
const { symbols } = await importBars({ source, into: talking });
print(`added ${symbols[0]!.added}, there ${symbols[0]!.duplicates}, conflicts ${symbols[0]!.conflicts}`);
await store.close();
