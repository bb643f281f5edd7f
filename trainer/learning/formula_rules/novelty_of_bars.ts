/** Which entries the policy refuses because the direction model that a rule reads has seen nothing like the bar. */
export interface NoveltyOfBars {
  /** `novelty_min` of core_policy.yaml. */
  readonly min: number;
  /** Share of the model's training rows that are farther out than each bar; NaN: not known. */
  readonly bars: ArrayLike<number>;
}
