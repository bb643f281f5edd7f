import type { LeaseRecord, LeaseRequest } from './lease.ts';

export const NO_LEASE: LeaseRecord = { holder: '', fence: 0, beat: 0 };

/** The rule of every store, over one record. @param serverMs the server's wall clock, which may jump */
export function decideLease(record: LeaseRecord, request: LeaseRequest, holder: string, serverMs: number): LeaseRecord {
  switch (request.kind) {
    case 'look':
      return record;
    case 'renew':
      return record.holder === holder && record.fence === request.fence ? { ...record, beat: record.beat + 1 } : record;
    case 'release':
      return record.holder === holder && record.fence === request.fence ? { ...record, holder: '' } : record;
    case 'raise':
      return record.fence > 0 && record.fence === request.fence ? { ...record, fence: request.floor + 1 } : record;
    case 'take': {
      const { seen, floor } = request;
      if (record.fence !== seen.fence || record.beat !== seen.beat) return record;
      return { holder, fence: Math.max(record.fence + 1, floor + 1, serverMs), beat: record.beat + 1 };
    }
  }
}
