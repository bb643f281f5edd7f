import * as z from 'zod';
import { activeFileSchema } from '../../../shared/bundle/active_file.ts';
import { VERSION } from '../../../shared/bundle/version_name.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { TIMEFRAME_NAMES } from '../../../shared/pair.ts';
import { sha256Hex } from '../../../shared/sha256.ts';

/** The pointer of a delivery: written after all that it names. */
export const DELIVERY_FILE = 'delivery.json';
/** Folder of the files of all bundles, each named by its SHA-256: what has a name never changes. */
export const OBJECTS = 'objects';
/** Of delivery.json. Some 3 kB a bundle. */
export const MAX_DELIVERY_BYTES = 4 << 20;

const timeframe = z.enum(TIMEFRAME_NAMES);

/** Of one file of a bundle, which its receiver reads into memory. */
export const MAX_FILE_BYTES = 256 << 20;
/** Of all files of one bundle. */
const MAX_BUNDLE_BYTES = 1 << 30;

const fileSchema = z.object({
  file: z
    .string()
    .max(200)
    .regex(/^\w[\w.-]*$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(0).max(MAX_FILE_BYTES),
});
export type DeliveredFile = Readonly<z.infer<typeof fileSchema>>;

const bundleSchema = z.object({
  version: z.string().regex(VERSION),
  /** Of a direction model; null: models of pairs. */
  timeframe: timeframe.nullable(),
  /** A candidate was never made active, or is so no more: it may have failed its gates. */
  state: z.enum(['active', 'previous', 'candidate']),
  files: z
    .array(fileSchema)
    .min(1)
    .max(1000)
    .refine((files) => files.reduce((sum, { bytes }) => sum + bytes, 0) <= MAX_BUNDLE_BYTES, {
      error: `more than ${MAX_BUNDLE_BYTES} bytes together`,
    }),
});
export type DeliveredBundle = Readonly<z.infer<typeof bundleSchema>>;

const pointerSchema = z.object({ timeframe: timeframe.nullable(), pointer: activeFileSchema });
export type DeliveredPointer = Readonly<z.infer<typeof pointerSchema>>;

const deliverySchema = z.object({
  format: z.literal('minutehand.delivery/1'),
  /** Market, machine and home: one sender to a folder. */
  sender: z.string().max(1000),
  bundles: z.array(bundleSchema).max(1000),
  /** Pointers to the active models as the sender has them, signatures included. */
  pointers: z.array(pointerSchema).max(1000),
});
export type Delivery = Readonly<z.infer<typeof deliverySchema>>;

/** @param place for messages @throws MinutehandError DELIVERY_DAMAGED */
export function parseDelivery(bytes: Buffer, place: string): Delivery {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new MinutehandError('DELIVERY_DAMAGED', { seen: `${place} is not JSON`, cause });
  }
  const parsed = deliverySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new MinutehandError('DELIVERY_DAMAGED', { seen: `${place}: ${issue.path.join('.')}: ${issue.message}` });
}

export function deliveryText(delivery: Delivery): string {
  return `${JSON.stringify(delivery, null, 1)}\n`;
}

/** Whether bytes are those that a delivery names. */
export function isDelivered({ sha256, bytes }: DeliveredFile, content: Uint8Array): boolean {
  return content.length === bytes && sha256Hex(content) === sha256;
}
