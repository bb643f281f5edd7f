/**
 * For tests that kill a registry: `<store> <models> <step> <version>` runs `adopt` and `retain`, or `recover`, and is
 * killed at step n, counted over every file change and query; step 0 is never killed.
 */
import type { KyselyPlugin } from 'kysely';
import { adopt, admitAll } from './activate.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import type { FileSystem } from '../shared/ports.ts';
import { createRegistry } from '../trainer/control/registry/registry.ts';
import { openStore } from '../trainer/store/store.ts';

const [url, models, dieAt, action] = process.argv.slice(2) as [string, string, string, string];
let step = 0;
function next(): void {
  if (++step === Number(dieAt)) process.kill(process.pid, 'SIGKILL');
}

const files: FileSystem = {
  ...MACHINE_FILES,
  write: (path, data) => {
    // A killed process may leave a partial file.
    MACHINE_FILES.write(path, data.slice(0, data.length / 2));
    next();
    MACHINE_FILES.write(path, data);
  },
  rename: (from, to) => {
    next();
    MACHINE_FILES.rename(from, to);
  },
  makeFolder: (path) => {
    next();
    MACHINE_FILES.makeFolder(path);
  },
  remove: (path) => {
    next();
    // A folder may be removed only in part.
    for (const { name, isFolder } of MACHINE_FILES.list(path).slice(0, 2)) {
      if (!isFolder) MACHINE_FILES.remove(`${path}/${name}`);
      next();
    }
    MACHINE_FILES.remove(path);
  },
};
const counting: KyselyPlugin = {
  transformQuery({ node }) {
    next();
    return node;
  },
  transformResult: ({ result }) => Promise.resolve(result),
};

const store = await openStore(url);
const registry = createRegistry({ ...store, db: store.db.withPlugin(counting) }, models, { files });
if (action === 'recover') {
  await registry.recover(undefined, admitAll(models));
} else {
  await adopt(registry, models, action, files);
  await registry.retain(3);
}
await store.close();
process.stdout.write(`done after ${step} steps\n`);
