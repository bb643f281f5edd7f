/** A shared library that an engine needs and minutehand does not bring along. */
export interface EngineLibrary {
  /** The name that its makers give it. */
  readonly product: string;
  /** Environment variable that names its file. */
  readonly variable: string;
  /** Names of its file by platform, the likeliest first; `linux` is used for every other platform too. */
  readonly files: Readonly<Record<'linux' | 'darwin' | 'win32', readonly string[]>>;
  /** Installation instructions. */
  readonly installation: string;
}

interface EngineDeclaration {
  /** The row of docs/reference/ENGINES.md. */
  readonly summary: string;
  /** null = built in. */
  readonly library: EngineLibrary | null;
}

/**
 * Engines that train trees. Configuration, command line, documents and the loader derive from this list, in this order.
 */
const DECLARATIONS = {
  gbdt: {
    summary: 'our own histogram trees in WebAssembly, on any number of threads; all tasks',
    library: null,
  },
  random_forest: {
    summary:
      'the same trees, each on a bootstrap sample; no quantiles; does not stop early; in `train` it is not calibrated',
    library: null,
  },
  lightgbm: {
    summary: 'LightGBM through its C interface, version 3 or 4',
    library: {
      product: 'LightGBM',
      variable: 'MINUTEHAND_LIGHTGBM_LIBRARY',
      files: {
        linux: ['lib_lightgbm.so'],
        darwin: ['lib_lightgbm.dylib', 'lib_lightgbm.so'],
        win32: ['lib_lightgbm.dll', 'lightgbm.dll'],
      },
      installation:
        'Run `minutehand learners install`, or install any package of LightGBM (pip install lightgbm, conda install lightgbm, brew install lightgbm), or set MINUTEHAND_LIGHTGBM_LIBRARY to its lib_lightgbm file. It needs libgomp1.',
    },
  },
  xgboost: {
    summary:
      'XGBoost, 1.6 or newer (quantiles: 2), `hist` grown leaf by leaf; it has no minimum of rows in a leaf, so it ignores `min_data`',
    library: {
      product: 'XGBoost',
      variable: 'MINUTEHAND_XGBOOST_LIBRARY',
      files: {
        linux: ['libxgboost.so.0', 'libxgboost.so'],
        darwin: ['libxgboost.dylib'],
        win32: ['xgboost.dll', 'libxgboost.dll'],
      },
      installation:
        'Install it (Debian: apt-get install libxgboost0; else pip, conda or brew install xgboost), or set MINUTEHAND_XGBOOST_LIBRARY to its libxgboost file.',
    },
  },
} as const satisfies Readonly<Record<string, EngineDeclaration>>;

export type Engine = keyof typeof DECLARATIONS;
/** Engines with a library of their own. */
export type NativeEngine = {
  [Name in Engine]: (typeof DECLARATIONS)[Name]['library'] extends null ? never : Name;
}[Engine];

export const ENGINES = Object.keys(DECLARATIONS) as [Engine, ...Engine[]];
export const NATIVE_ENGINES = ENGINES.filter((engine): engine is NativeEngine => DECLARATIONS[engine].library !== null);
export const BUILT_IN_ENGINES = ENGINES.filter((engine) => DECLARATIONS[engine].library === null);

/** Networks that learners/python trains, in the environment that `minutehand learners install` makes. */
export const NETWORKS = ['neural_net', 'gru', 'lstm', 'transformer'] as const;
export type Network = (typeof NETWORKS)[number];
/** Those that get the features of the last bars together. */
export const SEQUENCE_NETWORKS: readonly string[] = ['gru', 'lstm', 'transformer'] satisfies Network[];

/** Models of scikit-learn that learners/python trains, in the same environment. */
export const SCIKIT = ['sklearn_logistic', 'sklearn_forest'] as const;
export type Scikit = (typeof SCIKIT)[number];

