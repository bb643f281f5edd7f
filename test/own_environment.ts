/** Settings of the test run itself; every other one of the program would reach the programs that tests start. */
const OF_TESTS: ReadonlySet<string> = new Set([
  'MINUTEHAND_WEEKLY',
  'MINUTEHAND_WINDOWS',
  'MINUTEHAND_PICTURES',
  'MINUTEHAND_TEST_DATA',
  'MINUTEHAND_TEST_REPORT',
  'MINUTEHAND_LIGHTGBM_LIBRARY',
  'MINUTEHAND_XGBOOST_LIBRARY',
  'MINUTEHAND_CCXT',
  'MINUTEHAND_TEST_PYTHON',
]);

/** Takes the settings of the shell that started the tests out of an environment. @returns their names */
export function leaveSettingsOut(env: NodeJS.ProcessEnv): string[] {
  const names = Object.keys(env).filter((name) => name.startsWith('MINUTEHAND_') && !OF_TESTS.has(name));
  for (const name of names) delete env[name];
  return names;
}
