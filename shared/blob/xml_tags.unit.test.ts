import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementsOf, textOfTag } from './xml_tags.ts';

const XML = `<?xml version="1.0"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>
<Contents><Key>a&amp;b &lt;&#x1F600;&#45;&gt; &quot;&apos;</Key><Size>3</Size><Owner><ID>x</ID></Owner></Contents>
<Contents><Key>c</Key><Size>0</Size></Contents><Contents></Contents></ListBucketResult>`;

describe('tags of an answer', () => {
  it('are elements in their order, with decoded texts', () => {
    const entries = elementsOf(XML, 'Contents');
    expect(entries.map((entry) => [textOfTag(entry, 'Key'), textOfTag(entry, 'Size')])).toEqual([
      ['a&b <😀-> "\'', '3'],
      ['c', '0'],
      [null, null],
    ]);
    expect([textOfTag(XML, 'Name'), textOfTag(XML, 'NextContinuationToken')]).toEqual(['b', null]);
  });

  it('read what was encoded', () => {
    const encode = (text: string): string =>
      text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&#34;');
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
        const xml = texts.map((text) => `<e><k>${encode(text)}</k></e>`).join('\n');
        expect(elementsOf(xml, 'e').map((one) => textOfTag(one, 'k'))).toEqual(texts);
      }),
    );
  });

  it('are none where an element does not end, and codes of no character stay', () => {
    expect(elementsOf('<a>1</a><a>2', 'a')).toEqual(['1']);
    expect(textOfTag('<a>&#x110000; &nbsp; &#99999999;</a>', 'a')).toBe('&#x110000; &nbsp; &#99999999;');
  });

  it('take time proportional to the text', () => {
    const startMs = performance.now();
    for (const part of ['<a>', '</a>', '<a></a>', '&', '&#1', '&amp;']) elementsOf(part.repeat(300_000), 'a');
    for (const part of ['&', '&#1', '&amp;', '&#x']) textOfTag(`<a>${part.repeat(300_000)}</a>`, 'a');
    expect(performance.now() - startMs).toBeLessThan(5000);
  });
});
