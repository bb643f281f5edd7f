/**
 * A second moment (Σ (x − mean)²) of at most FLAT · mean² · bars is the rounding of doubles: the standard deviation is
 * below 1e-12 · |mean|, and counts as 0.
 */
export const FLAT = 1e-24;
