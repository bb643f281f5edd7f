/**
 * Reads what services of AWS answer: XML without attributes, comments and CDATA in the parts that are read, and each
 * wanted name at one depth only.
 */
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/** Contents of each element of that name, still with their own tags. Takes time proportional to the text. */
export function elementsOf(xml: string, name: string): string[] {
  const open = `<${name}>`;
  const close = `</${name}>`;
  const found: string[] = [];
  for (let at = xml.indexOf(open); at >= 0; at = xml.indexOf(open, at)) {
    const end = xml.indexOf(close, at);
    if (end < 0) break;
    found.push(xml.slice(at + open.length, end));
    at = end;
  }
  return found;
}

/** Text of the first element of that name, which has no tags of its own; null without one. */
export function textOfTag(xml: string, name: string): string | null {
  const [text] = elementsOf(xml, name);
  return text === undefined ? null : decoded(text);
}

function decoded(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#x([\da-fA-F]{1,6})|(lt|gt|amp|quot|apos));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name as string]!;
    const code = decimal === undefined ? parseInt(hex as string, 16) : Number(decimal);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
