/** The reason of a signal: the closed list of docs/reference/PROTOCOL.md#reasons. */
export const REASONS = {
  ENTRY: 'ENTER: the spread is far out, the models expect it to revert, and the moment is calm.',
  Z_EXIT: 'EXIT: the spread has come back.',
  STOP: 'EXIT: the spread moved further out by the stop distance.',
  MAX_AGE: 'EXIT: the position reached its maximum age.',
  RISK_EXIT: 'EXIT: the risk score reached risk_exit.',
  NEWS_CLOSE: 'EXIT: an event of the economic calendar is near, and news_stop closes positions.',
  CLOSE_ALL: 'EXIT: a person has the position closed; nothing is entered until a person resumes.',
  IN_POSITION: 'HOLD: a position is open and nothing ends it.',
  NO_SETUP: 'HOLD: |z| is below z_entry.',
  STOPPED:
    'HOLD: a person has stopped the entries until a person resumes, or the daemon cannot read its stops (degradation `stops`).',
  BETA_RANGE: 'HOLD: |beta| is outside [beta_min, beta_max].',
  KPI_HALT:
    'HOLD: under these models a live KPI of the pair, or of all pairs, is past its limit; nothing is entered until a person or a new bundle clears it.',
  NO_EDGE: 'HOLD: the models have shown no edge after costs for this pair.',
  SESSION: 'HOLD: the entry would be filled in one of no_entry_windows.',
  NEWS: 'HOLD: the entry would be filled near an event of the economic calendar, within the minutes of news_stop.',
  NOVEL_INPUT: 'HOLD: the inputs of AI1 are unlike those it learned from: novelty is below novelty_min.',
  PROB_LOW: 'HOLD: return_prob is not above theta1.',
  RISK_HIGH: 'HOLD: risk_score is not below theta2.',
  COST_HIGH: 'HOLD: the expected result after the current costs is not above min_expected_net_bps.',
  EXPOSURE:
    'HOLD: the entry would raise a net exposure over all open positions above max_symbol_exposure or max_currency_exposure.',
  NO_MODEL: 'HOLD: no verified model set is loaded.',
  WARMUP: 'HOLD: the pair has not seen enough bars yet.',
  LEG_MISSING: 'HOLD: the bar of one leg did not come in time.',
  LEG_EMPTY: 'HOLD: one leg did not trade in this minute.',
  BAR_SUSPECT: 'HOLD: the bar of a leg does not fit its recent bars; the next one confirms or refutes it.',
  SILENCE: 'HOLD: no bar of the pair came for a while; a heartbeat that repeats the values of its last bar.',
  SHUTDOWN: 'HOLD: the daemon ends and no other waits to take over; its last signal of the pair, always in mode HALT.',
} as const;
export type Reason = keyof typeof REASONS;