/** Where a model is learned. */
export const DEVICES = ['cpu', 'gpu'] as const;
export type Device = (typeof DEVICES)[number];
/** Engines that can learn on a GPU. In an ensemble, members of other engines learn on the processor. */
export const GPU_ENGINES: readonly string[] = [...NATIVE_ENGINES, ...NETWORKS];

/** Learners over learners. */
export const ENSEMBLES = ['vote', 'bagging', 'stacking'] as const;
export type Ensemble = (typeof ENSEMBLES)[number];
/** What can learn from the answers of the members of a stack. */
export const META_LEARNERS = ['greedy', 'logistic'] as const;

/** Engines that an ensemble can combine. */
export const VOTERS = [...ENGINES, 'logistic', 'program', ...NETWORKS, ...SCIKIT] as const;
/**
 * Learners that are not trees alone, each with its row of docs/reference/ENGINES.md, in this order. The learners
 * themselves are in `trainer/learning/learners/registry.ts`.
 */
export const LEARNER_SUMMARIES = {
  logistic:
    'ridge logistic regression on standardized columns, a missing value counts as the mean; `train` and `league` only; served by the code of the daemon',
  vote: 'the weighted mean of the probabilities of `train.vote_members` (absent: gbdt, random_forest, logistic), one ONNX graph; weights from the last part of the time, halfway to equal ones; `train` and `league` only; served by the code of the daemon unless a member is of Python or of a program of yours',
  bagging:
    'the mean of ten `gbdt` (or of `train.bagging`), each on a bootstrap sample of the days; boosted trees are averaged by their logits and are one model of trees, others by their probabilities, served as vote; `train` and `league` only',
  stacking:
    'learners of `train.stacking` (absent: gbdt, random_forest, logistic), combined by what their answers to later blocks of time were worth: greedy weights halfway to equal ones, or a logistic regression; one model of trees where boosted trees are combined by logits, else served as vote; `train` and `league` only',
  program:
    'a program of yours, in any language, that trains on the rows it is given and writes ONNX (docs/guides/extend/WRITE_A_LEARNER.md); `train` and `league` only; served by onnxruntime',
  sklearn_logistic:
    'the logistic regression of scikit-learn on standardized columns, `l2` is its penalty; needs `minutehand learners install`; `train` and `league` only; served by onnxruntime',
  sklearn_forest:
    'the random forest of scikit-learn: `rounds` trees of at most `leaves` leaves, `column_fraction` of the columns drawn for each split; otherwise as sklearn_logistic',
  neural_net:
    'a network of two hidden layers (64, 32, dropout) over one row, by PyTorch with focal loss and early stopping; needs `minutehand learners install`; `train` and `league` only; served by onnxruntime',
  gru: 'a GRU of 32 units over the features of the last `train.networks.sequence_bars` bars; otherwise as neural_net',
  lstm: 'LSTM of `train.networks.lstm_units`, LSTM of half of them, a dense layer of 32, dropout between them, over the features of the last bars; otherwise as gru',
  transformer: 'two layers of attention with four heads, 32 wide, over the features of the last bars; otherwise as gru',
} as const satisfies Readonly<Record<Ensemble | Network | Scikit, string>> & Readonly<Record<string, string>>;

/** What `train.engine` may name: engines of trees, and learners that are not trees alone. */
export type TrainEngine = Engine | keyof typeof LEARNER_SUMMARIES;
export const TRAIN_ENGINES = [...ENGINES, ...Object.keys(LEARNER_SUMMARIES)] as [TrainEngine, ...TrainEngine[]];

/** Engine of direction models where neither a person, a request nor the configuration names one. */
export const DIRECTION_ENGINE = 'gbdt' satisfies TrainEngine;

export function declarationOf(engine: Engine): EngineDeclaration {
  return DECLARATIONS[engine];
}

export function libraryOf(engine: NativeEngine): EngineLibrary {
  return DECLARATIONS[engine].library;
}
