import parser from '@typescript-eslint/parser';
import regexp from 'eslint-plugin-regexp';

// The boundaries between folders, and regular expressions. All other rules are oxlint's (.oxlintrc.json).

/** Neither process imports the other; both import shared/; shared/ imports neither. */
function neverImports(folders, others = []) {
  return [
    'error',
    {
      patterns: [
        ...folders.map((folder) => ({
          regex: `^\\.{1,2}/(.*/)?${folder}/`,
          message: `${folder}/ is out of bounds here: daemon and trainer share only shared/ (docs/ARCHITECTURE.md).`,
        })),
        ...others,
      ],
    },
  ];
}

const ambient = 'is ambient: time, randomness and the outside world come in as arguments only.';

/** What differs from one run to the next, wherever it stands. */
const AMBIENT_GLOBALS = ['performance', 'setTimeout', 'setInterval', 'setImmediate', 'crypto'];
const AMBIENT_PROPERTIES = [
  ['Math', 'random'],
  ['Date', 'now'],
  ['process', 'hrtime'],
  ['process', 'uptime'],
  ['process', 'cpuUsage'],
  ...['Date', 'Math', ...AMBIENT_GLOBALS].map((name) => ['globalThis', name]),
];
const AMBIENT_SYNTAX = [
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: `new Date() ${ambient}` },
  { selector: 'CallExpression[callee.name="Date"]', message: `Date() ${ambient}` },
];
const AMBIENT_MODULES = ['timers', 'timers/promises', 'perf_hooks', 'process'];

const RECURSIVE_MKDIR = {
  selector: 'CallExpression[callee.name=/^mkdir/] Property[key.name="recursive"]',
  message: 'Use shared/folder.ts: a recursive mkdir never returns below /proc.',
};

/** Requests of other shapes know no wait of a server, no proxy, no limit. */
const byOneClient = 'Use ask() of shared/outgoing.ts.';
const ONE_CLIENT = [
  { selector: 'CallExpression[callee.name="fetch"]', message: byOneClient },
  { selector: 'MemberExpression[object.name="globalThis"][property.name="fetch"]', message: byOneClient },
  { selector: 'ImportDeclaration[source.value="undici"]', message: byOneClient },
  ...['ImportSpecifier[imported.name=/^(request|get)$/]', 'ImportDefaultSpecifier', 'ImportNamespaceSpecifier'].map(
    (what) => ({ selector: `ImportDeclaration[source.value=/^(node:)?https?$/] ${what}`, message: byOneClient }),
  ),
];

/** `turn = turn.then(work)` has no bound, and nobody leaves it. */
const PROMISE_CHAIN = {
  selector:
    'AssignmentExpression[right.callee.property.name=/^(then|catch|finally)$/][right.callee.object.type=/^(Identifier|MemberExpression)$/]',
  message: 'Use shared/in_turn.ts: a queue has a bound, and is left by an aborted request.',
};

/** Handlers and the path of a bar wait with timers; the process of a job has nothing else to do. */
const BLOCKING_WAIT = {
  selector: 'CallExpression[callee.name="blockUntilUnlocked"]',
  message: 'Use whenUnlocked of shared/process/home_lock.ts: a lock is waited for without blocking the event loop.',
};

/** In every file of a program. */
const NOWHERE = [RECURSIVE_MKDIR, PROMISE_CHAIN, ...ONE_CLIENT];

/** @param {readonly string[]} globals */
function noAmbient(globals, syntax) {
  return {
    'no-restricted-globals': ['error', ...globals.map((name) => ({ name, message: `${name} ${ambient}` }))],
    'no-restricted-properties': [
      'error',
      ...AMBIENT_PROPERTIES.map(([object, property]) => ({
        object,
        property,
        message: `${object}.${property} ${ambient}`,
      })),
    ],
    'no-restricted-syntax': ['error', ...AMBIENT_SYNTAX, ...syntax],
  };
}

/** The same input gives the same output. @param folders as in neverImports */
function deterministic(files, folders) {
  const [severity, { patterns }] = neverImports(folders);
  return {
    files,
    ignores: ['**/*.{test,fixture}.ts'],
    rules: {
      ...noAmbient(AMBIENT_GLOBALS, NOWHERE),
      'no-restricted-imports': [
        severity,
        {
          paths: [
            ...AMBIENT_MODULES.flatMap((name) =>
              [name, `node:${name}`].map((module) => ({ name: module, message: `${module} ${ambient}` })),
            ),
            ...['crypto', 'node:crypto'].map((name) => ({
              name,
              allowImportNames: ['createHash', 'hash'],
              message: `What else ${name} exports ${ambient}`,
            })),
          ],
          patterns: [
            ...patterns,
            { regex: '^\\.{1,2}/(.*/)?clock\\.ts$', message: `The clock of this machine ${ambient}` },
          ],
        },
      ],
    },
  };
}

/**
 * The pure folders: the core, and above it the strategies.
 * @param {'core' | 'strategies'} room
 * @param {number} depth folders between the room and the file
 */
