/** Phrases of `allowed` in shared/policy/json_schema.ts, longer ones first. */
const PHRASES: readonly (readonly [RegExp, string])[] = [
  [/a whole number from (\S+) to ([^\s,]+)/g, '$1～$2 の整数'],
  [/a (?:whole )?number from (\S+) to ([^\s,]+)/g, '$1～$2 の数'],
  [/a number at least (\S+) and at most ([^\s,]+)/g, '$1 以上 $2 以下の数'],
  [/a number at least (\S+) and below ([^\s,]+)/g, '$1 以上 $2 未満の数'],
  [/a number above (\S+) and at most ([^\s,]+)/g, '$1 超 $2 以下の数'],
  [/a number above (\S+) and below ([^\s,]+)/g, '$1 超 $2 未満の数'],
  [/a number at least ([^\s,]+)/g, '$1 以上の数'],
  [/a number at most ([^\s,]+)/g, '$1 以下の数'],
  [/a number above ([^\s,]+)/g, '$1 超の数'],
  [/a number below ([^\s,]+)/g, '$1 未満の数'],
  [/a list of (\d+): each /g, '$1 個のリスト（要素）: '],
  [/a list of (\d+): /g, '$1 個のリスト: '],
  [/a list of (\d+) to (\d+), each /g, '$1～$2 個のリスト（要素）: '],
  [/a list of at least (\d+), each /g, '$1 個以上のリスト（要素）: '],
  [/a list of at most (\d+), each /g, '$1 個以下のリスト（要素）: '],
  [/a list of (\d+), each /g, '$1 個のリスト（要素）: '],
  [/a list, each /g, 'リスト（要素）: '],
  [/a map with the keys /g, 'マップ（キー）: '],
  [/a map/g, 'マップ'],
  [/text such as ("(?:[^"\\]|\\.)*")/g, '文字列（例 $1）'],
  [/one of /g, 'いずれか: '],
  [/true or false/g, 'true / false'],
  [/a whole number/g, '整数'],
  [/a number/g, '数'],
  [/a value/g, '値'],
  [/\btext\b/g, '文字列'],
  [/ or /g, ' または '],
];

/** Allowed values of a key, in Japanese. */
export function allowedInJapanese(text: string): string {
  return PHRASES.reduce((shown, [phrase, words]) => shown.replace(phrase, words), text);
}
