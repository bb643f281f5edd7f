import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../shared/root.ts';

/** In the build, the empty list of migrations. */
const MIGRATIONS = /(fingerprint: SCHEMA_FINGERPRINT,\s*migrations: )\[\]/;

export interface LaterVersion {
  /** For `createWorkplace`. */
  readonly program: string;
  readonly version: string;
}

/**
 * A simulated next release in a separate folder: the build of this checkout with a higher version number and one more
 * migration, which this program does not know. It uses the dependencies of this checkout.
 * @param isAdditive whether the migration declares itself additive
 */
export function makeLaterVersion(folder: string, isAdditive: boolean): LaterVersion {
  const root = packageRoot();
  const version = '99.0.0';
  mkdirSync(folder, { recursive: true });
  for (const name of ['dist', 'config', 'docs', 'dashboard/dist'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object;
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version }));
  const change = `[{
    name: 'a table of a later version',
    from: SCHEMA_FINGERPRINT,
    ${isAdditive ? 'isAdditive: true,' : ''}
    up: (db) => db.schema.createTable('core.of_later').addColumn('text', 'text').execute(),
  }]`;
  const bundle = join(folder, 'dist', 'bundle');
  const changed = readdirSync(bundle).filter((name) => {
    const path = join(bundle, name);
    const text = name.endsWith('.js') ? readFileSync(path, 'utf8') : '';
    if (!MIGRATIONS.test(text)) return false;
    rmSync(path);
    writeFileSync(path, text.replace(MIGRATIONS, `$1${change}`));
    return true;
  });
  if (changed.length === 0) throw new Error('the list of migrations is not where it was in the build');
  return { program: join(folder, 'dist', 'cli', 'minutehand.js'), version };
}