function pure(room, depth) {
  const inside = ['\\./[^.]', ...(depth > 0 ? [`(\\.\\./){1,${depth}}[^.]`] : [])];
  const core = room === 'strategies' ? 'core/.*|' : '';
  const outside = `(\\.\\./){${depth + 1}}(${core}(bar|pair|elementary)\\.ts$)`;
  const above = room === 'strategies' ? 'shared/core, ' : '';
  const message = `shared/${room} imports itself, ${above}shared/bar.ts, shared/pair.ts and shared/elementary.ts, and nothing else.`;
  return {
    files: [`shared/${room}/${'*/'.repeat(depth)}*.ts`],
    ignores: ['**/*.{test,fixture}.ts'],
    rules: {
      ...noAmbient(
        [...AMBIENT_GLOBALS, 'globalThis', 'process', 'fetch', 'Buffer'],
        [{ selector: ':matches(ImportExpression, TSImportType)', message }],
      ),
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: `^(?!${[...inside, outside].join('|')})`, message },
            { regex: '[^./]/(.*/)?\\.\\./', message },
          ],
        },
      ],
    },
  };
}

export default [
  {
    ignores: [
      'stryker.config.mjs',
      'dist/',
      'dashboard/dist/',
      'dashboard/dist.*/',
      'dist.*/',
      'node_modules/',
      'var/',
      'models/',
      'bin/',
      '**/*.{as,d}.ts',
      '**/*.{test,fixture,oracle}.ts',
      'test/',
      'eslint.config.js',
    ],
  },
  { files: ['**/*.ts'], languageOptions: { parser } },
  {
    files: ['shared/**/*.ts'],
    rules: { 'no-restricted-imports': neverImports(['daemon', 'trainer', 'cli', 'bench', 'sim']) },
  },
  { files: ['daemon/**/*.ts'], rules: { 'no-restricted-imports': neverImports(['trainer', 'cli', 'bench', 'sim']) } },
  { files: ['trainer/**/*.ts'], rules: { 'no-restricted-imports': neverImports(['daemon', 'cli', 'bench', 'sim']) } },
  // The contract of learners knows no learner; trees learn from any table by it.
  ...[
    { files: 'contract/*.ts', depth: 0, others: [] },
    { files: 'trees/*.ts', depth: 0, others: ['contract/'] },
    { files: 'trees/*/*.ts', depth: 1, others: ['contract/'] },
  ].map(({ files, depth, others }) => ({
    files: [`trainer/learning/learners/${files}`],
    ignores: ['**/*.test.ts', '**/*.fixture.ts'],
    rules: {
      'no-restricted-imports': neverImports(
        ['daemon', 'cli', 'bench', 'sim'],
        [
          {
            regex: `^(\\.\\./){${depth + 1}}(?!${['\\.\\./\\.\\./\\.\\./shared/', ...others].join('|')})`,
            message: `learners/${files} imports only itself, ${others.map((other) => `${other}, `).join('')}and shared/.`,
          },
        ],
      ),
    },
  })),
  { files: ['sim/**/*.ts'], rules: { 'no-restricted-imports': neverImports(['trainer', 'cli', 'bench']) } },
  { files: ['bench/**/*.ts'], rules: { 'no-restricted-imports': neverImports(['cli']) } },
  {
    files: ['{shared,daemon,trainer,cli}/**/*.ts'],
    ignores: ['**/*.test.ts', '**/*.fixture.ts', 'trainer/{jobs,learning}/**'],
    rules: { 'no-restricted-syntax': ['error', ...NOWHERE, BLOCKING_WAIT] },
  },
  {
    files: ['trainer/{jobs,learning}/**/*.ts'],
    ignores: ['**/*.test.ts', '**/*.fixture.ts'],
    rules: { 'no-restricted-syntax': ['error', ...NOWHERE] },
  },
  {
    files: ['shared/outgoing.ts'],
    rules: { 'no-restricted-syntax': ['error', RECURSIVE_MKDIR, PROMISE_CHAIN, BLOCKING_WAIT] },
  },
  deterministic(['daemon/{align,decide}/**/*.ts', 'daemon/pipeline.ts'], ['trainer', 'cli', 'bench', 'sim']),
  deterministic(
    ['trainer/learning/{label,backtest,validate,strategies/*/{label,backtest}}/**/*.ts'],
    ['daemon', 'cli', 'bench', 'sim'],
  ),
  deterministic(
    ['shared/bundle/{model_set,prepared_models,scorer}.ts', 'shared/bundle/{onnx,tree_kernel}/**/*.ts'],
    ['daemon', 'trainer', 'cli', 'bench', 'sim'],
  ),
  ...[0, 1, 2, 3].map((depth) => pure('core', depth)),
  ...[0, 1, 2].map((depth) => pure('strategies', depth)),
  {
    // A text from outside must not be able to occupy a process: every expression takes time proportional to its text.
    files: ['{shared,daemon,trainer,cli,bench,sim}/**/*.ts', 'dashboard/src/**/*.{ts,tsx}'],
    ignores: ['**/*.{test,fixture,oracle}.ts'],
    languageOptions: { parser },
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential' }],
    },
  },
];
