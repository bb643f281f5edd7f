import tseslint from 'typescript-eslint';

/** Neither process imports the other; both import shared/; shared/ imports neither. */
function neverImports(folders) {
  return [
    'error',
    {
      paths: [
        { name: 'onnxruntime-node', message: 'Import shared/bundle/onnxruntime.ts, which keeps its telemetry off.' },
        ...['better-sqlite3', 'better-sqlite3-12'].map((name) => ({
          name,
          message: 'Import shared/store/sqlite.ts, which takes the version that this Node can load.',
        })),
      ],
      patterns: folders.map((folder) => ({
        regex: `^\\.{1,2}/(.*/)?${folder}/`,
        message: `${folder}/ is out of bounds here: daemon and trainer share only shared/ (docs/ARCHITECTURE.md).`,
      })),
    },
  ];
}

const ambient = 'is ambient: time, randomness and the outside world come into shared/core as arguments only.';

export default tseslint.config(
  {
    ignores: [
      'stryker.config.mjs',
      'dist/',
      'dist.*/',
      'node_modules/',
      'var/',
      'models/',
      'bin/',
      '**/*.as.ts',
      'eslint.config.js',
    ],
  },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['shared/**/*.ts'],
    rules: { 'no-restricted-imports': neverImports(['daemon', 'trainer', 'cli', 'bench', 'sim']) },
  },
  { files: ['daemon/**/*.ts'], rules: { 'no-restricted-imports': neverImports(['trainer', 'cli', 'bench', 'sim']) } },
  { files: ['trainer/**/*.ts'], rules: { 'no-restricted-imports': neverImports(['daemon', 'cli', 'bench', 'sim']) } },
  { files: ['sim/**/*.ts'], rules: { 'no-restricted-imports': neverImports(['trainer', 'cli', 'bench']) } },
  {
    files: ['cli/**/*.ts', 'bench/**/*.ts', 'test/**/*.ts', 'mt5/**/*.ts'],
    rules: { 'no-restricted-imports': neverImports([]) },
  },
  { files: ['shared/bundle/onnxruntime.ts', 'shared/store/sqlite.ts'], rules: { 'no-restricted-imports': 'off' } },
  {
    files: ['{shared,daemon,trainer,cli}/**/*.ts'],
    ignores: ['**/*.test.ts', '**/*.fixture.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.name=/^mkdir/] Property[key.name="recursive"]',
          message: 'Use shared/folder.ts: a recursive mkdir never returns below /proc.',
        },
      ],
    },
  },
  {
    files: ['shared/core/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...['process', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'fetch', 'crypto', 'Buffer'].map(
          (name) => ({ name, message: `${name} ${ambient}` }),
        ),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: `Math.random ${ambient}` },
        { object: 'Date', property: 'now', message: `Date.now ${ambient}` },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: `new Date() ${ambient}` },
      ],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            { regex: '^[^.]', message: 'shared/core has no dependencies.' },
            {
              regex: '^\\.{1,2}/(.*/)?(daemon|trainer|cli|bench|sim|bundle|policy|store|market)/',
              message: 'shared/core imports nothing outside itself but shared/bar.ts and shared/pair.ts.',
            },
          ],
        },
      ],
    },
  },
);
