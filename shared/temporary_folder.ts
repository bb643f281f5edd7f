import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What temporary folders are for. `node` is of the installation. */
const PURPOSES = ['change', 'delivered', 'evidence', 'index', 'learner', 'node', 'verify'] as const;
export type TemporaryPurpose = (typeof PURPOSES)[number];

/** Names of these folders; those that killed processes have left are removed by them. */
export const TEMPORARY_FOLDER = new RegExp(`^minutehand-(?:${PURPOSES.join('|')})-\\w{6}$`);

const prefixOf = (purpose: TemporaryPurpose): string => join(tmpdir(), `minutehand-${purpose}-`);

/** Makes a folder in the system's folder of temporary files; who makes it removes it. */
export function temporaryFolder(purpose: TemporaryPurpose): string {
  return mkdtempSync(prefixOf(purpose));
}
