import { MinutehandError } from '../errors.ts';
import { MACHINE_FILES } from '../files.ts';
import type { FileSystem, ReadLimits } from '../ports.ts';

const KIB = 1 << 10;
const MIB = 1 << 20;

/**
 * Size limit of each kind of file in a folder of bundles. A pointer, `halts.json` or `news.json` may be a symbolic
 * link, and so may the folder of a bundle; a file of a bundle may not: it would be one from outside.
 */
const LIMITS = {
  /** `active.json`, `shadow.json`. */
  pointer: { maxBytes: 64 * KIB, followsLinks: true },
  halts: { maxBytes: 4 * MIB, followsLinks: true },
  /** `news.json`: some 120 bytes an event, a few hundred events. */
  calendar: { maxBytes: 4 * MIB, followsLinks: true },
  /** Some 300 bytes a pair and model: thousands of pairs. */
  manifest: { maxBytes: 4 * MIB, followsLinks: false },
  signature: { maxBytes: 64 * KIB, followsLinks: false },
  /** Models, reports and the other files beside them. */
  content: { maxBytes: 256 * MIB, followsLinks: false },
} as const satisfies Record<string, ReadLimits>;
export type ModelsFileKind = keyof typeof LIMITS;

/** Errors of a file that is not of its kind, rather than absent or on a failing disk. */
const REFUSALS: Readonly<Record<string, (path: string, message: string) => string>> = {
  EFTYPE: (_, message) => message,
  EFBIG: (_, message) => message,
  EISDIR: (path) => `${path} is a folder`,
  ELOOP: (path) => `${path} is a symbolic link`,
  ENXIO: (path) => `${path} is a socket or a device`,
};

/**
 * Reads a file of a folder of bundles: the one way in which that is done, by the daemon and the trainer.
 * @throws MinutehandError MODEL_FILE when it is no regular file, a link that is not followed, or too large; Error when
 * it cannot be read
 */
export function readModelsFile(path: string, kind: ModelsFileKind, files: FileSystem = MACHINE_FILES): Buffer {
  try {
    return files.read(path, LIMITS[kind]);
  } catch (cause) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    const refusal = REFUSALS[code];
    if (refusal === undefined) throw cause;
    throw new MinutehandError('MODEL_FILE', { seen: refusal(path, message), cause });
  }
}
