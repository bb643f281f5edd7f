/** Answers of the direction model to a bar, as rules read them: up, down, range. */
export const PROBABILITY_NAMES = ['ML_UP_PROB', 'ML_DOWN_PROB', 'ML_RANGE_PROB'] as const;
