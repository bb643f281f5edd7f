/**
 * Names of the gates that every training of pair models checks: a manifest without one of them has not passed it. A
 * new gate of trainer/learning/gate/gates.ts joins this list.
 */
export const PAIR_GATE_NAMES = [
  'ai1 auc',
  'ai1 brier',
  'risk pass rate',
  'executable outside wide minutes',
  'executable one minute later',
  'ai1 skill',
  'edge with columns one bar later',
  'ai1 auc plausible',
  'ai2 auc plausible',
  'features look-ahead',
  'ai1 label ends',
  'ai2 label ends',
  'ai3 label ends',
  'ai1 samples',
  'ai1 f1',
  'ai1 f1 above chance',
  'ai1 auc above noise',
  'ai1 prediction dispersion',
  'ai1 fold borders',
  'ai1 fitted on training rows only',
  'ai1 shuffled labels',
  'ai1 shuffled labels refused',
  'ai2 samples',
  'ai2 f1',
  'ai2 f1 above chance',
  'ai2 auc above noise',
  'ai2 prediction dispersion',
  'ai2 fold borders',
  'ai2 fitted on training rows only',
  'ai2 shuffled labels',
  'ai2 shuffled labels refused',
  'ai3 prediction dispersion',
  'ai3 fold borders',
  'ai3 fitted on training rows only',
  'ai3 shuffled labels',
] as const;

/** The same of a training of the direction model (trainer/learning/direction/direction_gates.ts). */
export const DIRECTION_GATE_NAMES = [
  'direction bias',
  'direction plausible',
  'direction series foresight',
  'direction single column',
  'direction one bar later',
  'direction f1',
] as const;
