import { gateKey, type GateCode, type GateIdentity } from '../../../shared/bundle/gates/gate_codes.ts';
import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import type { BundleEvidence, Gate, ModelEvidence } from './gate.ts';

/**
 * Gates on the leakage tests of a training. The tests are those of `validate/leakage/`, which need its rows and
 * learners; a gate takes the verdict of its test, and refuses to go on without one.
 */

export const featuresLookAhead: Gate<BundleEvidence> = {
  code: 'features_look_ahead',
  vetoes: 'Features of sampled bars that differ when recomputed from their warm-up alone.',
  threshold: { fixed: 'no difference' },
  check: ({ leakage }) => resultOf({ code: 'features_look_ahead', role: null }, leakage),
};

export const servedColumns: Gate<BundleEvidence> = {
  code: 'served_columns',
  vetoes: 'Columns of a feature table whose values are not those that the daemon computes from the same bars.',
  threshold: { fixed: 'no such column' },
  check: ({ outsideColumns }) =>
    outsideColumns.length === 0
      ? null
      : {
          code: 'served_columns',
          role: null,
          passed: false,
          value: outsideColumns.length,
          relation: '<=',
          limit: 0,
          unit: 'count',
          evidence: { columns: [...outsideColumns] },
        },
};

export const labelEnds: Gate<BundleEvidence> = {
  code: 'label_ends',
  vetoes: 'Labels that depend on a bar after their end.',
  threshold: { fixed: 'no difference' },
  check: ({ leakage }, role) => resultOf({ code: 'label_ends', role }, leakage),
};

export const foldBorders: Gate<ModelEvidence> = {
  code: 'fold_borders',
  vetoes: 'Training labels that touch a test label of their fold, or begin within the embargo after one.',
  threshold: { fixed: 'no overlap' },
  check: leakageTest('fold_borders'),
};

export const fittedOnTrainingRowsOnly: Gate<ModelEvidence> = {
  code: 'fitted_on_training_rows_only',
  vetoes: 'A fit that changes when rows outside its training set change.',
  threshold: { fixed: 'the same bytes' },
  check: leakageTest('fitted_on_training_rows_only'),
};

export const shuffledLabels: Gate<ModelEvidence> = {
  code: 'shuffled_labels',
  vetoes: 'An AUC on shuffled labels beyond chance, in two shuffles.',
  threshold: { fixed: '½, and its error' },
  check: leakageTest('shuffled_labels'),
};

export const shuffledLabelsRefused: Gate<ModelEvidence> = {
  code: 'shuffled_labels_refused',
  vetoes: 'Quality gates that accept a model of shuffled labels, in two shuffles.',
  threshold: { fixed: 'refused' },
  check: leakageTest('shuffled_labels_refused'),
};

function leakageTest(code: GateCode): (model: ModelEvidence) => GateResult {
  return (model) => resultOf({ code, role: model.job.name }, model.leakage);
}

function resultOf(wanted: GateIdentity, results: readonly GateResult[]): GateResult {
  const key = gateKey(wanted);
  const result = results.find((own) => gateKey(own) === key);
  if (result === undefined) throw new RangeError(`no result of the leakage test ${key}`);
  return result;
}
