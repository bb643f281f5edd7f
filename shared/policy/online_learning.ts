/** Values of `online_learning`: whether, and how, each day's update of the models of pairs must earn its place. */
export const ONLINE_LEARNING = ['off', 'recalibrate', 'warm_start'] as const;
export type OnlineLearning = (typeof ONLINE_LEARNING)[number];

/** What a warm start changes where nobody says it: that of the policy. */
export const UPDATE_OF_POLICY = { off: 'trees', recalibrate: 'calibration', warm_start: 'trees' } as const;
