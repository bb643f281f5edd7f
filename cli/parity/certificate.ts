import type { KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { keyName, signatureRefusal } from '../../shared/bundle/signature.ts';
import { MinutehandError } from '../../shared/errors.ts';
import type { AuditCheck } from '../../trainer/control/api/audit.ts';
import type { SymbolFills } from '../../trainer/control/monitor/fill_performance.ts';
import type { LateOfDay } from '../../trainer/control/parity/journal_day.ts';
import type { DecisionParity, Mismatch } from '../../trainer/control/parity/decisions.ts';
import { isThere } from '../../shared/files.ts';

export const CERTIFICATE_SCHEMA = 'minutehand.parity/1';

/** EXPLAINED: every difference has a cause of docs/reference/LIVE_VS_BACKTEST.md, or the journal ends before it. */
export type ParityVerdict = 'EQUAL' | 'EXPLAINED' | 'MISMATCH';

/** Proof for one day: replay and backtest against the published signals. */
export interface Certificate {
  readonly schema: typeof CERTIFICATE_SCHEMA;
  /** UTC. */
  readonly day: string;
  readonly market: string;
  readonly shard: string;
  readonly created_at: string;
  readonly verdict: ParityVerdict;
  readonly policy_hash: string;
  readonly model_versions: readonly string[];
  /** The journal's inputs once more through the daemon's pipeline. */
  readonly replay: {
    readonly signals: number;
    /** Equal to the byte. */
    readonly equal: number;
    readonly different: number;
    /** Replayed, though the journal ends before their answers; absent in earlier certificates. */
    readonly unanswered?: number;
    /** Over the deterministic part of every replayed signal. */
    readonly sha256: string;
  };
  /** The day's bars through the backtest, by pair. */
  readonly decisions: Readonly<Record<string, PairParity>>;
  /** Signals of instruments, which have no backtest: the replay alone compares them. Absent in earlier certificates. */
  readonly instruments?: Readonly<Record<string, number>>;
  /** The first of all differences without a cause. */
  readonly mismatches: readonly Mismatch[];
  /** What came late; signals of a live market only. Absent in a certificate of an earlier version. */
  readonly late?: LateOfDay;
  /** Costs paid beside those assumed, by kind of account and symbol. */
  readonly fills: Readonly<Record<string, Readonly<Record<string, SymbolFills>>>>;
  /** State of the audit when the certificate was written, so that a later removal of its entries shows. */
  readonly audit?: Pick<AuditCheck, 'entries' | 'head' | 'breaks' | 'missing'> | null;
}

export type PairParity = Omit<DecisionParity, 'mismatches'> & { readonly mismatches: number };

export function verdictOf({ replay, decisions }: Pick<Certificate, 'replay' | 'decisions'>): ParityVerdict {
  const pairs = Object.values(decisions);
  if (replay.different > 0 || pairs.some(({ mismatches }) => mismatches > 0)) return 'MISMATCH';
  const isWhole = (replay.unanswered ?? 0) === 0;
  return isWhole && pairs.every(({ compared, equal }) => compared === equal) ? 'EQUAL' : 'EXPLAINED';
}

/** The signature is beside the file that it signs. */
export const signatureOf = (path: string): string => `${path}.sig`;

/**
 * Reads a certificate that a trusted key has signed.
 * @throws MinutehandError PARITY_FILE, PARITY_SIGNATURE
 */
export function readCertificate(path: string, trusted: readonly KeyObject[]): Certificate {
  let bytes: Buffer;
  let certificate: Certificate;
  try {
    bytes = readFileSync(path);
    certificate = JSON.parse(bytes.toString('utf8')) as Certificate;
    if (certificate.schema !== CERTIFICATE_SCHEMA) throw new Error(`schema ${String(certificate.schema)}`);
  } catch (cause) {
    throw new MinutehandError('PARITY_FILE', { seen: path, cause });
  }
  const sig = signatureOf(path);
  const refusal = isThere(sig) ? signatureRefusal(readFileSync(sig, 'utf8'), bytes, trusted) : 'is not signed';
  if (refusal !== null)
    throw new MinutehandError('PARITY_SIGNATURE', {
      seen: `${path} ${refusal}`,
      expected: `the signature of ${trusted.map(keyName).join(' or ')}`,
    });
  return certificate;
}
