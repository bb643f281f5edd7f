/** Parameters of small trees that some hundred rows are enough for. */
export const SMALL_TREES = {
  rounds: 15,
  learning_rate: 0.1,
  leaves: 7,
  min_data_in_leaf: 20,
  l2: 1,
  row_fraction: 1,
  column_fraction: 1,
};
