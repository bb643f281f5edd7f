import { z } from 'zod';
import { sealShape, type PointerKind } from './sealed_pointer.ts';

/** Form of a version: the minute of its making in UTC, and a number for a further one of that minute. */
export const VERSION = /^\d{8}_\d{4}(_\d+)?(-[0-9a-f]{8})?$/;

export const activeFileSchema = z.object({
  version: z.string().regex(VERSION),
  /** Absent where a person wrote the file: then there is no version to go back to. */
  previous: z.string().regex(VERSION).nullable().default(null),
  ...sealShape,
});
/** The content of `active.json`. */
export type ActiveFile = Readonly<z.infer<typeof activeFileSchema>>;

/** A pointer to a version and its predecessor. */
export function versionPointer(name: string, file: string): PointerKind<ActiveFile> {
  return {
    ...{ name, file, schema: activeFileSchema },
    content: ({ version, previous }) => [version, previous],
    label: ({ version }) => version,
    sealOf: ({ serial, expires, key, signature }) => ({ serial, expires, key, signature }),
    withSeal: ({ version, previous }, seal) => ({ version, previous, ...seal }),
  };
}

export const ACTIVE_POINTER = versionPointer('active', 'active.json');
