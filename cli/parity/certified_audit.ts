import { readFileSync } from 'node:fs';
import { MACHINE_FILES } from '../../shared/files.ts';
import { pathInside } from '../../shared/path_name.ts';
import type { Certificate } from './certificate.ts';

/** What a certificate says of the audit when it was written. */
export interface CertifiedHead {
  /** Path of the certificate. */
  readonly file: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Hash of the last entry. */
  readonly head: string;
}

const NAME = /^parity_.+\.json$/;

/** The last entries of the audit that the certificates of a folder have seen; a file that cannot be read has none. */
export function certifiedHeads(folder: string): CertifiedHead[] {
  const names = MACHINE_FILES.list(folder).map(({ name }) => name);
  return names
    .filter((name) => NAME.test(name))
    .sort()
    .flatMap((name) => {
      const file = pathInside(folder, name);
      try {
        const { created_at, audit } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Certificate>;
        if (typeof created_at !== 'string' || !audit || audit.entries === 0 || audit.missing !== null) return [];
        return [{ file, createdAt: created_at, head: audit.head }];
      } catch {
        return [];
      }
    });
}
