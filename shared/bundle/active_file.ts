import * as z from 'zod';
import type { Timeframe } from '../pair.ts';
import { despiteGatesSchema } from './recorded_gates.ts';
import { sealShape, type PointerKind } from './sealed_pointer.ts';
import { VERSION } from './version_name.ts';

/** A fence is a time in ms or a little more: no clock gives this one. */
export const MAX_FENCE = 2 ** 52;

export const activeFileSchema = z.object({
  version: z.string().regex(VERSION),
  /** Absent where a person wrote the file: then there is no version to go back to. */
  previous: z.string().regex(VERSION).nullable().default(null),
  /** Present when gates failed, and a person activated it anyway. */
  despite_gates: despiteGatesSchema.optional(),
  /** The same of the predecessor, for a rollback. */
  previous_despite_gates: despiteGatesSchema.optional(),
  /**
   * Of the owner of promotions that wrote it (trainer/store/promotion_owner.ts): writers with a lower one are refused.
   * Not signed: daemons, those of earlier versions too, go by the signed serial.
   */
  fence: z.int().min(1).max(MAX_FENCE).optional(),
  ...sealShape,
});
/** The content of a pointer to active models. */
export type ActiveFile = Readonly<z.infer<typeof activeFileSchema>>;

/**
 * `active` of `active.json`, `direction_1h` of `direction/1h.json`, `rule_BTCUSDT@1h` of `rule/BTCUSDT@1h.json`: in
 * names of marks and in signed bytes.
 */
export type PointerName = 'active' | `direction_${Timeframe}` | `rule_${string}`;

/** Reads and checks a pointer to active models; only shared/bundle/admission/activation.ts writes one. */
export function pointerKind(name: PointerName): PointerKind<ActiveFile> {
  return {
    name,
    file: `${name.replace('_', '/')}.json`,
    schema: activeFileSchema,
    content: ({ version, previous, despite_gates, previous_despite_gates }) =>
      // Signatures of pointers without overrides stay those of earlier versions.
      despite_gates === undefined && previous_despite_gates === undefined
        ? [version, previous]
        : [version, previous, despite_gates ?? null, previous_despite_gates ?? null],
    label: ({ version }) => version,
    sealOf: ({ serial, expires, key, signature }) => ({ serial, expires, key, signature }),
  };
}

export const ACTIVE_POINTER = pointerKind('active');
