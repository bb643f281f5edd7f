import type { Fitted } from '../contract/fitted.ts';
import type { FitRequest, Learner } from '../contract/learner.ts';

/** A fit of one member, and what differs from the request of the whole. */
export interface MemberFit {
  readonly learner: Learner;
  readonly changes: Partial<FitRequest>;
}

/** Fits side by side, in this order. The progress of the whole is the mean of theirs. */
export function fitMembers(request: FitRequest, fits: readonly MemberFit[]): Promise<Fitted[]> {
  const shares = new Float64Array(fits.length);
  return Promise.all(
    fits.map(({ learner, changes }, i) =>
      learner.fit({
        ...request,
        ...changes,
        onProgress(share) {
          shares[i] = share;
          request.onProgress?.(shares.reduce((sum, own) => sum + own, 0) / fits.length);
        },
      }),
    ),
  );
}
