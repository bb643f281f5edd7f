import * as z from 'zod';

/** How a figure is written: four decimals, percent, basis points, a whole number, an exponent, two decimals. */
export const UNITS = ['score', 'share', 'bps', 'count', 'variance', 'ratio'] as const;
export type Unit = (typeof UNITS)[number];

const RELATIONS = ['>', '>=', '<', '<='] as const;
export type Relation = (typeof RELATIONS)[number];

const scalar = z.union([z.number(), z.string(), z.boolean(), z.null()]);
export type Scalar = z.infer<typeof scalar>;
const evidenceSchema = z.record(
  z.string(),
  z.union([scalar, z.array(z.union([z.number(), z.string()])), z.record(z.string(), scalar)]),
);

/** Further figures of a verdict; `reason`, a code, says why there is no value, or why no limit applies. */
export type Evidence = Readonly<z.infer<typeof evidenceSchema>>;

const measured = {
  code: z.string(),
  /** null: the bundle as a whole. */
  role: z.enum(['ai1', 'ai2', 'ai3', 'direction']).nullable(),
  /** null: not measurable. */
  value: z.number().nullable(),
  /** Of value and limit in a passed gate; null where no limit applies. */
  relation: z.enum(RELATIONS).nullable(),
  limit: z.number().nullable(),
  unit: z.enum(UNITS),
  evidence: evidenceSchema,
};

/** A verdict. A bundle of a later version may have other codes. */
export const gateResultSchema = z.object({
  code: measured.code,
  role: measured.role,
  passed: z.boolean(),
  value: measured.value,
  relation: measured.relation,
  limit: measured.limit,
  unit: measured.unit,
  evidence: measured.evidence,
});

/** A verdict as earlier versions wrote it: in English. It is shown as it is. */
export const writtenGateSchema = z.object({
  name: z.string(),
  passed: z.boolean(),
  seen: z.string(),
  limit: z.string(),
});

/** A verdict as manifests have it. */
export const recordedGateSchema = z.union([gateResultSchema, writtenGateSchema]);
export type RecordedGate = Readonly<z.infer<typeof recordedGateSchema>>;

/** A gate that was not passed; `group`: of the own models of a group of pairs. */
const measuredFailureSchema = z.object({ ...measured, group: z.string().optional() });

export type MeasuredFailure = z.infer<typeof measuredFailureSchema>;

/** The same as earlier versions wrote it into pointers. */
const writtenFailureSchema = z.object({ code: z.string(), seen: z.string(), limit: z.string() });

export const failedGateSchema = z.union([measuredFailureSchema, writtenFailureSchema]);
export type FailedGate = Readonly<z.infer<typeof failedGateSchema>>;
